import { acos64, acosh64, asin64, asinh64, atan64, atanh64, cos64, cosh64, sin64, sinh64, tan64 } from '../numeric/index.ts';
import type { Sample } from '../schema.ts';
import { unaryFloat } from './unary.ts';

/** Both reductions of an angle: ordinary, up to 2^22, and beyond. */
const angles: readonly Sample[] = [
  { operands: [{ type: 'f32[3,7]', lo: -7, hi: 7 }] },
  { operands: [{ type: 'f32[9]', lo: -4e6, hi: 4e6 }] },
  { operands: [{ type: 'f32[9]', data: [4194304, -5e6, 1e8, -3e12, 1e20, 1e30, -3e38, 3.4028234663852886e38, 16367173.4] }] },
  { operands: ['f32[0]'] },
];
const unit: readonly Sample[] = [
  { operands: [{ type: 'f32[3,7]', lo: -1, hi: 1 }] },
  { operands: [{ type: 'f32[8]', data: [0, -0, 1, -1, 0.125, -0.125, 1.5, -1.5] }] },
];
const line: readonly Sample[] = [
  { operands: [{ type: 'f32[3,7]', lo: -3, hi: 3 }] },
  { operands: [{ type: 'f32[9]', lo: -100, hi: 100 }] },
  { operands: [{ type: 'f32[6]', data: [0, -0, 1e30, -1e30, 1e-30, -1e-30] }] },
];

export const trigonometry = {
  sin: unaryFloat({
    code: 0xc0,
    summary: 'Sine.',
    doc: 'y = sin x in float64, rounded once; exact reduction for every float32; infinities give NaN.',
    f: sin64,
    work: 8,
    weight: 13,
    samples: angles,
  }),
  cos: unaryFloat({
    code: 0xc1,
    summary: 'Cosine.',
    doc: 'y = cos x in float64, rounded once; exact reduction for every float32; infinities give NaN.',
    f: cos64,
    work: 8,
    weight: 13,
    samples: angles,
  }),
  tan: unaryFloat({
    code: 0xc2,
    summary: 'Tangent.',
    doc: 'y = sin x / cos x in float64, rounded once; infinities give NaN.',
    f: tan64,
    work: 16,
    weight: 9,
    samples: angles,
  }),
  asin: unaryFloat({
    code: 0xc3,
    summary: 'Inverse sine.',
    doc: 'y = atan(x / sqrt((1 - x)(1 + x))) in float64, rounded once; NaN outside [-1, 1].',
    f: asin64,
    work: 8,
    weight: 13,
    samples: unit,
  }),
  acos: unaryFloat({
    code: 0xc4,
    summary: 'Inverse cosine.',
    doc: 'y = 2 atan(sqrt((1 - x) / (1 + x))) in float64, rounded once; NaN outside [-1, 1].',
    f: acos64,
    work: 8,
    weight: 13,
    samples: unit,
  }),
  atan: unaryFloat({
    code: 0xc5,
    summary: 'Inverse tangent.',
    doc: 'y = atan x in float64, rounded once.',
    f: atan64,
    work: 8,
    weight: 13,
    samples: line,
  }),
  sinh: unaryFloat({
    code: 0xc6,
    summary: 'Hyperbolic sine.',
    doc: 'y = (e^x - e^-x) / 2 in float64, by its series where |x| < 1, rounded once.',
    f: sinh64,
    work: 4,
    weight: 26,
    samples: line,
  }),
  cosh: unaryFloat({
    code: 0xc7,
    summary: 'Hyperbolic cosine.',
    doc: 'y = (e^x + e^-x) / 2 in float64, rounded once.',
    f: cosh64,
    work: 4,
    weight: 26,
    samples: line,
  }),
  asinh: unaryFloat({
    code: 0xc8,
    summary: 'Inverse hyperbolic sine.',
    doc: 'y = ln(x + sqrt(x^2 + 1)) in float64, by a series near 0, rounded once.',
    f: asinh64,
    work: 8,
    weight: 13,
    samples: line,
  }),
  acosh: unaryFloat({
    code: 0xc9,
    summary: 'Inverse hyperbolic cosine.',
    doc: 'y = ln(x + sqrt(x^2 - 1)) in float64, by a series near 1, rounded once; NaN below 1.',
    f: acosh64,
    work: 8,
    weight: 13,
    samples: [
      { operands: [{ type: 'f32[3,7]', lo: 0.9, hi: 1.2 }] },
      { operands: [{ type: 'f32[5]', lo: 0, hi: 100 }] },
      { operands: [{ type: 'f32[4]', data: [1, 1e30, -2, 0] }] },
    ],
  }),
  atanh: unaryFloat({
    code: 0xca,
    summary: 'Inverse hyperbolic tangent.',
    doc: 'y = ln((1 + x) / (1 - x)) / 2 in float64, by a series near 0, rounded once; infinite at -1 and 1, NaN beyond.',
    f: atanh64,
    work: 8,
    weight: 13,
    samples: unit,
  }),
} as const;
