import { filled, given, type NamedCase } from './named.ts';

const NAN = Number.NaN;
const INF = Number.POSITIVE_INFINITY;
const LEAST = 2 ** -149;
const NORMAL = 2 ** -126;
const MAX = 3.4028234663852886e38;

/** The float32 with these bits. */
const bits = (text: string): number => {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, Number.parseInt(text, 16));
  return view.getFloat32(0);
};

const binary = (name: string, op: string, a: readonly number[], b: readonly number[], known: readonly number[]): NamedCase => ({
  name,
  op,
  operands: [given(`f32[${a.length}]`, a), given(`f32[${b.length}]`, b)],
  known: [known],
});
const unary = (name: string, op: string, x: readonly number[], known: readonly number[]): NamedCase => ({
  name,
  op,
  operands: [given(`f32[${x.length}]`, x)],
  known: [known],
});

const ONE_UP = 1 + 2 ** -12;
/** a b + c with a = b = 1 + 2^-12, c = -(1 + 2^-11): 0 when the product is rounded first, 2^-24 when it is not. */
const fused: readonly NamedCase[] = [
  {
    name: 'fused-dense',
    op: 'dense',
    operands: [given('f32[1,2]', [1, ONE_UP]), given('f32[1,2]', [-(1 + 2 ** -11), ONE_UP])],
    known: [[0]],
  },
  {
    name: 'fused-conv',
    op: 'conv',
    operands: [given('f32[1,2,1,1]', [1, ONE_UP]), given('f32[1,2,1,1]', [-(1 + 2 ** -11), ONE_UP])],
    attrs: { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] },
    known: [[0]],
  },
  {
    name: 'fused-matmul',
    op: 'matmul',
    operands: [given('f32[1,2]', [1, ONE_UP]), given('f32[2,1]', [-(1 + 2 ** -11), ONE_UP])],
    known: [[0]],
  },
];

/** I: strict float32. */
export const floats: readonly NamedCase[] = [
  binary('subnormal-add', 'add', [LEAST, NORMAL, -NORMAL], [LEAST, -LEAST, LEAST], [2 * LEAST, NORMAL - LEAST, LEAST - NORMAL]),
  binary('subnormal-mul', 'mul', [NORMAL, LEAST, LEAST], [0.5, 0.5, 1.5], [NORMAL / 2, 0, 2 * LEAST]),
  binary('subnormal-div', 'div', [NORMAL, LEAST], [4, 2], [NORMAL / 4, 0]),
  binary('flush-to-zero', 'mul', [NORMAL], [0.5], [NORMAL / 2]),
  binary('signed-zeros', 'add', [-0, -0, 0], [-0, 0, -0], [-0, 0, 0]),
  binary('signed-zeros-mul', 'mul', [-0, -0, 3], [2, -2, -0], [-0, 0, -0]),
  binary('signed-zeros-maximum', 'maximum', [-0, 0], [0, -0], [0, 0]),
  binary('signed-zeros-minimum', 'minimum', [-0, 0], [0, -0], [-0, -0]),
  binary('infinity-minus-infinity', 'sub', [INF], [INF], [NAN]),
  binary('zero-times-infinity', 'mul', [0, -0], [INF, INF], [NAN, NAN]),
  binary('zero-by-zero', 'div', [0, 1, -1], [0, 0, 0], [NAN, INF, -INF]),
  binary('overflow', 'mul', [MAX, -MAX], [2, 2], [INF, -INF]),
  binary('nan-maximum', 'maximum', [NAN, 1], [1, NAN], [NAN, NAN]),
  unary('nan-canonical', 'sqrt', [-1, -INF, NAN], [NAN, NAN, NAN]),
  ...fused,
  {
    // (1 + 2^-24) + 2^-24 is 1, and 1 + (2^-24 + 2^-24) is not
    name: 'association',
    op: 'reduce_sum',
    operands: [given('f32[2,3]', [1, 2 ** -24, 2 ** -24, 2 ** -24, 2 ** -24, 1])],
    attrs: { axes: [1] },
  },
  {
    // through float64 and then float32 the tie of the second step is lost
    name: 'double-rounding',
    op: 'add',
    operands: [given('f32[2]', [1, 16777216]), given('f32[2]', [2 ** -24 + 2 ** -47, 1 + 2 ** -23])],
    known: [[1 + 2 ** -23, 16777218]],
  },
  unary('exp-known', 'exp', [bits('c16912cd')], [bits('34fd331b')]),
  { name: 'log-hard', op: 'log', operands: [given('f32[2]', [bits('41178feb'), bits('4c5d65a5')])] },
  unary('erf-known', 'erf', [bits('3940ead6'), -bits('3940ead6')], [bits('3959af14'), -bits('3959af14')]),
  ...filled(34, (n) => n).flatMap((n): NamedCase[] =>
    ['reduce_sum', 'reduce_mean'].map((op) => ({
      name: `${op}-${n}`,
      op,
      operands: [`f32[2,${n}]`],
      attrs: { axes: [1] },
      data: ['uniform', 'wide', 'edges'],
    })),
  ),
];
