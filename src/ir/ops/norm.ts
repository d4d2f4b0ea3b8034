import { attr } from '../attr.ts';
import { exp64, log64, pow64, sumF3 } from '../numeric/index.ts';
import { range } from '../range.ts';
import { composite, constraint, primitive, types, violates } from '../schema.ts';
import { sameShape, type Tensor } from '../types.ts';
import { describe, resolveAxis, resultCount, splitAt } from './util.ts';

/** Calls `row(read, write)` for every line of x along axis. */
const rows = (
  x: Tensor,
  y: Tensor,
  axis: number,
  row: (n: number, read: (i: number) => number, write: (i: number, v: number) => void) => void,
): void => {
  const { outer, n, inner } = splitAt(x.shape, axis);
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < inner; j++) {
      const base = o * n * inner + j;
      row(
        n,
        (i) => x.data[base + i * inner]!,
        (i, v) => {
          y.data[base + i * inner] = v;
        },
      );
    }
};

const greatest = (n: number, read: (i: number) => number): number => {
  let m = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < n; i++) m = Math.max(m, read(i));
  return m;
};

interface AlongAxis {
  readonly code: number;
  readonly summary: string;
  readonly doc: string;
  readonly row: (n: number, read: (i: number) => number, write: (i: number, v: number) => void) => void;
}

/** A float op of one line along an axis at a time. */
const alongAxis = (o: AlongAxis) =>
  primitive({
    code: o.code,
    summary: o.summary,
    doc: o.doc,
    operands: ['x'],
    attrs: { axis: attr.int({ min: -8, max: 7 }) },
    constraints: {
      c1: constraint('axis is within the rank of x.', ['f32[2,3]'], { axis: 2 }),
      c2: constraint('x is f32.', ['i8[2,3]'], { axis: 1 }),
    },
    infer: ([x], a) => {
      if (resolveAxis(a.axis, x.shape.length) === undefined) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      return x.dtype === 'f32' ? types(x) : violates('c2', `x is ${x.dtype}`);
    },
    evaluate: ([x], a, [y]) => {
      if (y !== undefined) rows(x, y, resolveAxis(a.axis, x.shape.length) ?? 0, o.row);
    },
    range: () => [],
    weight: 8,
    cost: (_o, _a, results) => 8 * resultCount(results),
    samples: [
      { operands: ['f32[3,19]'], attrs: { axis: -1 } },
      { operands: ['f32[2,5,3]'], attrs: { axis: 1 } },
      { operands: ['f32[2,0]'], attrs: { axis: 1 } },
    ],
  });

export const norm = {
  softmax: alongAxis({
    code: 0x80,
    summary: 'Softmax along an axis (float; integers use softmax_lut).',
    doc: 'm = max x; e = e^fl(x - m), rounded once; s = sum of e by F3 along the axis; y = fl(e / s).',
    row: (n, read, write) => {
      const m = greatest(n, read);
      const e = Float32Array.from({ length: n }, (_, i) => exp64(Math.fround(read(i) - m)));
      const s = sumF3(n, (i) => e[i]!);
      for (let i = 0; i < n; i++) write(i, e[i]! / s);
    },
  }),

  log_softmax: alongAxis({
    code: 0x81,
    summary: 'Logarithm of softmax along an axis (float).',
    doc: 'm = max x; s = sum of e^fl(x - m) by F3; y = fl(fl(x - m) - ln s).',
    row: (n, read, write) => {
      const m = greatest(n, read);
      const l = Math.fround(log64(sumF3(n, (i) => Math.fround(exp64(Math.fround(read(i) - m))))));
      for (let i = 0; i < n; i++) write(i, Math.fround(read(i) - m) - l);
    },
  }),

  softmax_lut: primitive({
    code: 0x82,
    summary: 'Integer softmax along an axis through a table.',
    doc: 'Table E[d] = floor(2^16 e^(-S d) + 1/2), d = 0..255, S the scale of x. m = max x; e = E[m - x]; s = sum e; R = floor(2^46 / s); y = min(255, (e R + 2^37) >> 38) - 128: scale 1/256, zero point -128 (NUMERICS §1.6).',
    operands: ['x', 'table'],
    attrs: { axis: attr.int({ min: -8, max: 7 }) },
    constraints: {
      c1: constraint('axis is within the rank of x; at most 16384 elements along it.', ['i8[2,3]', 'i32[256]'], { axis: 2 }),
      c2: constraint('x is i8 and the table i32[256].', ['i8[2,3]', 'i32[255]'], { axis: 1 }),
    },
    infer: ([x, table], a) => {
      const axis = resolveAxis(a.axis, x.shape.length);
      const size = axis === undefined ? undefined : x.shape[axis];
      if (typeof size !== 'number' || size > 16384) return violates('c1', `axis ${a.axis} for ${describe('x', x)}`);
      if (x.dtype !== 'i8' || table.dtype !== 'i32' || !sameShape(table.shape, [256]))
        return violates('c2', `${describe('x', x)} and ${describe('table', table)}`);
      return types({ dtype: 'i8', shape: x.shape });
    },
    evaluate: ([x, table], a, [y]) => {
      if (y === undefined) return;
      rows(x, y, resolveAxis(a.axis, x.shape.length) ?? 0, (n, read, write) => {
        const m = greatest(n, read);
        let s = 0;
        for (let i = 0; i < n; i++) s += clampEntry(table.data[m - read(i)]!);
        const r = s === 0 ? 0 : Math.floor(2 ** 46 / s);
        for (let i = 0; i < n; i++)
          write(i, Math.min(255, Math.floor((clampEntry(table.data[m - read(i)]!) * r + 2 ** 37) / 2 ** 38)) - 128);
      });
    },
    range: () => [range(-128, 127)],
    cost: (_o, _a, results) => 6 * resultCount(results),
    samples: [
      { operands: ['i8[3,10]', { type: 'i32[256]', lo: 0, hi: 65536 }], attrs: { axis: 1 } },
      { operands: ['i8[2,5,3]', { type: 'i32[256]', lo: 0, hi: 65536 }], attrs: { axis: 1 } },
      { operands: ['i8[1,1]', { type: 'i32[256]', lo: 1, hi: 65536 }], attrs: { axis: -1 } },
    ],
  }),

  lrn: primitive({
    code: 0x83,
    summary: 'Local response normalization across channels (float).',
    doc: 's = sum of fl(x^2) over the window of `size` channels (floor((size - 1) / 2) before, ceil((size - 1) / 2) after), in channel order by F2; y = fl(x * fl((bias + alpha / size * s)^-beta)) with the base and power in float64.',
    operands: ['x'],
    attrs: { size: attr.int({ min: 1, max: 1024 }), alpha: attr.f32(), beta: attr.f32(), bias: attr.f32({ default: 1 }) },
    constraints: {
      c1: constraint('x is f32 of rank 3 or more, with a number of channels.', ['f32[2,3]'], { size: 3, alpha: 1, beta: 0.5 }),
    },
    infer: ([x]) =>
      x.dtype === 'f32' && x.shape.length >= 3 && typeof x.shape[1] === 'number' ? types(x) : violates('c1', describe('x', x)),
    evaluate: ([x], a, [y]) => {
      if (y === undefined) return;
      const before = Math.floor((a.size - 1) / 2);
      rows(x, y, 1, (n, read, write) => {
        for (let c = 0; c < n; c++) {
          let s = 0;
          for (let k = Math.max(0, c - before); k <= Math.min(n - 1, c - before + a.size - 1); k++)
            s = Math.fround(s + Math.fround(read(k) * read(k)));
          write(c, read(c) * Math.fround(pow64(a.bias + (a.alpha / a.size) * s, -a.beta)));
        }
      });
    },
    range: () => [],
    weight: 18,
    cost: (_o, a, results) => (a.size + 8) * resultCount(results),
    samples: [
      { operands: ['f32[1,7,2,3]'], attrs: { size: 5, alpha: 0.0625, beta: 0.75, bias: 1 } },
      { operands: ['f32[2,3,4]'], attrs: { size: 4, alpha: 1, beta: 0.5, bias: 2 } },
    ],
  }),

  batch_norm: composite({
    code: 0x84,
    summary: 'Normalization by stored mean and variance, per channel (float).',
    doc: 'k = fl(scale / fl(sqrt(fl(variance + epsilon)))); y = fl(fl(fl(x - mean) * k) + bias), per channel of axis 1.',
    operands: ['x', 'scale', 'bias', 'mean', 'variance'],
    attrs: { epsilon: attr.f32({ default: 0.000009999999747378752 }) },
    constraints: {
      c1: constraint('x is f32 of rank 2 or more.', ['f32[3]', 'f32[3]', 'f32[3]', 'f32[3]', 'f32[3]']),
      c2: constraint('scale, bias, mean and variance are f32 with one entry per channel.', [
        'f32[2,3]',
        'f32[3]',
        'f32[3]',
        'f32[2]',
        'f32[3]',
      ]),
    },
    infer: ([x, ...stats]) => {
      if (x.dtype !== 'f32' || x.shape.length < 2) return violates('c1', describe('x', x));
      const bad = stats.find((s) => s.dtype !== 'f32' || !sameShape(s.shape, [x.shape[1] ?? 1]));
      return bad === undefined ? types(x) : violates('c2', `${describe('x', x)} but ${describe('a statistic', bad)}`);
    },
    decompose: (b, [x, scale, bias, mean, variance], a) => {
      const rank = x.type.shape.length;
      const perChannel = (v: typeof x) => b.emit('reshape', [v], { shape: [-1, ...new Array<number>(rank - 2).fill(1)] });
      const k = b.emit('div', [scale, b.emit('sqrt', [b.emit('add', [variance, b.constant({ dtype: 'f32', shape: [] }, [a.epsilon])])])]);
      const scaled = b.emit('mul', [b.emit('sub', [x, perChannel(mean)]), perChannel(k)]);
      return [b.emit('add', [scaled, perChannel(bias)])];
    },
    cost: (_o, _a, results) => 3 * resultCount(results),
    samples: [
      { operands: ['f32[2,3,4,4]', 'f32[3]', 'f32[3]', 'f32[3]', { type: 'f32[3]', lo: 0.5, hi: 2 }] },
      { operands: ['f32[2,5]', 'f32[5]', 'f32[5]', 'f32[5]', { type: 'f32[5]', lo: 0, hi: 2 }], attrs: { epsilon: 0.125 } },
    ],
  }),

  prelu: composite({
    code: 0x85,
    summary: 'x where x >= 0, else slope * x, with a slope tensor.',
    doc: 'y = x < 0 ? fl(slope * x) : x, slope broadcast to x.',
    operands: ['x', 'slope'],
    attrs: {},
    constraints: {
      c1: constraint('x and slope are f32.', ['i32[2]', 'i32[2]']),
      c2: constraint('slope broadcasts to the shape of x.', ['f32[2,3]', 'f32[2,2]']),
    },
    infer: ([x, slope]) => {
      if (x.dtype !== 'f32' || slope.dtype !== 'f32') return violates('c1', `x is ${x.dtype}, slope is ${slope.dtype}`);
      const lead = x.shape.length - slope.shape.length;
      const fits = lead >= 0 && slope.shape.every((d, i) => d === 1 || d === x.shape[lead + i]);
      return fits ? types(x) : violates('c2', `${describe('x', x)} but ${describe('slope', slope)}`);
    },
    decompose: (b, [x, slope]) => [
      b.emit('select', [b.emit('less', [x, b.constant({ dtype: 'f32', shape: [] }, [0])]), b.emit('mul', [x, slope]), x]),
    ],
    cost: (_o, _a, results) => 3 * resultCount(results),
    samples: [{ operands: ['f32[2,3,4]', 'f32[3,1]'] }],
  }),
} as const;

/** Table entries are meant to be 0..2^16; anything else is read as the nearest of these, so that the op is total. */
const clampEntry = (e: number): number => (e < 0 ? 0 : e > 65536 ? 65536 : e);
