import { attr } from '../attr.ts';
import { rdiv } from '../numeric/index.ts';
import { composite, constraint, primitive, type InferResult, type Sample, types, violates } from '../schema.ts';
import { type DType, elementCount, type Tensor, type TensorType } from '../types.ts';
import { describe, isOneOf, resultCount } from './util.ts';
import { spatialOf, tapTable, type Window, window3, windowAttrs, windowOutput, windowProblem, withSpatial } from './window.ts';

export const poolAttrs = { ...windowAttrs, kernel: attr.ints({ min: 1, max: 65536 }), ceil: attr.bool({ default: false }) } as const;

export interface PoolAttrs extends Window {
  readonly ceil: boolean;
}

/** True when some window along dimension i has all its taps in padding. Only windows that start in the begin padding can. */
const hasEmptyWindow = (size: number, i: number, n: number, a: PoolAttrs): boolean => {
  const [kernel, dilation, stride] = [a.kernel[i] ?? 1, a.dilation[i] ?? 1, a.stride[i] ?? 1];
  const begin = a.pads[i] ?? 0;
  if (Math.max(begin, a.pads[n + i] ?? 0) >= dilation * (kernel - 1) + 1) return true;
  if (size === 0) return begin + (a.pads[n + i] ?? 0) > 0;
  for (let start = -begin; start < 0; start += stride) {
    const tap = Math.ceil(-start / dilation);
    if (tap >= kernel || start + tap * dilation >= size) return true;
  }
  return false;
};

/** Type of a pooled x, or which of c1 to c4 it breaks. */
export const inferPool = (x: TensorType, a: PoolAttrs, dtypes: readonly DType[] = ['i8', 'u8', 'f32']): InferResult => {
  const spatial = spatialOf(x.shape);
  if (x.shape.length < 3 || x.shape.length > 5 || spatial === undefined) return violates('c1', describe('x', x));
  const problem = windowProblem(spatial.length, a);
  if (problem !== undefined) return violates('c2', problem);
  const empty = spatial.some((size, i) => hasEmptyWindow(size, i, spatial.length, a));
  if (empty) return violates('c3', `pads ${a.pads.join(', ')}, kernel ${a.kernel.join(', ')}, dilation ${a.dilation.join(', ')}`);
  if (!isOneOf(x, ...dtypes)) return violates('c4', `x is ${x.dtype}`);
  return types({ dtype: x.dtype, shape: withSpatial(x.shape, x.shape[1] ?? 1, windowOutput(spatial, a, a.ceil)) });
};

const w2 = { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] };
export const poolConstraints = {
  c1: constraint('x has rank 3 to 5 with numbers as spatial sizes.', ['i8[2,3]'], w2),
  c2: constraint('kernel, stride and dilation have one entry, pads two, for each spatial dimension.', ['i8[1,2,5,5]'], {
    ...w2,
    kernel: [2],
  }),
  c3: constraint(
    'No window lies wholly in padding: each pad is smaller than the reach of the kernel, and dilation does not step over the input.',
    ['i8[1,2,5,5]'],
    {
      ...w2,
      pads: [2, 0, 0, 0],
    },
  ),
  c4: constraint('x is i8, u8 or f32.', ['bool[1,2,5,5]'], w2),
} as const;

/** Pools that exist for i16 too. */
const WIDE_DTYPES = ['i8', 'u8', 'i16', 'f32'] as const;
const wideConstraints = { ...poolConstraints, c4: constraint('x is i8, u8, i16 or f32.', ['bool[1,2,5,5]'], w2) } as const;

export const poolSamples = (dtype: string, extra: Readonly<Record<string, boolean | number>> = {}): readonly Sample[] => [
  { operands: [`${dtype}[1,3,6,7]`], attrs: { ...w2, ...extra } },
  { operands: [`${dtype}[2,2,7,7]`], attrs: { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pads: [1, 1, 1, 1], ...extra } },
  {
    operands: [`${dtype}[1,2,6,5]`],
    attrs: { kernel: [3, 2], stride: [2, 3], dilation: [1, 2], pads: [0, 1, 1, 0], ceil: true, ...extra },
  },
  { operands: [`${dtype}[1,2,9]`], attrs: { kernel: [4], stride: [3], dilation: [1], pads: [1, 2], ...extra } },
  {
    operands: [`${dtype}[1,2,4,4,4]`],
    attrs: { kernel: [2, 2, 2], stride: [1, 2, 1], dilation: [1, 1, 1], pads: [0, 0, 0, 1, 1, 1], ...extra },
  },
  { operands: [`${dtype}[1,1,1,1]`], attrs: { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0], ...extra } },
];

const planes = (x: Tensor, y: Tensor, a: PoolAttrs) => ({
  table: tapTable(window3(x.shape.slice(2), y.shape.slice(2), a)),
  taps: elementCount(a.kernel),
  count: (x.shape[0] ?? 0) * (x.shape[1] ?? 0),
  plane: elementCount(x.shape.slice(2)),
  positions: elementCount(y.shape.slice(2)),
});

/** Taps of window o that lie inside the input or, for include_pad, inside the padded input. */
const paddedCounts = (x: Tensor, y: Tensor, a: PoolAttrs): Int32Array => {
  const spatial = x.shape.slice(2);
  const whole = spatial.map((s, i) => s + (a.pads[i] ?? 0) + (a.pads[spatial.length + i] ?? 0));
  const padded = window3(whole, y.shape.slice(2), { ...a, pads: a.pads.map(() => 0) });
  const table = tapTable(padded);
  const taps = elementCount(a.kernel);
  return Int32Array.from({ length: elementCount(y.shape.slice(2)) }, (_, o) => {
    let n = 0;
    for (let t = 0; t < taps; t++) if (table[o * taps + t]! >= 0) n++;
    return n;
  });
};

export const pool = {
  max_pool: primitive({
    code: 0x50,
    summary: 'Maximum over windows.',
    doc: 'y = max of x over the window; padding never wins (c3 keeps windows from being all padding). f32: NaN wins, -0 < +0. ceil keeps the last partial window.',
    operands: ['x'],
    attrs: poolAttrs,
    constraints: wideConstraints,
    infer: ([x], a) => inferPool(x, a, WIDE_DTYPES),
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const p = planes(x, y, a);
      for (let c = 0; c < p.count; c++)
        for (let o = 0; o < p.positions; o++) {
          let best = Number.NEGATIVE_INFINITY;
          for (let t = 0; t < p.taps; t++) {
            const offset = p.table[o * p.taps + t]!;
            if (offset >= 0) best = Math.max(best, x.data[c * p.plane + offset]!);
          }
          y.data[c * p.positions + o] = best;
        }
    },
    range: ([x]) => [x],
    cost: (_o, a, results) => resultCount(results) * elementCount(a.kernel),
    samples: [...poolSamples('i8'), ...poolSamples('f32'), ...poolSamples('i16')],
  }),

  average_pool: primitive({
    code: 0x51,
    summary: 'Mean over windows.',
    doc:
      'Integer: y = rdiv(S, c), half up, S the sum over cells inside the input, c their number; the zero point cancels. With include_pad, cells of the declared padding count too and hold pad_value. ' +
      'Float: S in window order by F2 from +0, then fl(S / c).',
    operands: ['x'],
    attrs: { ...poolAttrs, include_pad: attr.bool({ default: false }), pad_value: attr.int({ min: -128, max: 255, default: 0 }) },
    constraints: wideConstraints,
    infer: ([x], a) => inferPool(x, a, WIDE_DTYPES),
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const p = planes(x, y, a);
      const float = y.dtype === 'f32';
      const full = a.include_pad ? paddedCounts(x, y, a) : undefined;
      for (let c = 0; c < p.count; c++)
        for (let o = 0; o < p.positions; o++) {
          let sum = 0;
          let inside = 0;
          for (let t = 0; t < p.taps; t++) {
            const offset = p.table[o * p.taps + t]!;
            if (offset < 0) continue;
            const v = x.data[c * p.plane + offset]!;
            sum = float ? Math.fround(sum + v) : sum + v;
            inside++;
          }
          const cells = full === undefined ? inside : full[o]!;
          y.data[c * p.positions + o] = float ? sum / cells : rdiv(sum + (cells - inside) * a.pad_value, cells);
        }
    },
    range: ([x], a) => [{ lo: Math.min(x.lo, a.include_pad ? a.pad_value : x.lo), hi: Math.max(x.hi, a.include_pad ? a.pad_value : x.hi) }],
    cost: (_o, a, results) => resultCount(results) * elementCount(a.kernel),
    samples: [
      ...poolSamples('i8'),
      ...poolSamples('i8', { include_pad: true, pad_value: -9 }),
      ...poolSamples('f32'),
      ...poolSamples('f32', { include_pad: true }),
      ...poolSamples('i16'),
      ...poolSamples('i16', { include_pad: true }),
    ],
  }),

  global_max_pool: composite({
    code: 0x52,
    summary: 'Maximum over all spatial positions.',
    doc: 'reduce_max over the spatial axes, kept as size 1.',
    operands: ['x'],
    attrs: {},
    constraints: { c1: constraint('x has rank 3 or more.', ['f32[2,3]']), c2: constraint('x is i8, u8 or f32.', ['bool[1,2,3]']) },
    infer: ([x]) => inferGlobal(x),
    decompose: (b, [x]) => [b.emit('reduce_max', [x], { axes: spatialAxes(x.type), keep: true })],
    cost: ([x]) => elementCount(x.shape),
    samples: [{ operands: ['i8[1,3,4,5]'] }, { operands: ['f32[2,3,7]'] }],
  }),

  global_average_pool: composite({
    code: 0x53,
    summary: 'Mean over all spatial positions.',
    doc: 'reduce_mean over the spatial axes, kept as size 1.',
    operands: ['x'],
    attrs: {},
    constraints: { c1: constraint('x has rank 3 or more.', ['f32[2,3]']), c2: constraint('x is i8, u8 or f32.', ['bool[1,2,3]']) },
    infer: ([x]) => inferGlobal(x),
    decompose: (b, [x]) => [b.emit('reduce_mean', [x], { axes: spatialAxes(x.type), keep: true })],
    cost: ([x]) => elementCount(x.shape),
    samples: [{ operands: ['i8[1,3,4,5]'] }, { operands: ['f32[2,3,7]'] }],
  }),
} as const;

const spatialAxes = (type: TensorType): number[] => type.shape.slice(2).map((_, i) => i + 2);
const inferGlobal = (x: TensorType): InferResult => {
  if (x.shape.length < 3) return violates('c1', describe('x', x));
  if (!isOneOf(x, 'i8', 'u8', 'f32')) return violates('c2', `x is ${x.dtype}`);
  return types({ dtype: x.dtype, shape: [x.shape[0] ?? 1, x.shape[1] ?? 1, ...x.shape.slice(2).map(() => 1)] });
};
