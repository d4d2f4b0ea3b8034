import { attr } from '../attr.ts';
import { composite, constraint, type Decomposer, type InferResult, types, violates, type Wire } from '../schema.ts';
import { type Dim, formatShape, isSymbolic, MAX_ELEMENTS, MAX_RANK, type TensorType } from '../types.ts';
import { countOf, describe, isOneOf } from './util.ts';

interface EinsumAttrs {
  readonly letters: readonly number[];
  readonly result: readonly number[];
}

/** The letters of each operand: `letters` cut by rank. */
const termsOf = (ranks: readonly number[], letters: readonly number[]): readonly (readonly number[])[] => {
  let start = 0;
  return ranks.map((rank) => letters.slice(start, (start += rank)));
};

const shapesOf = (xs: readonly { readonly shape: readonly Dim[] }[]): readonly (readonly Dim[])[] => xs.map((x) => x.shape);

/** The size of each letter: 1 gives way to any other size, two others must be the same; undefined where they are not. */
const sizesOf = (shapes: readonly (readonly Dim[])[], terms: readonly (readonly number[])[]): readonly (Dim | undefined)[] => {
  const sizes: (Dim | undefined)[] = [];
  const bad = new Set<number>();
  terms.forEach((term, k) =>
    term.forEach((letter, i) => {
      const size = shapes[k]?.[i];
      const have = sizes[letter];
      // a diagonal reads one index along both axes, so they have one size
      const repeated = term.indexOf(letter) !== i && shapes[k]?.[term.indexOf(letter)] !== size;
      if (have === undefined || have === 1) sizes[letter] = size;
      else if (size !== 1 && size !== have) bad.add(letter);
      if (repeated || (typeof size === 'number' && size < 1)) bad.add(letter);
    }),
  );
  return sizes.map((size, letter) => (bad.has(letter) ? undefined : size));
};

/** Letters are numbered as they first come: 0, then 0 or 1, … */
const inOrder = (letters: readonly number[]): boolean => {
  let next = 0;
  return letters.every((l) => {
    if (l > next) return false;
    if (l === next) next++;
    return true;
  });
};

const text = (letters: readonly number[]): string => letters.map((l) => String.fromCharCode(97 + l)).join('');
const equation = (terms: readonly (readonly number[])[], result: readonly number[]): string =>
  `${terms.map(text).join(',')}->${text(result)}`;

const inferEinsum = (xs: readonly TensorType[], a: EinsumAttrs): InferResult => {
  const ranks = xs.map((x) => x.shape.length);
  const total = ranks.reduce((n, r) => n + r, 0);
  if (total !== a.letters.length || !inOrder(a.letters))
    return violates('c1', `letters [${a.letters.join(', ')}] for operands of rank ${ranks.join(', ')}`);
  const terms = termsOf(ranks, a.letters);
  const known = new Set(a.letters);
  if (new Set(a.result).size !== a.result.length || a.result.some((l) => !known.has(l)))
    return violates('c2', `result [${a.result.join(', ')}] of letters [${a.letters.join(', ')}]`);
  const shapes = shapesOf(xs);
  const sizes = sizesOf(shapes, terms);
  const open = (letter: number): boolean => {
    const size = sizes[letter];
    if (size === undefined) return true;
    return isSymbolic(size) && (!a.result.includes(letter) || terms.some((t) => t.indexOf(letter) !== t.lastIndexOf(letter)));
  };
  if (a.letters.some(open)) return violates('c3', `${equation(terms, a.result)} of shapes ${shapes.map(formatShape).join(', ')}`);
  const float = xs.every((x) => x.dtype === 'f32');
  if (!float && !xs.every((x) => isOneOf(x, 'i8', 'u8', 'i32')))
    return violates('c4', xs.map((x, i) => describe(`operand ${i}`, x)).join(', '));
  const most = Math.max(0, ...stepsOf(xs, a).map((s) => (s.viaMatmul ? s.elements : s.products)));
  if (most > MAX_ELEMENTS) return violates('c5', `a product of ${equation(terms, a.result)} has ${most} elements`);
  return types({ dtype: float ? 'f32' : 'i32', shape: a.result.map((l) => sizes[l] ?? 1) });
};

/** A tensor whose axes are named: no letter twice. */
interface Named {
  readonly wire: Wire;
  readonly term: readonly number[];
}

const axesOf = (x: Named, letters: readonly number[]): number[] => letters.map((l) => x.term.indexOf(l));

const permute = (b: Decomposer, x: Named, term: readonly number[]): Wire => {
  const perm = axesOf(x, term);
  return perm.every((axis, i) => axis === i) ? x.wire : b.emit('transpose', [x.wire], { perm });
};

/** 0 in the target of reshape copies the dimension at that place: symbols, which are kept in front, stay. */
const target = (wire: Wire, places: number): number[] =>
  Array.from({ length: places }, (_, i) => (isSymbolic(wire.type.shape[i] ?? 1) ? 0 : Number(wire.type.shape[i])));

/** The diagonal along two axes of size n: both last and flat, every (n + 1)-th element. */
const diagonal = (b: Decomposer, { wire, term }: Named, letter: number): Named => {
  const rest = term.map((_, i) => i).filter((i) => term[i] !== letter);
  const [first = 0, second = 0, ...more] = term.map((_, i) => i).filter((i) => term[i] === letter);
  const kept = [...rest, ...more];
  const n = Number(wire.type.shape[first]);
  const turned = b.emit('transpose', [wire], { perm: [...kept, first, second] });
  const flat = b.emit('reshape', [turned], { shape: [...target(turned, kept.length), n * n] });
  const at = (whole: number, own: number): number[] => [...kept.map(() => whole), own];
  const line = b.emit('slice', [flat], { starts: at(0, 0), sizes: at(-1, n), steps: at(1, n + 1) });
  return { wire: line, term: [...kept.map((i) => term[i] ?? 0), letter] };
};

/** Takes diagonals of repeated letters, and drops axes of size 1 whose letter is larger elsewhere. */
const named = (b: Decomposer, wire: Wire, term: readonly number[], sizes: readonly (Dim | undefined)[]): Named => {
  let x: Named = { wire, term };
  for (let twice = repeated(x.term); twice !== undefined; twice = repeated(x.term)) x = diagonal(b, x, twice);
  const { shape } = x.wire.type;
  const dropped = x.term.map((_, i) => i).filter((i) => shape[i] === 1 && sizes[x.term[i] ?? 0] !== 1);
  if (dropped.length === 0) return x;
  return { wire: b.emit('squeeze', [x.wire], { axes: dropped }), term: x.term.filter((_, i) => !dropped.includes(i)) };
};

const repeated = (term: readonly number[]): number | undefined => term.find((l, i) => term.indexOf(l) !== i);

/** Sums over the letters that nothing further on needs. */
const sumOut = (b: Decomposer, x: Named, needed: ReadonlySet<number>): Named => {
  const gone = x.term.filter((l) => !needed.has(l));
  if (gone.length === 0) return x;
  return { wire: b.emit('reduce_sum', [x.wire], { axes: axesOf(x, gone) }), term: x.term.filter((l) => needed.has(l)) };
};

const asSums = (b: Decomposer, x: Named): Wire =>
  x.wire.type.dtype === 'f32' || x.wire.type.dtype === 'i32' ? x.wire : b.emit('cast', [x.wire], { dtype: 'i32' });

/** Elementwise product over all letters of both, aligned by axes of size 1, then the sum over those not kept. */
const broadcastProduct = (b: Decomposer, x: Named, y: Named, kept: ReadonlySet<number>): Named => {
  const term = [...x.term, ...y.term.filter((l) => !x.term.includes(l))];
  const aligned = [x, y].map((z) => {
    const own = term.filter((l) => z.term.includes(l));
    const wire = permute(b, { ...z, wire: asSums(b, z) }, own);
    const holes = term.map((_, i) => i).filter((i) => !own.includes(term[i] ?? 0));
    return holes.length === 0 ? wire : b.emit('unsqueeze', [wire], { axes: holes });
  });
  return sumOut(b, { wire: b.emit('mul', aligned), term }, kept);
};

interface Roles {
  /** Axes of the batch of the matrix product: letters of both that are kept, and symbols of either. */
  readonly batch: readonly number[];
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly summed: readonly number[];
}

const rolesOf = (x: Named, y: Named, kept: ReadonlySet<number>, sizes: readonly (Dim | undefined)[]): Roles => {
  const inBoth = (l: number): boolean => x.term.includes(l) && y.term.includes(l);
  const open = (l: number): boolean => isSymbolic(sizes[l] ?? 1);
  const all = [...x.term, ...y.term.filter((l) => !x.term.includes(l))];
  const batch = all.filter((l) => kept.has(l) && (inBoth(l) || open(l)));
  const single = (z: Named): number[] => z.term.filter((l) => !inBoth(l) && !open(l));
  return { batch, rows: single(x), columns: single(y), summed: x.term.filter((l) => inBoth(l) && !kept.has(l)) };
};

/** One operand of the matrix product: [batch…, product of `first`, product of `second`]. */
const asMatrices = (b: Decomposer, x: Named, batch: readonly number[], first: readonly number[], second: readonly number[]): Wire => {
  const own = batch.filter((l) => x.term.includes(l));
  const sizeOf = (letters: readonly number[]): number => axesOf(x, letters).reduce((n, axis) => n * Number(x.wire.type.shape[axis]), 1);
  const turned = permute(b, x, [...own, ...first, ...second]);
  const matrices = b.emit('reshape', [turned], { shape: [...target(turned, own.length), sizeOf(first), sizeOf(second)] });
  const holes = batch.map((_, i) => i).filter((i) => !own.includes(batch[i] ?? 0));
  return holes.length === 0 ? matrices : b.emit('unsqueeze', [matrices], { axes: holes });
};

/** Product of two tensors summed over the letters that nothing further on needs: a matrix product where there are such. */
const pair = (b: Decomposer, x: Named, y: Named, kept: ReadonlySet<number>, sizes: readonly (Dim | undefined)[]): Named => {
  const { batch, rows, columns, summed } = rolesOf(x, y, kept, sizes);
  const narrow = (z: Named): boolean => isOneOf(z.wire.type, 'i8', 'u8');
  const multiplies = (x.wire.type.dtype === 'f32' && y.wire.type.dtype === 'f32') || (narrow(x) && narrow(y));
  if (summed.length === 0 || !multiplies || batch.length + 2 > MAX_RANK) return broadcastProduct(b, x, y, kept);
  const product = b.emit('matmul', [asMatrices(b, x, batch, rows, summed), asMatrices(b, y, batch, summed, columns)]);
  const tail = [...rows, ...columns];
  const shape = [...target(product, batch.length), ...tail.map((l) => Number(sizes[l] ?? 1))];
  return { wire: b.emit('reshape', [product], { shape }), term: [...batch, ...tail] };
};

const lettersAfter = (terms: readonly (readonly number[])[], k: number, result: readonly number[]): ReadonlySet<number> =>
  new Set([...terms.slice(k).flat(), ...result]);

const decomposeEinsum = (b: Decomposer, xs: readonly Wire[], a: EinsumAttrs): Wire => {
  const terms = termsOf(
    xs.map((x) => x.type.shape.length),
    a.letters,
  );
  const sizes = sizesOf(shapesOf(xs.map((x) => x.type)), terms);
  const operands = xs.map((x, k) => named(b, x, terms[k] ?? [], sizes));
  const left = operands.map((x) => x.term);
  const [first, ...rest] = operands;
  if (first === undefined) return b.constant({ dtype: 'f32', shape: [] }, [0]);
  let acc = sumOut(b, first, lettersAfter(left, 1, a.result));
  rest.forEach((next, i) => {
    const kept = lettersAfter(left, i + 2, a.result);
    acc = pair(b, acc, sumOut(b, next, new Set([...acc.term, ...kept])), kept, sizes);
  });
  // the first letters of the accumulator were summed only where no later operand has them
  const y = permute(b, { ...acc, wire: asSums(b, acc) }, a.result);
  return y === first.wire ? b.emit('reshape', [y], { shape: y.type.shape.map(() => 0) }) : y;
};

interface Step {
  /** Elements of the product before the sum, and after it; symbols count once. */
  readonly products: number;
  readonly elements: number;
  readonly viaMatmul: boolean;
}

/** What `decomposeEinsum` will do at each pair, from types alone. */
const stepsOf = (xs: readonly TensorType[], a: EinsumAttrs): readonly Step[] => {
  const terms = termsOf(
    xs.map((x) => x.shape.length),
    a.letters,
  );
  const sizes = sizesOf(shapesOf(xs), terms);
  const count = (letters: Iterable<number>): number =>
    [...letters].reduce((n, l) => n * (isSymbolic(sizes[l] ?? 1) ? 1 : Number(sizes[l])), 1);
  const float = xs[0]?.dtype === 'f32';
  const whole = (k: number, needed: ReadonlySet<number>): boolean =>
    xs[k] !== undefined && isOneOf(xs[k], 'i8', 'u8') && (terms[k] ?? []).every((l) => needed.has(l));
  let acc = new Set(terms[0]);
  return terms.slice(1).map((term, i) => {
    const kept = lettersAfter(terms, i + 2, a.result);
    const needed = new Set([...acc, ...kept]);
    const both = new Set([...acc, ...term]);
    const after = new Set([...both].filter((l) => kept.has(l)));
    const narrow = i === 0 && whole(0, lettersAfter(terms, 1, a.result)) && whole(1, needed);
    const summed = term.some((l) => acc.has(l) && !kept.has(l));
    const batch = [...after].filter((l) => (acc.has(l) && term.includes(l)) || isSymbolic(sizes[l] ?? 1));
    acc = after;
    return { products: count(both), elements: count(after), viaMatmul: summed && (float || narrow) && batch.length + 2 <= MAX_RANK };
  });
};

export const contraction = {
  einsum: composite({
    code: 0x108,
    summary: 'Sum of products by index letters (Einstein summation).',
    doc: 'letters names the axes of all operands one after another, numbered as they first come; result names those of y. y[result] = sum over the other letters of the product of the operands. A letter twice in one operand reads its diagonal; size 1 stretches. Operands are joined from the left: letters that neither a later operand nor the result has are summed as soon as possible, by matmul where both have them (so with its order F2), else by reduce_sum. Integers give i32 (wraps; proven not to). ij,jk->ik is letters [0, 1, 1, 2], result [0, 2].',
    operands: ['...xs'],
    attrs: { letters: attr.ints({ min: 0, max: MAX_RANK - 1 }), result: attr.ints({ min: 0, max: MAX_RANK - 1 }) },
    constraints: {
      c1: constraint('letters has one entry per axis of every operand, and numbers letters from 0 as they first come.', ['f32[2,3]'], {
        letters: [1, 0],
        result: [],
      }),
      c2: constraint('result names letters of the operands, each once.', ['f32[2,3]'], { letters: [0, 1], result: [2] }),
      c3: constraint(
        'Sizes of a letter are equal, at least 1, or 1 in one of several operands; symbols are letters of the result, once in an operand.',
        ['f32[2,3]', 'f32[4,5]'],
        { letters: [0, 1, 1, 2], result: [0, 2] },
      ),
      c4: constraint('All operands are f32, or each is i8, u8 or i32.', ['f32[2]', 'i8[2]'], { letters: [0, 0], result: [] }),
      c5: constraint(
        'A product of two operands has at most 2^31 - 1 elements: after its sum where that is a matmul, else before it.',
        ['i32[2048,2048]', 'i32[2048,2048]'],
        {
          letters: [0, 1, 1, 2],
          result: [0, 2],
        },
      ),
    },
    infer: (xs, a) => inferEinsum(xs, a),
    decompose: (b, xs, a) => [decomposeEinsum(b, xs, a)],
    cost: (xs, a) => stepsOf(xs, a).reduce((n, s) => n + s.products, xs[0] === undefined ? 0 : countOf(xs[0])),
    samples: [
      { operands: ['f32[3,4]', 'f32[4,5]'], attrs: { letters: [0, 1, 1, 2], result: [0, 2] } },
      { operands: ['f32[2,3,4]'], attrs: { letters: [0, 1, 2], result: [2, 0] } },
      { operands: ['f32[3,5,5]'], attrs: { letters: [0, 1, 1], result: [0, 1] } },
      { operands: ['i8[4,4,4]'], attrs: { letters: [0, 0, 0], result: [] } },
      { operands: ['f32[]'], attrs: { letters: [], result: [] } },
      { operands: ['i32[2,3]'], attrs: { letters: [0, 1], result: [0, 1] } },
      { operands: ['f32[2,3,4,2]', 'f32[2,5,4,2]'], attrs: { letters: [0, 1, 2, 3, 0, 4, 2, 3], result: [0, 2, 1, 4] } },
      { operands: ['i8[2,3]', 'u8[3,2]'], attrs: { letters: [0, 1, 1, 2], result: [2, 0] } },
      { operands: ['i8[2,3]', 'i8[3]', 'i8[2]'], attrs: { letters: [0, 1, 1, 0], result: [0] } },
      { operands: ['f32[2,3]', 'f32[4]', 'f32[3,5]'], attrs: { letters: [0, 1, 2, 1, 3], result: [3, 2, 0] } },
      { operands: ['f32[2,1,3]', 'f32[1,4,3]'], attrs: { letters: [0, 1, 2, 0, 1, 2], result: [1, 0] } },
      { operands: ['f32[2,3]', 'f32[4,5]'], attrs: { letters: [0, 1, 2, 3], result: [0, 2] } },
      {
        operands: ['f32[2,1,2,1,2,1,2]', 'f32[2,1,2,1,2,1,2]'],
        attrs: { letters: [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6], result: [0, 1, 2, 3, 4, 5] },
      },
      { operands: ['f32[2,3,4]', 'f32[4,5]'], attrs: { letters: [0, 1, 2, 2, 3], result: [0, 3, 1] } },
    ],
  }),
} as const;
