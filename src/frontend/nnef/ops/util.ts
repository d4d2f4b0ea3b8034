import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { LayerNode } from '../../layer-node.ts';

export const ones = (count: number): number[] => new Array<number>(Math.max(0, count)).fill(1);
export const span = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

export const listOf = (n: LayerNode, name: string): readonly number[] => {
  const value = n.attribute(name) ?? [];
  return Array.isArray(value) && value.every((v) => typeof v === 'number' && Number.isInteger(v) && Math.abs(v) < 2 ** 31)
    ? (value as readonly number[])
    : n.malformed(`${name} is no list of whole numbers`);
};
export const pairsOf = (n: LayerNode, name: string): readonly (readonly [number, number])[] => {
  const value = n.attribute(name) ?? [];
  const isPair = (p: unknown): p is readonly [number, number] => Array.isArray(p) && p.length === 2 && p.every((v) => Number.isInteger(v));
  return Array.isArray(value) && value.every(isPair) ? value : n.malformed(`${name} is no list of pairs of whole numbers`);
};
export const numberOf = (n: LayerNode, name: string, fallback?: number): number => {
  const value = n.attribute(name) ?? fallback;
  return typeof value === 'number' ? Math.fround(value) : n.malformed(`${name} is ${String(value)}, but a number is wanted`);
};
export const wholeOf = (n: LayerNode, name: string, fallback?: number): number => {
  const value = n.attribute(name) ?? fallback;
  return typeof value === 'number' && Number.isInteger(value)
    ? value
    : n.malformed(`${name} is ${String(value)}, but a whole number is wanted`);
};
export const flagOf = (n: LayerNode, name: string, fallback = false): boolean => {
  const value = n.attribute(name) ?? fallback;
  return typeof value === 'boolean' ? value : n.malformed(`${name} is ${String(value)}, but true or false is wanted`);
};
export const wordOf = <T extends string>(n: LayerNode, name: string, allowed: readonly T[], fallback: T): T => {
  const value = n.attribute(name) ?? fallback;
  return allowed.find((a) => a === value) ?? n.refuse(`${name} is ${String(value)}, but ${allowed.join(', ')} are supported`);
};

/** Input i with ones behind its dimensions, up to a rank: how tensors of fewer dimensions meet others in NNEF. */
export const raised = (n: LayerNode, i: number, rank: number): ValueId => {
  const { shape, host, name } = n.input(i);
  if (shape.length === 0 || shape.length >= rank) return n.x(i);
  const wide = [...shape, ...ones(rank - shape.length)];
  return host === undefined ? n.reshape(n.x(i), wide) : n.session.constant(name, host, wide);
};

/** Inputs brought to one rank. */
export const raisedAll = (n: LayerNode, indices: readonly number[]): readonly ValueId[] => {
  const rank = Math.max(...indices.map((i) => n.rank(i)));
  return indices.map((i) => raised(n, i, rank));
};

/** A bias as a vector of one entry per channel; undefined where it is absent or 0. */
export const biasOf = (n: LayerNode, i: number, channels: number): readonly ValueId[] => {
  if (!n.has(i)) return [];
  const { shape, host, name } = n.input(i);
  const count = shape.reduce((a, b) => a * b, 1);
  if (host !== undefined && host.data.every((v) => v === 0) && count === 1) return [];
  if (count === channels) return [host === undefined ? n.reshape(n.x(i), [channels]) : n.session.constant(name, host, [channels])];
  if (count === 1) return [n.emit('expand', [n.reshape(n.x(i), [1])], { shape: [channels] })];
  return n.malformed(`the bias is [${shape.join(', ')}], but there are ${channels} channels`);
};

export interface Sliding {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Before and behind each dimension. */
  readonly padding: readonly (readonly [number, number])[];
}

/** Padding that makes ceil(size / stride) windows; the odd cell stands behind. */
export const sameAs = (
  sizes: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): readonly (readonly [number, number])[] =>
  sizes.map((size, i) => {
    const [s, reach] = [at(stride, i), at(dilation, i) * (at(kernel, i) - 1) + 1];
    const total = Math.max(0, (Math.ceil(size / s) - 1) * s + reach - size);
    return [Math.floor(total / 2), total - Math.floor(total / 2)] as const;
  });

export interface SlidingLists {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly (readonly [number, number])[];
}
export const slidingLists = (n: LayerNode): SlidingLists => ({
  stride: listOf(n, 'stride'),
  dilation: listOf(n, 'dilation'),
  padding: pairsOf(n, 'padding'),
});

/** Stride, dilation and padding over `sizes`: lists that are left out are ones, and padding that keeps the size. */
export const slidingOf = (
  n: LayerNode,
  sizes: readonly number[],
  kernel: readonly number[],
  lists: SlidingLists = slidingLists(n),
  outputs = sizes,
): Sliding => {
  const count = sizes.length;
  const filled = (name: 'stride' | 'dilation'): readonly number[] => {
    const list = lists[name];
    if (list.length === 0) return ones(count);
    return list.length === count && list.every((v) => v >= 1)
      ? list
      : n.malformed(`${name} is [${list.join(', ')}] for ${count} dimensions`);
  };
  const [stride, dilation] = [filled('stride'), filled('dilation')];
  if (kernel.length !== count || kernel.some((k) => k < 1))
    return n.malformed(`the window is [${kernel.join(', ')}] for ${count} dimensions`);
  const { padding } = lists;
  if (padding.length !== 0 && padding.length !== count) return n.malformed(`padding has ${padding.length} entries for ${count} dimensions`);
  return { stride, dilation, padding: padding.length === 0 ? sameAs(outputs, kernel, stride, dilation) : padding };
};

export const isPadded = (padding: readonly (readonly [number, number])[]): boolean => padding.some(([p, q]) => p !== 0 || q !== 0);

const BORDERS = ['constant', 'ignore', 'replicate', 'reflect', 'reflect-even'] as const;
export type Border = (typeof BORDERS)[number];
export const borderOf = (n: LayerNode, fallback: Border = 'constant'): Border => wordOf(n, 'border', BORDERS, fallback);

/** A value with cells added before and behind its dimensions, or taken off where a number is negative. */
export const padded = (n: LayerNode, x: ValueId, padding: readonly (readonly [number, number])[], border: Border, value = 0): ValueId => {
  const sizes = n.sizes(x);
  let y = x;
  if (padding.some(([p, q]) => p < 0 || q < 0)) {
    const kept = sizes.map((d, i) => d + Math.min(0, at(padding, i)[0]) + Math.min(0, at(padding, i)[1]));
    if (kept.some((d) => d < 1)) return n.malformed(`padding takes more than there is of [${sizes.join(', ')}]`);
    y = n.emit('slice', [x], { starts: padding.map(([p]) => Math.max(0, -p)), sizes: kept, steps: ones(sizes.length) });
  }
  const added = padding.map(([p, q]) => [Math.max(0, p), Math.max(0, q)] as const);
  if (!isPadded(added)) return y;
  const pads = [...added.map(([p]) => p), ...added.map(([, q]) => q)];
  if (border === 'reflect-even') {
    // one cell mirrored with the edge is the edge again
    if (pads.some((p) => p > 1)) return n.refuse('border reflect-even of more than one cell');
    return n.emit('pad', [y], { pads, mode: 'edge' });
  }
  const mode = ({ constant: 'constant', ignore: 'constant', replicate: 'edge', reflect: 'reflect' } as const)[border];
  return n.emit('pad', [y], mode === 'constant' ? { pads, mode, value } : { pads, mode });
};

/** The nearest whole number, halves away from zero. */
export const rounded = (n: LayerNode, x: ValueId): ValueId => {
  const size = n.emit('floor', [n.emit('add', [n.emit('abs', [x], {}), n.scalar(0.5)], {})], {});
  return n.emit('mul', [n.emit('sign', [x], {}), size], {});
};
