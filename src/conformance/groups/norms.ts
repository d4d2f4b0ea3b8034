import { exp64 } from '../../ir/index.ts';
import { filled, given, type NamedCase } from './named.ts';

/** E[d] = floor(2^16 e^(-d / 16) + 1/2): the softmax table of scale 1/16. */
const sixteenth = filled(256, (d) => Math.floor(65536 * exp64(-d / 16) + 0.5));

const softmax = (name: string, x: readonly number[], known: readonly number[]): NamedCase => ({
  name: `softmax-${name}`,
  op: 'softmax_lut',
  operands: [given(`i8[${known.length}]`, x), given('i32[256]', sixteenth)],
  attrs: { axis: 0 },
  known: [known],
});

const FLOAT_NORMS = ['layer_norm', 'rms_norm'] as const;
const rows: Readonly<Record<string, readonly number[]>> = {
  constant: filled(7, () => 3.25),
  'two-values': filled(8, (i) => (i % 2 === 0 ? -1 : 3)),
  single: [5],
  prime: filled(13, (i) => i * i - 40),
  widest: filled(8, (i) => (i % 2 === 0 ? -1e18 : 1e18)),
  tiny: filled(5, (i) => i * 1e-30),
};

const INTEGER_ROWS: Readonly<Record<string, readonly number[]>> = {
  constant: filled(7, () => -31),
  'two-values': filled(8, (i) => (i % 2 === 0 ? -1 : 3)),
  single: [5],
  prime: filled(13, (i) => i * i - 40),
  widest: filled(64, (i) => (i % 2 === 0 ? -128 : 127)),
};
const integerNorms: readonly NamedCase[] = Object.entries(INTEGER_ROWS).flatMap(([name, x]) =>
  [true, false].flatMap((center) =>
    [0, 2 ** 30].map(
      (epsilon): NamedCase => ({
        name: `layer-norm-fixed-${name}${center ? '' : '-rms'}${epsilon === 0 ? '' : '-epsilon-dominates'}`,
        op: 'layer_norm_fixed',
        operands: [given(`i8[1,${x.length}]`, x), given('i16[1]', [1024]), given('i32[1]', [300])],
        attrs: { axis: -1, center, epsilon, epsilon_shift: epsilon === 0 ? 0 : 10, shift: 16, output_zero: -3, lo: -128, hi: 127 },
      }),
    ),
  ),
);

/** G: normalizations. */
export const norms: readonly NamedCase[] = [
  ...integerNorms,
  {
    name: 'softmax-fixed-equal',
    op: 'softmax_fixed',
    operands: [given('i16[4]', [9])],
    attrs: { axis: 0, multiplier: 1512775, shift: 16, bits: 15 },
    known: [[8192, 8192, 8192, 8192]],
  },
  softmax('two-equal', [0, 0], [0, 0]),
  softmax('extremes', [127, -128], [127, -128]),
  softmax('ramp', [10, 20, 30, 40], [-108, -91, -59, 2]),
  softmax('three-equal', [5, 5, 5], [-43, -43, -43]),
  softmax('single', [-128], [127]),
  softmax(
    'widest-row',
    [-7],
    filled(16384, () => -128),
  ),
  ...FLOAT_NORMS.flatMap((op) =>
    Object.entries(rows).flatMap(([name, x]): NamedCase[] => [
      { name: `${op}-${name}`, op, operands: [given(`f32[1,${x.length}]`, x)] },
      { name: `${op}-${name}-epsilon-dominates`, op, operands: [given(`f32[1,${x.length}]`, x)], attrs: { epsilon: 1e10 } },
    ]),
  ),
];
