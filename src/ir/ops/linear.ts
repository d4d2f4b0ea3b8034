import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, type InferResult, types, violates, type Wire } from '../schema.ts';
import type { Shape, TensorType } from '../types.ts';
import { broadcast, describe, isOneOf, resultCount } from './util.ts';

const turned = (t: TensorType, transpose: boolean): Shape => (transpose ? [t.shape[1] ?? 1, t.shape[0] ?? 1] : t.shape);

interface Gemm {
  readonly alpha: number;
  readonly beta: number;
  readonly transpose_a: boolean;
  readonly transpose_b: boolean;
}

const inferGemm = (a: TensorType, b: TensorType, c: TensorType | undefined, g: Gemm): InferResult => {
  if (a.shape.length !== 2 || b.shape.length !== 2) return violates('c1', `${describe('a', a)} and ${describe('b', b)}`);
  const [m = 1, k] = turned(a, g.transpose_a);
  const [kb, n = 1] = turned(b, g.transpose_b);
  if (k !== kb) return violates('c2', `${describe('a', a)} and ${describe('b', b)} meet as ${String(k)} and ${String(kb)}`);
  const float = a.dtype === 'f32' && b.dtype === 'f32';
  const dtype = float ? 'f32' : 'i32';
  const plain = isOneOf(a, 'i8', 'u8') && isOneOf(b, 'i8', 'u8') && g.alpha === 1 && g.beta === 1;
  if ((!float && !plain) || (c !== undefined && c.dtype !== dtype))
    return violates(
      'c3',
      `${describe('a', a)}, ${describe('b', b)}${c === undefined ? '' : `, ${describe('c', c)}`}, alpha ${g.alpha}, beta ${g.beta}`,
    );
  const shape = c === undefined ? [m, n] : broadcast(c.shape, [m, n]);
  if (shape?.length !== 2 || shape[0] !== m || shape[1] !== n) return violates('c4', `${describe('c', c ?? a)} for [${m}, ${n}]`);
  return types({ dtype, shape: [m, n] });
};

const scaled = (b: Decomposer, x: Wire, factor: number): Wire =>
  factor === 1 ? x : b.emit('mul', [x, b.constant({ dtype: 'f32', shape: [] }, [factor])]);
const transposed = (b: Decomposer, x: Wire, transpose: boolean): Wire => (transpose ? b.emit('transpose', [x], { perm: [1, 0] }) : x);

const MAX_ORDER = 6;

/** Each set of columns, as bits, with k of them; ascending. */
const subsets = (n: number, k: number): number[] =>
  Array.from({ length: 1 << n }, (_, s) => s).filter((s) => s.toString(2).replaceAll('0', '').length === k);

/** Minors of the first k rows from those of the first k - 1, by expansion along row k - 1. */
const determinantOf = (b: Decomposer, entry: (row: number, column: number) => Wire, n: number): Wire => {
  let minors = new Map(subsets(n, 1).map((s) => [s, entry(0, 31 - Math.clz32(s))] as const));
  for (let k = 2; k <= n; k++) {
    const row = k - 1;
    const next = new Map<number, Wire>();
    for (const set of subsets(n, k)) {
      let sum: Wire | undefined;
      const columns = Array.from({ length: n }, (_, c) => c).filter((c) => (set & (1 << c)) !== 0);
      for (const [place, column] of columns.entries()) {
        const minor = minors.get(set & ~(1 << column));
        if (minor === undefined) continue;
        const term = b.emit('mul', [entry(row, column), minor]);
        const negative = (row + place) % 2 === 1;
        if (sum === undefined) sum = negative ? b.emit('neg', [term]) : term;
        else sum = b.emit(negative ? 'sub' : 'add', [sum, term]);
      }
      if (sum !== undefined) next.set(set, sum);
    }
    minors = next;
  }
  return minors.get((1 << n) - 1) ?? entry(0, 0);
};

/** Matrix functions defined by products, sums and transposes. */
export const linear = {
  determinant: composite({
    code: 0x129,
    summary: 'Determinant of small square matrices (float).',
    doc: `y = det of the last two dimensions, up to ${MAX_ORDER} x ${MAX_ORDER}, without division: minors of the first k rows by expansion along row k, columns in ascending order, every product and sum rounded.`,
    operands: ['x'],
    attrs: {},
    constraints: {
      c1: constraint(`The last two dimensions of x are one number from 1 to ${MAX_ORDER}.`, ['f32[2,3]']),
      c2: constraint('x is f32.', ['i8[2,2]']),
    },
    infer: ([x]) => {
      const [n, m] = x.shape.slice(-2);
      if (x.shape.length < 2 || typeof n !== 'number' || n !== m || n < 1 || n > MAX_ORDER) return violates('c1', describe('x', x));
      if (x.dtype !== 'f32') return violates('c2', `x is ${x.dtype}`);
      return types({ dtype: 'f32', shape: x.shape.slice(0, -2) });
    },
    decompose: (b, [x]) => {
      const rank = x.type.shape.length;
      const n = Number(x.type.shape.at(-1));
      const ones = new Array<number>(n).fill(1);
      const rows = b.emitAll('split', [x], { axis: rank - 2, sizes: ones });
      const entries = rows.map((r) =>
        b.emitAll('split', [r], { axis: rank - 1, sizes: ones }).map((e) => b.emit('squeeze', [e], { axes: [rank - 2, rank - 1] })),
      );
      return [determinantOf(b, (row, column) => entries[row]?.[column] ?? x, n)];
    },
    cost: ([x], _a, results) => resultCount(results) * (x.shape.at(-1) ?? 1) * (1 << (x.shape.at(-1) ?? 1)),
    samples: [{ operands: ['f32[2,2]'] }, { operands: ['f32[3,4,4]'] }, { operands: ['f32[2,1,1]'] }, { operands: ['f32[6,6]'] }],
  }),

  gemm: composite({
    code: 0x12a,
    summary: 'General matrix product: alpha a b + beta c.',
    doc: "y = fl(fl(alpha * matmul(a', b')) + fl(beta * c)), a' and b' the operands or their transposes; factors of 1 are no step. c broadcasts to [m, n]. Integer: a and b i8 or u8, c i32, alpha = beta = 1, y i32 (wraps; proven not to).",
    operands: ['a', 'b', 'c?'],
    attrs: {
      alpha: attr.f32({ default: 1 }),
      beta: attr.f32({ default: 1 }),
      transpose_a: attr.bool({ default: false }),
      transpose_b: attr.bool({ default: false }),
    },
    constraints: {
      c1: constraint('a and b have rank 2.', ['f32[3]', 'f32[3,4]']),
      c2: constraint("The columns of a' are as many as the rows of b'.", ['f32[2,3]', 'f32[4,3]']),
      c3: constraint('dtypes are all f32, or a and b i8 or u8 and c i32 with alpha = beta = 1.', ['i8[2,3]', 'i8[3,4]'], { alpha: 2 }),
      c4: constraint("c broadcasts to the rows of a' and the columns of b'.", ['f32[2,3]', 'f32[3,4]', 'f32[3]']),
    },
    infer: ([a, b, c], g) => inferGemm(a, b, c, g),
    decompose: (d, [a, b, c], g) => {
      const product = d.emit('matmul', [transposed(d, a, g.transpose_a), transposed(d, b, g.transpose_b)]);
      const y = scaled(d, product, g.alpha);
      return [c === undefined ? y : d.emit('add', [y, scaled(d, c, g.beta)])];
    },
    cost: ([a], g, results) => resultCount(results) * ((g.transpose_a ? a.shape[0] : a.shape[1]) ?? 1),
    samples: [
      { operands: ['f32[3,5]', 'f32[5,4]', 'f32[4]'], attrs: { alpha: 0.5, beta: 2 } },
      { operands: ['f32[5,3]', 'f32[4,5]', 'f32[3,1]'], attrs: { transpose_a: true, transpose_b: true } },
      { operands: ['i8[3,5]', 'u8[5,4]', { type: 'i32[3,4]', lo: -99, hi: 99 }] },
      { operands: ['f32[2,3]', 'f32[3,2]'], attrs: { alpha: -1 } },
    ],
  }),
} as const;
