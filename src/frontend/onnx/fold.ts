import { elementCount } from '../../ir/index.ts';
import { type ElemName, elemOf, type HostTensor, makeHost } from './elem.ts';
import type { OnnxNode } from './node.ts';

/** A function on integers of at most 2^53; NaN means that there is no exact result. */
export type IntFunction = (a: number, b: number) => number;

const LIMIT = 2 ** 53;
const exact = (v: number): boolean => Number.isInteger(v) && v >= -LIMIT && v <= LIMIT;

const isWhole = (elem: ElemName): boolean => elemOf(elem).kind !== 'float';

/** NumPy broadcasting of known shapes. */
export const broadcastShapes = (a: readonly number[], b: readonly number[]): readonly number[] | undefined => {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    out.push(x === 1 ? y : x);
  }
  return out;
};

/** The element of a broadcast tensor that belongs to element `i` of the result. */
const sourceOf = (shape: readonly number[], out: readonly number[], i: number): number => {
  let rest = i;
  let offset = 0;
  let stride = 1;
  for (let d = out.length - 1; d >= 0; d--) {
    const size = out[d] ?? 1;
    const index = rest % size;
    rest = Math.floor(rest / size);
    const own = shape[d - out.length + shape.length] ?? 1;
    if (own !== 1) offset += index * stride;
    stride *= own;
  }
  return offset;
};

/** A result of `f` that the element type can hold; undefined where ONNX would wrap or the value is not exact. */
const fits = (elem: ElemName, v: number): boolean => exact(v) && v >= elemOf(elem).lo && v <= elemOf(elem).hi;

const MAX_FOLDED = 65536;

interface Pair {
  readonly a: HostTensor;
  readonly b: HostTensor;
  readonly shape: readonly number[];
}

const pairOf = (a: HostTensor, b: HostTensor): Pair | undefined => {
  if (a.elem !== b.elem || !isWhole(a.elem)) return undefined;
  const shape = broadcastShapes(a.shape, b.shape);
  return shape === undefined || elementCount(shape) > MAX_FOLDED ? undefined : { a, b, shape };
};

/** Applies f to each pair of elements; a symbol passes where the other operand leaves it unchanged. */
const combine = ({ a, b, shape }: Pair, elem: ElemName, f: IntFunction): HostTensor | undefined => {
  const n = elementCount(shape);
  const data = makeHost(elem, n);
  const symbols: (string | undefined)[] = [];
  for (let i = 0; i < n; i++) {
    const [ia, ib] = [sourceOf(a.shape, shape, i), sourceOf(b.shape, shape, i)];
    const [va, vb] = [a.data[ia] ?? 0, b.data[ib] ?? 0];
    const [sa, sb] = [a.symbols?.[ia], b.symbols?.[ib]];
    if (sa !== undefined || sb !== undefined) {
      const kept = neutral(f, sa, sb, va, vb);
      if (kept === undefined) return undefined;
      symbols[i] = kept;
      continue;
    }
    const v = exact(va) && exact(vb) ? f(va, vb) : Number.NaN;
    if (!fits(elem, v)) return undefined;
    data[i] = v;
  }
  return symbols.length === 0 ? { elem, shape, data } : { elem, shape, data, symbols };
};

/** The symbol itself when f leaves it unchanged for two probes: N * 1, N + 0, N / 1, N - 0. */
const neutral = (f: IntFunction, sa: string | undefined, sb: string | undefined, va: number, vb: number): string | undefined => {
  if (sa !== undefined && sb !== undefined) return undefined;
  if (sa !== undefined) return f(7919, vb) === 7919 && f(104729, vb) === 104729 ? sa : undefined;
  return f(va, 7919) === 7919 && f(va, 104729) === 104729 ? sb : undefined;
};

/** Integer arithmetic with broadcast; undefined when the inputs are not both known integers or a result is not exact. */
export const foldBinary = (n: OnnxNode, f: IntFunction): HostTensor | undefined => {
  if (n.hasAttr('axis')) return undefined;
  const [a, b] = [n.input(0).host, n.input(1).host];
  const pair = a === undefined || b === undefined ? undefined : pairOf(a, b);
  if (pair === undefined) return undefined;
  n.ignore('broadcast', 'consumed_inputs');
  return combine(pair, pair.a.elem, f);
};

/** Comparison or logic: the result is bool. */
export const foldTest = (n: OnnxNode, f: (a: number, b: number) => boolean): HostTensor | undefined => {
  if (n.hasAttr('axis')) return undefined;
  const [a, b] = [n.input(0).host, n.input(1).host];
  const pair = a === undefined || b === undefined ? undefined : pairOf(a, b);
  if (pair === undefined || pair.a.symbols !== undefined || pair.b.symbols !== undefined) return undefined;
  n.ignore('broadcast', 'consumed_inputs');
  return combine(pair, 'bool', (x, y) => (f(x, y) ? 1 : 0));
};

export const foldVariadic = (n: OnnxNode, f: IntFunction): HostTensor | undefined => {
  let acc = n.input(0).host;
  if (acc === undefined || !isWhole(acc.elem)) return undefined;
  n.ignore('consumed_inputs');
  for (let i = 1; i < n.inputCount; i++) {
    const next = n.input(i).host;
    const pair: Pair | undefined = acc === undefined || next === undefined ? undefined : pairOf(acc, next);
    acc = pair === undefined ? undefined : combine(pair, pair.a.elem, f);
  }
  return acc;
};

export const foldUnary = (n: OnnxNode, f: (a: number) => number): HostTensor | undefined => {
  const x = n.input(0).host;
  if (x === undefined || !isWhole(x.elem) || x.symbols !== undefined || x.data.length > MAX_FOLDED) return undefined;
  n.ignore('consumed_inputs');
  const data = makeHost(x.elem, x.data.length);
  for (let i = 0; i < data.length; i++) {
    const a = x.data[i] ?? 0;
    const v = exact(a) ? f(a) : Number.NaN;
    if (!fits(x.elem, v)) return undefined;
    data[i] = v;
  }
  return { elem: x.elem, shape: x.shape, data };
};

/** Cast of known values: from floats truncating, to bool as x != 0; undefined where the value does not fit. */
export const castHost = (x: HostTensor, to: ElemName): HostTensor | undefined => {
  const target = elemOf(to);
  const data = makeHost(to, x.data.length);
  for (let i = 0; i < data.length; i++) {
    if (x.symbols?.[i] !== undefined) continue;
    const v = x.data[i] ?? 0;
    if (target.kind === 'bool') data[i] = v !== 0 ? 1 : 0;
    else if (target.kind === 'float') data[i] = v;
    else {
      const whole = Math.trunc(v);
      if (!(whole >= target.lo && whole <= target.hi)) return undefined;
      data[i] = whole;
    }
  }
  if (x.symbols === undefined) return { elem: to, shape: x.shape, data };
  return target.kind === 'int' ? { elem: to, shape: x.shape, data, symbols: x.symbols } : undefined;
};
