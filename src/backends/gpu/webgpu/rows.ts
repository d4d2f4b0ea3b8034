import { type OpName, opOf, ProgramBuilder, type Program, sampleTensors } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import type { SupportStatus } from '../../backend.ts';
import { FLOAT_REASON, hasRow } from './lower/index.ts';
import { lowerProgram } from './lower.ts';

/** Programs of one op, for each of its samples, in order. */
function* samplePrograms(op: OpName): Generator<Program> {
  for (const [i, sample] of opOf(op).samples.entries()) {
    const builder = new ProgramBuilder(op);
    const operands = sampleTensors(sample, i + 1).map((tensor, k) =>
      k === 0 ? builder.input('x', { dtype: tensor.dtype, shape: tensor.shape }) : builder.param(`p${k}`, tensor),
    );
    unwrap(builder.tryEmit(op, operands, sample.attrs ?? {})).forEach((v, k) => builder.output(`y${k}`, v));
    yield builder.finish();
  }
}

const NONE = 'it has no samples';

/** Why no sample of an op is lowered; undefined when one is. Floats are refused before: what they would need says less. */
const findRefusal = (op: OpName): string | undefined => {
  let reason = NONE;
  for (const program of samplePrograms(op)) {
    if (program.types.some((t) => t.dtype === 'f32')) {
      if (reason === NONE) reason = FLOAT_REASON;
      continue;
    }
    const lowered = lowerProgram(program);
    if (lowered.ok) return undefined;
    const own = lowered.diagnostics[0]?.message ?? '';
    reason = own.startsWith(`${op}: `) ? own.slice(op.length + 2) : `its definition has ${own}`;
  }
  return reason;
};

const known = new Map<OpName, string | undefined>();

/** Why an op is refused in every form that its samples have; some ops are there for integers only, and programs say so of each node. */
export const refusalOf = (op: OpName): string | undefined => {
  if (!known.has(op)) known.set(op, findRefusal(op));
  return known.get(op);
};

export const supportOf = (op: OpName): SupportStatus => {
  if (refusalOf(op) !== undefined) return 'refused';
  if (!hasRow(op)) return 'composite';
  return opOf(op).kind === 'primitive' ? 'primitive' : 'fast';
};
