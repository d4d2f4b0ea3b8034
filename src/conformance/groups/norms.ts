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

/** G: normalizations. */
export const norms: readonly NamedCase[] = [
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
