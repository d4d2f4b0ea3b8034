import {
  type AnyAttrs,
  DTYPE_INFO,
  OP_NAMES,
  type OpName,
  opOf,
  type Program,
  ProgramBuilder,
  sampleTensors,
  type Tensor,
} from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';

/** A program of one op, and what to run it on. */
export interface OpUse {
  readonly name: string;
  readonly program: Program;
  readonly inputs: readonly Tensor[];
}

/** Operands that the verifier wants as parameters. */
const ALWAYS_PARAMS: Partial<Record<OpName, readonly number[]>> = { rescale: [1, 2], mul_rescale: [2, 3] };

/** One use of an op: operands for which `isParam` holds are parameters, the others inputs. */
const oneOp = (op: OpName, operands: readonly Tensor[], attrs: AnyAttrs, isParam: (i: number) => boolean): Omit<OpUse, 'name'> => {
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

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
const SPECIALS = [nan, infinity, -infinity, -0, 0, 1e-45, -1e-40, 3e38, -0.5, 0.5, 1.5, 2.5, 1e10];

/** Float operands with the special values mixed in. */
const withSpecials = (tensors: readonly Tensor[]): readonly Tensor[] =>
  tensors.map((t) => {
    if (t.dtype !== 'f32') return t;
    const data = DTYPE_INFO.f32.make(t.data.length);
    data.set(t.data);
    for (let i = 0; i < data.length; i += 3) data[i] = SPECIALS[(i / 3) % SPECIALS.length] ?? 0;
    return { ...t, data };
  });

/**
 * Every sample of every op, with its operands as inputs or parameters in several ways: weights and tables are parameters in
 * real programs, and what depends on parameters alone runs once, at instantiation. Floats also with the special values.
 */
export const opUses = (): readonly OpUse[] =>
  OP_NAMES.flatMap((op) => {
    const must = new Set(ALWAYS_PARAMS[op] ?? []);
    return opOf(op).samples.flatMap((sample, i) => {
      const attrs = sample.attrs ?? {};
      const operands = sampleTensors(sample, i + 1);
      const name = `${op} sample ${i}`;
      const variants: readonly (readonly [string, (k: number) => boolean])[] = [
        ['inputs', (k) => must.has(k)],
        ['parameters behind the first', (k) => k > 0],
        ['parameter first', (k) => k === 0 || must.has(k)],
        ['parameters', () => true],
      ];
      return [
        ...variants.map(([how, isParam]) => ({ name: `${name}, ${how}`, ...oneOp(op, operands, attrs, isParam) })),
        { name: `${name}, special values`, ...oneOp(op, withSpecials(sampleTensors(sample, i)), attrs, (k) => must.has(k)) },
      ];
    });
  });
