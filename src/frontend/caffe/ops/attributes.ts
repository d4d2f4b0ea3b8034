import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { HostTensor } from '../../host-tensor.ts';
import type { Role } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import type { BlobNames } from '../blobs.ts';
import type { FieldValue } from '../fields.ts';

/** Values of a field of the layer's parameters, such as `pooling_param.stride`; empty when it is not set. */
export const valuesOf = (n: LayerNode, name: string): readonly FieldValue[] =>
  (n.attribute(name) as readonly FieldValue[] | undefined) ?? [];

export const numbersOf = (n: LayerNode, name: string): readonly number[] =>
  valuesOf(n, name).map((v) =>
    typeof v === 'number' && !Number.isNaN(v) ? v : n.malformed(`${name} is ${String(v)}, but a number is wanted`),
  );

/** The last value, as protobuf takes it; a float32, as fields of Caffe are. */
export const numberOf = (n: LayerNode, name: string, fallback: number): number => Math.fround(numbersOf(n, name).at(-1) ?? fallback);

export const wholesOf = (n: LayerNode, name: string): readonly number[] =>
  numbersOf(n, name).map((v) =>
    Number.isInteger(v) && Math.abs(v) < 2 ** 31 ? v : n.malformed(`${name} is ${v}, but a whole number is wanted`),
  );
export const wholeOf = (n: LayerNode, name: string, fallback?: number): number =>
  wholesOf(n, name).at(-1) ?? fallback ?? n.malformed(`${name} is missing`);

export const flagOf = (n: LayerNode, name: string, fallback: boolean): boolean => {
  const value = valuesOf(n, name).at(-1) ?? fallback;
  return value === true || value === 1 ? true : value === false || value === 0 ? false : n.malformed(`${name} is ${String(value)}`);
};

/** A value of an enum, by its word or its number. */
export const wordOf = (n: LayerNode, name: string, words: Readonly<Record<string, number>>, fallback: string): string => {
  const value = valuesOf(n, name).at(-1) ?? fallback;
  const word = typeof value === 'number' ? Object.keys(words).find((w) => words[w] === value) : String(value);
  return word !== undefined && Object.hasOwn(words, word) ? word : n.malformed(`${name} is ${String(value)}`);
};

/** What says how weights begin and which library computes: nothing of it changes the result. */
export const ignoreTraining = (n: LayerNode, group: string): void =>
  n.ignore(...['weight_filler', 'bias_filler', 'filler', 'engine'].map((name) => `${group}.${name}`));

/** A parameter of the layer, in the order of its blobs. */
export interface BlobSpec {
  readonly shape: readonly number[];
  readonly role: Role;
  readonly perm?: readonly number[];
  readonly fanIn?: number;
}

const withoutOnes = (shape: readonly number[]): string => shape.filter((d) => d !== 1).join(', ');

const namesOf = (n: LayerNode, key = 'blobs', from: ReadonlyMap<string, unknown> = n.site.attributes): BlobNames => {
  if (key === 'blobs') n.attribute('blobs');
  return from.get(key) as BlobNames;
};

/** Caffe refuses weights with more or fewer blobs than the layer has; old files have shapes with ones in front. */
const hostOf = (n: LayerNode, name: string, { shape, role, fanIn }: BlobSpec): HostTensor => {
  const host = n.storedHost(name, shape, role, fanIn);
  return withoutOnes(host.shape) === withoutOnes(shape)
    ? { ...host, shape }
    : n.malformed(`blob ${name} is [${host.shape.join(', ')}], but [${shape.join(', ')}] is wanted`);
};

/** Elements of the layer's blobs. @param from - attributes of another layer, whose blobs they are */
export const blobHosts = (n: LayerNode, specs: readonly BlobSpec[], from?: ReadonlyMap<string, unknown>): readonly HostTensor[] => {
  const { names, stored } = namesOf(n, 'blobs', from);
  if (stored !== undefined && stored !== specs.length)
    return n.malformed(`the weights have ${stored} blobs for it, but it has ${specs.length}`);
  return specs.map((spec, k) => hostOf(n, at(names, k), spec));
};

/** The layer's blobs as values of the program. */
export const blobs = (n: LayerNode, specs: readonly BlobSpec[]): readonly ValueId[] => {
  const { names, stored } = namesOf(n);
  if (stored !== undefined && stored !== specs.length)
    return n.malformed(`the weights have ${stored} blobs for it, but it has ${specs.length}`);
  return specs.map((spec, k) => {
    const host = n.site.stored(at(names, k));
    if (host !== undefined && withoutOnes(host.shape) !== withoutOnes(spec.shape))
      return n.malformed(`blob ${at(names, k)} is [${host.shape.join(', ')}], but [${spec.shape.join(', ')}] is wanted`);
    return n.stored(at(names, k), spec.shape, spec.role, spec.perm, spec.fanIn);
  });
};

export const ones = (count: number): number[] => new Array<number>(count).fill(1);
export const span = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
