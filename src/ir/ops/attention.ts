import { attr } from '../attr.ts';
import { pow64 } from '../numeric/index.ts';
import { composite, constraint, type Decomposer, type InferResult, violates, types, type Wire } from '../schema.ts';
import { type Dim, elementCount, MAX_ELEMENTS, type Shape, sameShape, type TensorType } from '../types.ts';
import { describe, resultCount } from './util.ts';

const { fround } = Math;

/** What the second result holds: the product, after the soft cap, with the bias, or after softmax. */
const SCORES = ['none', 'product', 'capped', 'biased', 'probability'] as const;

/** The definition of a window has a constant for each query and key. */
const MAX_WINDOWED = 2 ** 20;

const attrs = {
  scale: attr.f32({ default: 0 }),
  softcap: attr.f32({ default: 0 }),
  past: attr.int({ min: 0, default: 0 }),
  left: attr.int({ min: -1, default: -1 }),
  right: attr.int({ min: -1, default: -1 }),
  scores: attr.oneOf(SCORES, { default: 'none' }),
} as const;

interface AttentionAttrs {
  readonly scale: number;
  readonly softcap: number;
  readonly past: number;
  readonly left: number;
  readonly right: number;
  readonly scores: (typeof SCORES)[number];
}

const scalar = (b: Decomposer, v: number): Wire => b.constant({ dtype: 'f32', shape: [] }, [v]);

/** Sizes behind the batch, where they are three numbers of at least 1; else empty. */
const headSizes = (t: TensorType): number[] => {
  const sizes = t.shape.slice(1).filter((d) => typeof d === 'number' && d >= 1);
  return t.dtype === 'f32' && t.shape.length === 4 && sizes.length === 3 ? sizes.map(Number) : [];
};

/** Every size of the mask, counted from the end, is 1 or that of the scores. */
const fitsScores = (mask: Shape, scores: Shape): boolean =>
  mask.length <= 4 && mask.every((d, i) => d === 1 || d === scores[4 - mask.length + i]);

const inferAttention = (q: TensorType, k: TensorType, v: TensorType, mask: TensorType | undefined, a: AttentionAttrs): InferResult => {
  const [[heads = 0, length = 0, size = 0], [groups = 0, keys = 0, keySize], [valueHeads, values, out = 0]] = [q, k, v].map(headSizes) as [
    number[],
    number[],
    number[],
  ];
  if (heads === 0 || groups === 0 || out === 0) return violates('c1', `${describe('q', q)}, ${describe('k', k)}, ${describe('v', v)}`);
  const [batch = 1] = q.shape;
  const alike = k.shape[0] === batch && v.shape[0] === batch && valueHeads === groups && values === keys && keySize === size;
  if (!alike || heads % groups !== 0) return violates('c2', `${describe('q', q)}, ${describe('k', k)}, ${describe('v', v)}`);
  const scores: Dim[] = [batch, heads, length, keys];
  const masks = mask === undefined || ((mask.dtype === 'bool' || mask.dtype === 'f32') && fitsScores(mask.shape, scores));
  if (!masks) return violates('c3', `${describe('mask', mask)} but the scores have shape [${scores.join(', ')}]`);
  if (a.scale < 0 || a.softcap < 0) return violates('c4', `scale is ${a.scale} and softcap ${a.softcap}`);
  const count = (typeof batch === 'number' ? batch : 1) * heads * length * keys;
  if (count > MAX_ELEMENTS) return violates('c5', `the scores have shape [${scores.join(', ')}], that is ${count} elements`);
  if ((a.left >= 0 || a.right >= 0) && Math.max(length, keys) > MAX_WINDOWED)
    return violates('c5', `a window over ${length} queries and ${keys} keys`);
  const y: TensorType = { dtype: 'f32', shape: [batch, heads, length, out] };
  return a.scores === 'none' ? types(y) : types(y, { dtype: 'f32', shape: scores });
};

/** The factor on q and on k: fl(sqrt(scale)), scale 0 standing for fl(1 / fl(sqrt(head size))). */
const rootOfScale = (scale: number, size: number): number => fround(pow64(scale === 0 ? fround(1 / fround(pow64(size, 0.5))) : scale, 0.5));

/**
 * 0 where query i at position p = past + i may see key j, that is p - left <= j <= p + right, else -inf: [queries, keys].
 * Two columns of limits instead of a matrix: a small program makes no large constant.
 */
const windowBias = (b: Decomposer, queries: number, keys: number, a: AttentionAttrs): Wire | undefined => {
  const column = (offset: number): Wire => {
    const limits = Array.from({ length: queries }, (_, i) => Math.max(-1, Math.min(keys, a.past + i + offset)));
    return b.constant({ dtype: 'i32', shape: [queries, 1] }, limits);
  };
  const positions = b.constant(
    { dtype: 'i32', shape: [keys] },
    Array.from({ length: keys }, (_, j) => j),
  );
  const tests = [
    ...(a.right < 0 ? [] : [b.emit('less_equal', [positions, column(a.right)])]),
    ...(a.left < 0 ? [] : [b.emit('less_equal', [column(-a.left), positions])]),
  ];
  const [first, second] = tests;
  if (first === undefined) return undefined;
  return disallow(b, second === undefined ? first : b.emit('logical_and', [first, second]));
};

const disallow = (b: Decomposer, allowed: Wire): Wire => b.emit('select', [allowed, scalar(b, 0), scalar(b, Number.NEGATIVE_INFINITY)]);

/** Softmax of scores plus bias; a row whose bias is -inf everywhere has no key to look at and becomes 0. */
const probabilities = (b: Decomposer, biased: Wire, bias: Wire | undefined): Wire => {
  const p = b.emit('softmax', [biased], { axis: -1 });
  if (bias === undefined) return p;
  const greatest = b.emit('reduce_max', [bias], { axes: [-1], keep: true });
  return b.emit('select', [b.emit('equal', [greatest, scalar(b, Number.NEGATIVE_INFINITY)]), scalar(b, 0), p]);
};

const decomposeAttention = (
  b: Decomposer,
  [q, k, v]: readonly [Wire, Wire, Wire],
  mask: Wire | undefined,
  a: AttentionAttrs,
): readonly Wire[] => {
  const [heads = 0, length = 0, size = 0] = headSizes(q.type);
  const [groups = 0, keys = 0] = headSizes(k.type);
  const [, , out = 0] = headSizes(v.type);
  // the queries of all heads that share a key head are rows of one matrix
  const rows = (heads / groups) * length;
  const root = scalar(b, rootOfScale(a.scale, size));
  const queries = b.emit('reshape', [b.emit('mul', [q, root])], { shape: [0, groups, rows, size] });
  const turned = b.emit('transpose', [b.emit('mul', [k, root])], { perm: [0, 1, 3, 2] });
  const product = b.emit('reshape', [b.emit('matmul', [queries, turned])], { shape: [0, heads, length, keys] });
  const cap = scalar(b, a.softcap);
  const capped = a.softcap === 0 ? product : b.emit('mul', [b.emit('tanh', [b.emit('div', [product, cap])]), cap]);
  const window = windowBias(b, length, keys, a);
  const masked = mask === undefined || mask.type.dtype === 'f32' ? mask : disallow(b, mask);
  const bias = masked === undefined || window === undefined ? (masked ?? window) : b.emit('add', [masked, window]);
  const biased = bias === undefined ? capped : b.emit('add', [capped, bias]);
  const everySeen = mask === undefined && (a.left < 0 || a.past + length - 1 - a.left < keys);
  const probability = probabilities(b, biased, everySeen ? undefined : bias);
  const weights = b.emit('reshape', [probability], { shape: [0, groups, rows, keys] });
  const y = b.emit('reshape', [b.emit('matmul', [weights, v])], { shape: [0, heads, length, out] });
  return a.scores === 'none' ? [y] : [y, { product, capped, biased, probability }[a.scores]];
};

/** Lets every part of a vector with the given run keep its values, last axis cut at `start`. */
const cut = (b: Decomposer, x: Wire, start: number, size: number, step = 1): Wire => {
  const rank = x.type.shape.length;
  const at = <T>(whole: T, own: T): T[] => Array.from({ length: rank }, (_, i) => (i === rank - 1 ? own : whole));
  return b.emit('slice', [x], { starts: at(0, start), sizes: at(-1, size), steps: at(1, step) });
};

/** Pairs one after the other: [real, imaginary, real, …] along the last axis. */
const interleave = (b: Decomposer, real: Wire, imaginary: Wire): Wire => {
  const kept = real.type.shape.map(() => 0);
  const pairs = [real, imaginary].map((w) => b.emit('reshape', [w], { shape: [...kept, 1] }));
  const half = Number(real.type.shape.at(-1));
  return b.emit('reshape', [b.emit('concat', pairs, { axis: -1 })], { shape: [...kept.slice(1), 2 * half] });
};

export const attention = {
  attention: composite({
    code: 0x100,
    summary: 'Scaled dot-product attention (float).',
    doc: 'q [N, H, L, D], k [N, G, S, D], v [N, G, S, E], G divides H, query head h reads key head floor(h G / H). r = fl(sqrt(scale)), scale 0 meaning fl(1 / fl(sqrt(D))); z = (q r) (k r)^T; softcap > 0: z = softcap tanh(z / softcap); z plus bias; p = softmax over keys; y = p v [N, H, L, E]; each step rounded. The bias is the f32 mask or 0 where the bool mask holds, else -inf, plus -inf outside the window p - left <= j <= p + right of query i at p = past + i (-1: no limit; right 0: causal). Rows whose bias is -inf everywhere have p = 0. With scores, the second result is z at that stage, or p. Vaswani et al., 2017; ONNX Attention-25.',
    operands: ['q', 'k', 'v', 'mask?'],
    results: ['...ys'],
    attrs,
    constraints: {
      c1: constraint('q, k and v are f32 of rank 4 with numbers of at least 1 behind the batch.', [
        'f32[1,2,3,4]',
        'f32[1,2,3,4]',
        'f32[1,2,3]',
      ]),
      c2: constraint(
        'q, k, v have one batch size; k and v the same heads and length; q and k the same head size; heads of k divide those of q.',
        ['f32[1,3,3,4]', 'f32[1,2,3,4]', 'f32[1,2,3,4]'],
      ),
      c3: constraint('mask is bool or f32, and broadcasts to [batch, heads of q, queries, keys].', [
        'f32[1,2,3,4]',
        'f32[1,2,5,4]',
        'f32[1,2,5,4]',
        'bool[5,3]',
      ]),
      c4: constraint('scale and softcap are not negative.', ['f32[1,2,3,4]', 'f32[1,2,3,4]', 'f32[1,2,3,4]'], { scale: -1 }),
      c5: constraint('The scores have at most 2^31 - 1 elements; with a window there are at most 2^20 queries and keys.', [
        'f32[1,1,65536,1]',
        'f32[1,1,65536,1]',
        'f32[1,1,65536,1]',
      ]),
    },
    infer: ([q, k, v, mask], a) => inferAttention(q, k, v, mask, a),
    decompose: (b, [q, k, v, mask], a) => decomposeAttention(b, [q, k, v], mask, a),
    cost: ([q, k, v]) => {
      const keys = k.shape[2] ?? 0;
      return (
        elementCount(q.shape) * (1 + keys) + elementCount(k.shape) + elementCount(q.shape.slice(0, 3)) * keys * (16 + (v.shape[3] ?? 0))
      );
    },
    samples: [
      { operands: ['f32[2,3,4,8]', 'f32[2,3,6,8]', 'f32[2,3,6,5]'] },
      { operands: ['f32[1,4,3,2]', 'f32[1,2,3,2]', 'f32[1,2,3,2]'], attrs: { right: 0, scale: 0.25 } },
      {
        operands: ['f32[1,2,3,2]', 'f32[1,1,5,2]', 'f32[1,1,5,3]', 'bool[3,5]'],
        attrs: { softcap: 1.5, past: 2, right: 0, left: 1, scores: 'biased' },
      },
      { operands: ['f32[2,2,2,2]', 'f32[2,2,2,2]', 'f32[2,2,2,2]', 'f32[2,1,1,2]'], attrs: { scores: 'probability' } },
      { operands: ['f32[1,1,3,2]', 'f32[1,1,2,2]', 'f32[1,1,2,2]'], attrs: { left: 0, scores: 'product' } },
      { operands: ['f32[1,1,2,3]', 'f32[1,1,2,3]', 'f32[1,1,2,3]'], attrs: { softcap: 0.5, scores: 'capped' } },
    ],
  }),

  rotary_embedding: composite({
    code: 0x101,
    summary: 'Rotates pairs of features by angles of their position (float).',
    doc: 'cos and sin […, R] rotate the first 2R of the D features of x […, D]: real = fl(fl(cos x1) - fl(sin x2)), imaginary = fl(fl(sin x1) + fl(cos x2)). x1 and x2 are the halves of the 2R features, or their even and odd places when interleaved; the result puts real and imaginary at the places of x1 and x2. The other D - 2R features pass. Su et al., 2021 (RoFormer); ONNX RotaryEmbedding-23.',
    operands: ['x', 'cos', 'sin'],
    attrs: { interleaved: attr.bool({ default: false }) },
    constraints: {
      c1: constraint('x is f32 of rank 1 to 7 with a number as last dimension.', ['i32[2,4]', 'f32[2,2]', 'f32[2,2]']),
      c2: constraint('cos and sin are f32 of the same shape, with 1 to half the features of x as last dimension.', [
        'f32[2,4]',
        'f32[2,3]',
        'f32[2,3]',
      ]),
      c3: constraint('cos broadcasts to x along all dimensions but the last.', ['f32[2,4]', 'f32[3,2]', 'f32[3,2]']),
    },
    infer: ([x, cos, sin]) => {
      const [size, half] = [x.shape.at(-1), cos.shape.at(-1)];
      if (x.dtype !== 'f32' || x.shape.length > 7 || typeof size !== 'number') return violates('c1', describe('x', x));
      const alike = cos.dtype === 'f32' && sin.dtype === 'f32' && sameShape(cos.shape, sin.shape);
      if (!alike || typeof half !== 'number' || half < 1 || 2 * half > size)
        return violates('c2', `${describe('x', x)}, ${describe('cos', cos)}, ${describe('sin', sin)}`);
      const lead = x.shape.length - cos.shape.length;
      const fits = lead >= 0 && cos.shape.slice(0, -1).every((d, i) => d === 1 || d === x.shape[lead + i]);
      return fits ? types(x) : violates('c3', `${describe('x', x)} but ${describe('cos', cos)}`);
    },
    decompose: (b, [x, cos, sin], a) => {
      const [size, half] = [Number(x.type.shape.at(-1)), Number(cos.type.shape.at(-1))];
      const [first, second] = a.interleaved ? [cut(b, x, 0, half, 2), cut(b, x, 1, half, 2)] : [cut(b, x, 0, half), cut(b, x, half, half)];
      const real = b.emit('sub', [b.emit('mul', [cos, first]), b.emit('mul', [sin, second])]);
      const imaginary = b.emit('add', [b.emit('mul', [sin, first]), b.emit('mul', [cos, second])]);
      const turned = a.interleaved ? [interleave(b, real, imaginary)] : [real, imaginary];
      const rest = size > 2 * half ? [cut(b, x, 2 * half, size - 2 * half)] : [];
      const [only, ...more] = [...turned, ...rest];
      return [only !== undefined && more.length === 0 ? only : b.emit('concat', [...turned, ...rest], { axis: -1 })];
    },
    cost: (_o, _a, results) => 3 * resultCount(results),
    samples: [
      { operands: ['f32[2,3,4,8]', 'f32[2,1,4,4]', 'f32[2,1,4,4]'] },
      { operands: ['f32[2,4,3,7]', 'f32[4,1,2]', 'f32[4,1,2]'], attrs: { interleaved: true } },
      { operands: ['f32[6]', 'f32[3]', 'f32[3]'], attrs: { interleaved: true } },
      { operands: ['f32[2,5]', 'f32[1]', 'f32[1]'] },
    ],
  }),
} as const;
