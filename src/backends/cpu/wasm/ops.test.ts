import { beforeAll, describe, test } from '@jest/globals';
import {
  type AnyAttrs,
  DTYPE_INFO,
  OP_NAMES,
  type OpName,
  opOf,
  ProgramBuilder,
  type Program,
  sampleTensors,
  type Tensor,
} from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { expectSame } from '../../../../tests/support/same-as-reference.ts';
import { wasmBackend } from './index.ts';

/** Operands that the verifier wants as parameters. */
const ALWAYS_PARAMS: Partial<Record<OpName, readonly number[]>> = { rescale: [1, 2], mul_rescale: [2, 3] };

/** One use of an op: operands for which `isParam` holds are parameters, the others inputs. */
const oneOp = (
  op: OpName,
  operands: readonly Tensor[],
  attrs: AnyAttrs,
  isParam: (i: number) => boolean,
): { program: Program; inputs: Tensor[] } => {
  const builder = new ProgramBuilder(op);
  const inputs: Tensor[] = [];
  const values = operands.map((t, i) => {
    if (isParam(i)) return builder.param(`p${i}`, t);
    inputs.push(t);
    return builder.input(`x${i}`, { dtype: t.dtype, shape: t.shape });
  });
  unwrap(builder.tryEmit(op, values, attrs)).forEach((v, i) => builder.output(`y${i}`, v));
  return { program: builder.finish(), inputs };
};

/** Float operands with the special values mixed in. */
const withSpecials = (tensors: readonly Tensor[]): Tensor[] =>
  tensors.map((t) => {
    if (t.dtype !== 'f32') return t;
    const data = DTYPE_INFO.f32.make(t.data.length);
    data.set(t.data);
    const specials = [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      -0,
      0,
      1e-45,
      -1e-40,
      3e38,
      -0.5,
      0.5,
      1.5,
      2.5,
      1e10,
    ];
    for (let i = 0; i < data.length; i += 3) data[i] = specials[(i / 3) % specials.length] ?? 0;
    return { ...t, data };
  });

beforeAll(() => wasmBackend.prepare?.());

describe.each(OP_NAMES)('%s', (op) => {
  const must = new Set(ALWAYS_PARAMS[op] ?? []);
  const samples = opOf(op).samples.map((sample, i) => ({ sample, i }));
  test.each(samples)('sample $i', ({ sample, i }) => {
    const attrs = sample.attrs ?? {};
    const operands = sampleTensors(sample, i + 1);
    // weights and tables are parameters in real programs, and what depends on parameters alone runs once, at instantiation
    const variants = [(k: number) => must.has(k), (k: number) => k > 0, (k: number) => k === 0 || must.has(k), () => true];
    for (const isParam of variants) {
      const { program, inputs } = oneOp(op, operands, attrs, isParam);
      expectSame(wasmBackend, program, inputs);
    }
    const special = withSpecials(sampleTensors(sample, i));
    const { program, inputs } = oneOp(op, special, attrs, (k) => must.has(k));
    expectSame(wasmBackend, program, inputs);
  });
});
