import { DTYPE_INFO } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Term } from '../graph.ts';
import { isNonNegative } from './activations.ts';
import type { Arena, Draft, Rule } from './arena.ts';
import { partsOf, uniformOf } from './arithmetic.ts';
import { sameSizes, shapeOf } from './shapes.ts';

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
  { name: 'rounding goes', exactness: 'QUANTIZATION', ops: ['round'], apply: (_, d) => at(d.operands, 0) },
  {
    name: 'relu of what is never below 0',
    exactness: 'EXACT',
    ops: ['relu'],
    apply: (_, d) => (isNonNegative(at(d.operands, 0)) ? at(d.operands, 0) : undefined),
  },
];
