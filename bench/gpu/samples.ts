import type { TestVector } from '../../src/backends/gpu/index.ts';
import {
  completeAttrs,
  OP_NAMES,
  type OpName,
  opOf,
  ProgramBuilder,
  runProgram,
  type Program,
  sampleTensors,
  type Tensor,
} from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';

/** Operands that the verifier wants as parameters. */
const ALWAYS_PARAMS: Partial<Record<OpName, readonly number[]>> = { rescale: [1, 2], mul_rescale: [2, 3] };

/** Ops of one program: a compiler takes it in one piece of a few hundred kilobytes. */
const OPS_EACH = 24;

/**
 * Every sample of every op, twice: with all operands as inputs, and with those behind the first as parameters, as weights are. One
 * program for some ops each.
 */
export const samplePrograms = (): readonly { readonly program: Program; readonly vector: TestVector }[] => {
  const groups: OpName[][] = [];
  OP_NAMES.forEach((op, i) => (groups[Math.floor(i / OPS_EACH)] ??= []).push(op));
  return groups.map((ops, k) => {
    const builder = new ProgramBuilder(`samples_${k}`);
    const inputs: Tensor[] = [];
    for (const op of ops) addSamples(builder, op, inputs);
    const program = builder.finish();
    return { program, vector: { inputs, outputs: runProgram(program, inputs) } };
  });
};

const addSamples = (builder: ProgramBuilder, op: OpName, inputs: Tensor[]): void => {
  const must = new Set(ALWAYS_PARAMS[op] ?? []);
  opOf(op).samples.forEach((sample, i) => {
    const operands = sampleTensors(sample, i + 1);
    for (const way of ['inputs', 'parameters'] as const) {
      const name = `${op} ${i} ${way}`;
      const values = operands.map((tensor, k) => {
        if (must.has(k) || (way === 'parameters' && k > 0)) return builder.param(`${name} p${k}`, tensor);
        inputs.push(tensor);
        return builder.input(`${name} x${k}`, { dtype: tensor.dtype, shape: tensor.shape });
      });
      const attrs = unwrap(completeAttrs(op, sample.attrs ?? {}));
      unwrap(builder.tryEmit(op, values, attrs)).forEach((v, k) => builder.output(`${name} y${k}`, v));
    }
  });
};
