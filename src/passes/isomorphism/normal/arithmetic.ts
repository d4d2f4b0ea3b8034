import { elementCount } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type Constant, isScalar, scalarOf } from '../constant.ts';
import { isLayer, type Term } from '../graph.ts';
import type { Arena, Draft, Rule } from './arena.ts';
import { movedBack, moveAttrs } from './movement.ts';
import { broadcast, combined, mapped, reshaped, sameSizes, shapeOf, withoutLeadingOnes } from './shapes.ts';

const isFloat = (d: Draft): boolean => d.type.dtype === 'f32';

/** Operands that change at run time, and the one constant that the others have become. */
export const partsOf = (operands: readonly Term[]): { readonly terms: readonly Term[]; readonly constant: Constant | undefined } => {
  const constants = operands.flatMap((o) => o.constant ?? []);
  return { terms: operands.filter((o) => o.constant === undefined), constant: constants.length === 1 ? constants[0] : undefined };
};

/** The number of a constant of rank 0: a factor or summand that is the same everywhere. */
export const uniformOf = (constant: Constant | undefined): number | undefined =>
  constant !== undefined && isScalar(constant) ? scalarOf(constant) : undefined;

/** A term as a number times another. */
export const scaled = (term: Term): { readonly base: Term; readonly factor: number } => {
  if (term.op !== 'product') return { base: term, factor: 1 };
  const { terms, constant } = partsOf(term.operands);
  const factor = uniformOf(constant);
  return terms.length === 1 && factor !== undefined && sameSizes(shapeOf(at(terms, 0)), shapeOf(term))
    ? { base: at(terms, 0), factor }
    : { base: term, factor: 1 };
};

const times = (arena: Arena, term: Term, factor: number, origin: string): Term =>
  factor === 1 ? term : arena.product([term, arena.scalar(factor)], shapeOf(term), origin);

const flattened =
  (op: 'sum' | 'product') =>
  (arena: Arena, d: Draft): Term | undefined =>
    d.operands.some((o) => o.op === op)
      ? arena.build({ ...d, operands: d.operands.flatMap((o) => (o.op === op ? o.operands : [o])) })
      : undefined;

const oneConstant =
  (op: 'sum' | 'product', f: (x: number, y: number) => number) =>
  (arena: Arena, d: Draft): Term | undefined => {
    const constants = d.operands.flatMap((o) => o.constant ?? []);
    if (constants.length < 2) return undefined;
    const merged = constants.reduce<Constant | undefined>(
      (a, b, i) => (i === 0 ? b : a === undefined ? undefined : combined(op, a, b, f)),
      undefined,
    );
    if (merged === undefined) return undefined;
    const rest = d.operands.filter((o) => o.constant === undefined);
    return rest.length === 0 ? arena.constant(merged) : arena.build({ ...d, operands: [...rest, arena.constant(merged)] });
  };

/** [1,8,1,1] and [8,1,1] are one shape in a broadcast. */
const strippedConstants = (arena: Arena, d: Draft): Term | undefined => {
  const wide = d.operands.some((o) => o.constant !== undefined && o.type.shape[0] === 1);
  if (!wide) return undefined;
  const strip = (o: Term): Term =>
    o.constant === undefined ? o : arena.constant(reshaped(o.constant, withoutLeadingOnes(o.constant.type.shape)));
  return arena.build({ ...d, operands: d.operands.map(strip) });
};

/** The result has the shape of the broadcast even when the operand that made it wide is gone. */
const widened = (arena: Arena, term: Term, d: Draft): Term =>
  sameSizes(shapeOf(term), shapeOf(d)) ? term : arena.emit('expand', [term], { shape: shapeOf(d) }, d.origin);

const likeTerms = (arena: Arena, d: Draft): Term | undefined => {
  const factors = new Map<Term, number>();
  for (const o of d.operands) {
    if (o.constant !== undefined) continue;
    const { base, factor } = scaled(o);
    factors.set(base, (factors.get(base) ?? 0) + factor);
  }
  const { length } = d.operands.filter((o) => o.constant === undefined);
  if (factors.size === length) return undefined;
  const rest = [...factors].filter(([, k]) => k !== 0).map(([t, k]) => times(arena, t, k, d.origin));
  const operands = [...rest, ...d.operands.filter((o) => o.constant !== undefined)];
  return operands.length === 0 || rest.length === 0 ? undefined : arena.build({ ...d, operands });
};

/** Operands that are all moved alike are moved after the operation. */
const commonMove = (arena: Arena, d: Draft): Term | undefined => {
  const { terms, constant } = partsOf(d.operands);
  const first = terms[0];
  if (first?.op !== 'move' || !sameSizes(shapeOf(first), shapeOf(d))) return undefined;
  const source = at(first.operands, 0);
  const { from, perm, shape } = moveAttrs(first);
  const alike = (t: Term): boolean =>
    t.op === 'move' &&
    sameSizes(moveAttrs(t).from, from) &&
    sameSizes(moveAttrs(t).perm, perm) &&
    sameSizes(shapeOf(t), shape) &&
    sameSizes(shapeOf(at(t.operands, 0)), shapeOf(source));
  if (!terms.every(alike)) return undefined;
  const back = constant === undefined ? undefined : movedBack(first, constant);
  if (constant !== undefined && back === undefined) return undefined;
  const operands = [...terms.map((t) => at(t.operands, 0)), ...(back === undefined ? [] : [arena.constant(back)])];
  return arena.move(arena.form(d.op, operands, shapeOf(source), d.origin), from, perm, shape, d.origin);
};

const withoutNeutral =
  (neutral: number) =>
  (arena: Arena, d: Draft): Term | undefined => {
    const { terms, constant } = partsOf(d.operands);
    const first = terms[0];
    if (first === undefined) return undefined;
    if (constant === undefined) return terms.length === 1 && d.operands.length === 1 ? widened(arena, first, d) : undefined;
    if (uniformOf(constant) !== neutral || (neutral === 0 && terms.some(isLayer))) return undefined;
    return terms.length === 1 ? widened(arena, first, d) : arena.build({ ...d, operands: terms });
  };

/** k (a + b) == k a + k b: constants go to the layers, which can absorb them. */
const distribute = (arena: Arena, d: Draft): Term | undefined => {
  const { terms, constant } = partsOf(d.operands);
  const sum = terms[0];
  if (terms.length !== 1 || constant === undefined || sum?.op !== 'sum') return undefined;
  const shape = shapeOf(sum);
  if (!sameSizes(broadcast(shape, constant.type.shape) ?? [], shape)) return undefined;
  const k = arena.constant(constant);
  const each = sum.operands.map((o) => {
    const wide = broadcast(shapeOf(o), constant.type.shape) ?? shape;
    return arena.product([o, k], wide, isLayer(o) ? o.origin : d.origin);
  });
  return arena.sum(each, shape, sum.origin);
};

/** A factor k t + c of a product becomes t + c/k, and k a factor of the whole. */
const extractFactor = (arena: Arena, d: Draft): Term | undefined => {
  const { terms } = partsOf(d.operands);
  if (terms.length < 2) return undefined;
  for (const term of terms) {
    if (term.op !== 'sum') continue;
    const parts = partsOf(term.operands);
    const only = parts.terms[0];
    const c = uniformOf(parts.constant);
    if (parts.terms.length !== 1 || only === undefined || c === undefined) continue;
    const { base, factor } = scaled(only);
    if (factor === 1) continue;
    const plain = arena.sum([base, arena.scalar(c / factor)], shapeOf(term), term.origin);
    return arena.build({ ...d, operands: [...d.operands.filter((o) => o !== term), plain, arena.scalar(factor)] });
  }
  return undefined;
};

const exponentOf = (term: Term): { readonly base: Term; readonly exponent: number } => {
  const [x, e] = term.operands;
  const n = term.op === 'power' ? uniformOf(e?.constant) : undefined;
  return x !== undefined && n !== undefined && Number.isInteger(n) ? { base: x, exponent: n } : { base: term, exponent: 1 };
};

/** x * x == x^2; positive exponents only, since x / x is not 1 at 0. */
const likeFactors = (arena: Arena, d: Draft): Term | undefined => {
  const exponents = new Map<Term, number>();
  const { terms } = partsOf(d.operands);
  for (const t of terms) {
    const { base, exponent } = exponentOf(t);
    if (exponent < 1) return undefined;
    exponents.set(base, (exponents.get(base) ?? 0) + exponent);
  }
  if (exponents.size === terms.length) return undefined;
  const powers = [...exponents].map(([t, n]) => power(arena, t, n, d.origin));
  return arena.build({ ...d, operands: [...powers, ...d.operands.filter((o) => o.constant !== undefined)] });
};

export const power = (arena: Arena, x: Term, exponent: number, origin: string): Term =>
  exponent === 1 ? x : arena.form('power', [x, arena.scalar(exponent)], shapeOf(x), origin);

/** Greatest exponent that is multiplied out. */
const MAX_EXPONENT = 16;

/** x^n for small integers and halves; undefined elsewhere, and for roots of negative numbers. */
const powerOf = (x: number, n: number): number | undefined => {
  const whole = Math.trunc(Math.abs(n));
  const rest = Math.abs(n) - whole;
  if (whole > MAX_EXPONENT || (rest !== 0 && (rest !== 0.5 || x < 0))) return undefined;
  let result = rest === 0 ? 1 : Math.sqrt(x);
  for (let i = 0; i < whole; i++) result *= x;
  return n < 0 ? 1 / result : result;
};

const mergedPower = (arena: Arena, d: Draft): Term | undefined => {
  const [x, e] = d.operands;
  const n = uniformOf(e?.constant);
  if (x === undefined || n === undefined) return undefined;
  if (n === 1) return x;
  if (x.op === 'power') {
    const [base, inner] = x.operands;
    const m = uniformOf(inner?.constant);
    // (x^m)^n == x^(m n) where x^m keeps the sign of x or has none
    const merges = m !== undefined && (Math.abs(m) === 0.5 || n === -1 || (m === -1 && Number.isInteger(n)));
    if (base !== undefined && merges) return power(arena, base, m * n, d.origin);
  }
  const { base, factor } = scaled(x);
  const raised = factor === 1 ? undefined : powerOf(factor, n);
  return raised === undefined ? undefined : times(arena, power(arena, base, n, d.origin), raised, d.origin);
};

const toProduct = (arena: Arena, d: Draft): Term | undefined => {
  const [a, b] = d.operands;
  if (!isFloat(d) || a === undefined || b === undefined) return undefined;
  const inverse = b.constant === undefined ? power(arena, b, -1, d.origin) : arena.constant(mapped('inverse', b.constant, (v) => 1 / v));
  return arena.product([a, inverse], shapeOf(d), d.origin);
};

const negative = (arena: Arena, x: Term, origin: string): Term =>
  x.constant === undefined ? times(arena, x, -1, origin) : arena.constant(mapped('negative', x.constant, (v) => -v));

const unequal = (d: Draft): boolean => isFloat(d) && elementCount(shapeOf(d)) > 0;

/** Sums, products and powers: one form for everything that rings allow. */
export const ARITHMETIC: readonly Rule[] = [
  { name: 'add is a sum', exactness: 'EXACT', ops: ['add'], apply: (n, d) => (isFloat(d) ? n.build({ ...d, op: 'sum' }) : undefined) },
  {
    name: 'a - b is a + -1 b',
    exactness: 'EXACT',
    ops: ['sub'],
    apply: (n, d) => (isFloat(d) ? n.sum([at(d.operands, 0), negative(n, at(d.operands, 1), d.origin)], shapeOf(d), d.origin) : undefined),
  },
  {
    name: '-x is -1 x',
    exactness: 'EXACT',
    ops: ['neg'],
    apply: (n, d) => (isFloat(d) ? negative(n, at(d.operands, 0), d.origin) : undefined),
  },
  {
    name: 'mul is a product',
    exactness: 'EXACT',
    ops: ['mul'],
    apply: (n, d) => (isFloat(d) ? n.build({ ...d, op: 'product' }) : undefined),
  },
  { name: 'a / b is a * 1/b', exactness: 'REAL', ops: ['div'], apply: toProduct },
  { name: 'sqrt is a power', exactness: 'REAL', ops: ['sqrt'], apply: (n, d) => power(n, at(d.operands, 0), 0.5, d.origin) },
  {
    name: 'pow by a number is a power',
    exactness: 'EXACT',
    ops: ['pow'],
    apply: (n, d) => {
      const exponent = uniformOf(d.operands[1]?.constant);
      return exponent === undefined || !sameSizes(shapeOf(at(d.operands, 0)), shapeOf(d))
        ? undefined
        : power(n, at(d.operands, 0), exponent, d.origin);
    },
  },
  { name: 'powers merge', exactness: 'REAL', ops: ['power'], apply: mergedPower },
  { name: 'sums flatten', exactness: 'REAL', ops: ['sum'], apply: flattened('sum') },
  { name: 'constants of a sum add up', exactness: 'REAL', ops: ['sum'], apply: oneConstant('sum', (x, y) => x + y) },
  { name: 'leading ones of constants go', exactness: 'EXACT', ops: ['sum', 'product'], apply: strippedConstants },
  { name: 'like terms add up', exactness: 'REAL', ops: ['sum'], apply: (n, d) => (unequal(d) ? likeTerms(n, d) : undefined) },
  { name: 'x + 0 is x', exactness: 'EXACT', ops: ['sum'], apply: withoutNeutral(0) },
  { name: 'products flatten', exactness: 'REAL', ops: ['product'], apply: flattened('product') },
  { name: 'constants of a product multiply', exactness: 'REAL', ops: ['product'], apply: oneConstant('product', (x, y) => x * y) },
  { name: 'x * 1 is x', exactness: 'EXACT', ops: ['product'], apply: withoutNeutral(1) },
  { name: 'like factors are a power', exactness: 'REAL', ops: ['product'], apply: (n, d) => (unequal(d) ? likeFactors(n, d) : undefined) },
  { name: 'factors leave sums', exactness: 'REAL', ops: ['product'], apply: extractFactor },
  { name: 'constant factors enter sums', exactness: 'REAL', ops: ['product'], apply: distribute },
  { name: 'moves go last', exactness: 'EXACT', ops: ['sum', 'product'], apply: commonMove },
];
