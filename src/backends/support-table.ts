import { type OpName, opOf, type Program, ProgramBuilder, sampleTensors } from '../ir/index.ts';
import { type Result, unwrap } from '../support/index.ts';
import type { SupportStatus } from './backend.ts';

/** How a backend treats each op; for the support matrix. */
export interface SupportTable {
  /** Why an op is refused in every form that its samples have; some ops are there for integers only, and programs say so of each node. */
  readonly refusal: (op: OpName) => string | undefined;
  readonly support: (op: OpName) => SupportStatus;
}

/** What is asked of a backend without float32. */
export interface IntegerRows {
  readonly hasRow: (op: OpName) => boolean;
  readonly lower: (program: Program) => Result<unknown>;
  /** Why there are no floats. */
  readonly floatReason: string;
}

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
const findRefusal = ({ lower, floatReason }: IntegerRows, op: OpName): string | undefined => {
  let reason = NONE;
  for (const program of samplePrograms(op)) {
    if (program.types.some((t) => t.dtype === 'f32')) {
      if (reason === NONE) reason = floatReason;
      continue;
    }
    const lowered = lower(program);
    if (lowered.ok) return undefined;
    const own = lowered.diagnostics[0]?.message ?? '';
    reason = own.startsWith(`${op}: `) ? own.slice(op.length + 2) : `its definition has ${own}`;
  }
  return reason;
};

/** The table of a backend that lowers integer programs only; every op is in it, by its samples. */
export const supportTable = (rows: IntegerRows): SupportTable => {
  const known = new Map<OpName, string | undefined>();
  const refusal = (op: OpName): string | undefined => {
    if (!known.has(op)) known.set(op, findRefusal(rows, op));
    return known.get(op);
  };
  const support = (op: OpName): SupportStatus => {
    if (refusal(op) !== undefined) return 'refused';
    if (!rows.hasRow(op)) return 'composite';
    return opOf(op).kind === 'primitive' ? 'primitive' : 'fast';
  };
  return { refusal, support };
};
