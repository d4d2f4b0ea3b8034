import { DTYPE_INFO } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type Constant, derivedConstant } from '../constant.ts';
import type { Term } from '../graph.ts';
import { isNonNegative } from './activations.ts';
import type { Arena, Draft, Rule } from './arena.ts';
import { partsOf, scaled, uniformOf } from './arithmetic.ts';
import { moveAttrs } from './movement.ts';
import { combined, mapped, sameSizes, shapeOf } from './shapes.ts';

interface Scale {
  readonly scale: number;
  readonly zero: number;
}

/** What saturation to a range does to real numbers: it is relu where the range begins at 0; its other end is a matter of scales. */
const saturated = (arena: Arena, x: Term, lo: number, origin: string): Term => (lo === 0 ? arena.emit('relu', [x], {}, origin) : x);

const dequantized = (arena: Arena, d: Draft): Term | undefined => {
  const q = at(d.operands, 0);
  const { scale, zero } = d.attrs as unknown as Scale;
  if (q.op === 'input') return arena.realInput(q);
  return q.op === 'quantize' ? saturated(arena, at(q.operands, 0), (DTYPE_INFO[q.type.dtype].lo - zero) * scale, d.origin) : undefined;
};

/** A real number that was cast to an integer type and back: the number, and where the range of the type begins. */
const castBack = (q: Term): { readonly x: Term; readonly lo: number } | undefined => {
  const inner = q.op === 'cast' && q.type.dtype === 'f32' ? at(q.operands, 0) : undefined;
  const x = inner?.op === 'cast' ? inner.operands[0] : undefined;
  return inner === undefined || x?.type.dtype !== 'f32' ? undefined : { x, lo: DTYPE_INFO[inner.type.dtype].lo };
};

/** s (q - zero), spelled out: the range begins at s (lo - zero). */
const spelledOut = (arena: Arena, d: Draft): Term | undefined => {
  const { terms, constant } = partsOf(d.operands);
  const q = terms[0] === undefined ? undefined : castBack(terms[0]);
  if (terms.length !== 1 || q === undefined || !sameSizes(shapeOf(q.x), shapeOf(d))) return undefined;
  const k = uniformOf(constant);
  if (d.op === 'product')
    return saturated(arena, arena.build({ ...d, operands: [q.x, ...d.operands.filter((o) => o.constant !== undefined)] }), q.lo, d.origin);
  if (k === undefined) return undefined;
  return saturated(arena, arena.sum([q.x, arena.scalar(k)], shapeOf(d), d.origin), q.lo + k, d.origin);
};

/** A number times the sums of the rows of weights: what a summand for all before a layer is behind it. */
const rowSums = (w: Constant, k: number): Constant => {
  const rows = at(w.type.shape, 0);
  return derivedConstant({ dtype: 'f32', shape: [rows] }, `${k} sums(${w.key})`, w.names, () => {
    const values = w.values();
    const length = values.length / Math.max(1, rows);
    return Float64Array.from({ length: rows }, (_, r) => {
      let sum = 0;
      for (let i = r * length; i < (r + 1) * length; i++) sum += values[i] ?? 0;
      return k * sum;
    });
  });
};

/** A number for all before a layer, as factor or as summand, goes into the layer also where elements are moved in between. */
const uniformPasses = (arena: Arena, d: Draft): Term | undefined => {
  const moves: Term[] = [];
  let x = at(d.operands, 0);
  for (; x.op === 'move'; x = at(x.operands, 0)) moves.push(x);
  const [w, bias] = [d.operands[1]?.constant, d.operands[2]?.constant];
  if (moves.length === 0 || w === undefined || d.type.dtype !== 'f32' || (d.operands.length > 2 && bias === undefined)) return undefined;
  const rebuilt = (base: Term, weights: Constant, added: Constant | undefined): Term => {
    const moved = moves.reduceRight((y, m) => {
      const { from, perm, shape } = moveAttrs(m);
      return arena.move(y, from, perm, shape, m.origin);
    }, base);
    const operands = [moved, ...[weights, added].flatMap((c) => (c === undefined ? [] : [arena.constant(c)]))];
    return arena.build({ ...d, operands });
  };
  const { base, factor } = scaled(x);
  if (factor !== 1) {
    return rebuilt(
      base,
      mapped(`${factor}`, w, (v) => v * factor),
      bias,
    );
  }
  const { terms, constant } = partsOf(x.op === 'sum' ? x.operands : []);
  const [term, summand] = [terms[0], uniformOf(constant)];
  // a convolution pads with 0, whatever is added before
  if (d.op !== 'dense' || terms.length !== 1 || term === undefined || summand === undefined || !sameSizes(shapeOf(term), shapeOf(x)))
    return undefined;
  const share = rowSums(w, summand);
  return rebuilt(term, w, bias === undefined ? share : combined('sum', bias, share, (a, b) => a + b));
};

/**
 * Rules that take the steps and ranges of quantized activations out, so that a model and its quantized twin have one normal form. They
 * keep no value, and what they prove is told apart; upper bounds of activations are lost.
 */
export const QUANTIZATION: readonly Rule[] = [
  { name: 'quantize and dequantize cancel', exactness: 'QUANTIZATION', ops: ['dequantize'], apply: dequantized },
  { name: 'casts to integers and back cancel', exactness: 'QUANTIZATION', ops: ['sum', 'product'], apply: spelledOut },
  {
    name: 'the upper bound of an activation is its range',
    exactness: 'QUANTIZATION',
    ops: ['bounded'],
    apply: (n, d) => (uniformOf(d.operands[1]?.constant) === 0 ? n.emit('relu', [at(d.operands, 0)], {}, d.origin) : undefined),
  },
  { name: 'a number for all passes moves and layers', exactness: 'REAL', ops: ['conv', 'dense'], apply: uniformPasses },
  { name: 'rounding goes', exactness: 'QUANTIZATION', ops: ['round'], apply: (_, d) => at(d.operands, 0) },
  {
    name: 'relu of what is never below 0',
    exactness: 'EXACT',
    ops: ['relu'],
    apply: (_, d) => (isNonNegative(at(d.operands, 0)) ? at(d.operands, 0) : undefined),
  },
];
