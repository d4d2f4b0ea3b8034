import type { CID } from 'multiformats/cid';
import { canonicalBytes, elementCount, MAX_ELEMENTS, MAX_RANK, type StaticType } from '../ir/index.ts';
import { at, diagnostic, type Diagnostic, fail, ok, type Result } from '../support/index.ts';
import { type Block, isRawCid, rawCid, readRecord, recordBlock } from './car.ts';
import { reject, textProblem } from './format.ts';
import { CHUNK_BYTES, chunkCount, storedBytes } from './storage/index.ts';

const FORMAT = 'cvm-float-parameters';
const VERSION = 1;
const NAME_BYTES = 1024;

/** A parameter of the float32 model that a package was made from. */
export interface FloatParameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A tensor as the manifest lists it: which chunks its little-endian elements have, 1 MiB each but the last. */
export interface FloatEntry {
  readonly name: string;
  readonly type: StaticType;
  readonly chunks: readonly CID[];
}

/** Commits to float parameters: `block` names every chunk, and its digest stands in the metadata. */
export interface FloatManifest {
  readonly block: Block;
  /** In the order of the manifest. */
  readonly tensors: readonly { readonly type: StaticType; readonly stored: Uint8Array }[];
  readonly bytes: number;
}

/** Index of the first NaN; -1 without one. */
export const firstNaN = (data: Float32Array): number => {
  for (let i = 0; i < data.length; i++) if (data[i] !== data[i]) return i;
  return -1;
};

const nameProblem = (name: string): string | undefined => (name === '' ? 'is empty' : textProblem(name, NAME_BYTES));

const parameterProblem = (
  { name, shape, data }: FloatParameter,
  index: number,
  before: FloatParameter | undefined,
): Diagnostic | undefined => {
  const bad = (message: string): Diagnostic =>
    diagnostic('CVM2016', message, { where: `float parameter ${JSON.stringify(name.slice(0, 64))}` });
  const problem = nameProblem(name);
  if (problem !== undefined) return bad(`the name of float parameter ${index} ${problem}`);
  if (before?.name === name) return bad('two float parameters have this name');
  const count = elementCount(shape);
  if (shape.length > MAX_RANK || count > MAX_ELEMENTS)
    return bad(`[${shape.join(', ')}] is above rank ${MAX_RANK} or ${MAX_ELEMENTS} elements`);
  if (count !== data.length) return bad(`[${shape.join(', ')}] takes ${count} elements but ${data.length} are given`);
  const nan = firstNaN(data);
  return nan < 0 ? undefined : bad(`element ${nan} is NaN, which has many encodings`);
};

/** Lists float parameters by name in code-unit order. CVM2016 for every name, shape or value that may not be listed. */
export const floatManifest = (parameters: readonly FloatParameter[]): Result<FloatManifest> => {
  const sorted = [...parameters].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const problems = sorted.flatMap((p, i) => parameterProblem(p, i, sorted[i - 1]) ?? []);
  if (problems.length > 0) return fail(...problems);
  const tensors = sorted.map(({ shape, data }) => {
    const type: StaticType = { dtype: 'f32', shape };
    return { type, stored: canonicalBytes({ ...type, data }) };
  });
  const listed = tensors.map(({ type, stored }, i) => ({
    name: at(sorted, i).name,
    shape: [...type.shape],
    chunks: Array.from({ length: chunkCount(type) }, (_, c) => rawCid(stored.subarray(c * CHUNK_BYTES, (c + 1) * CHUNK_BYTES))),
  }));
  const block = recordBlock({ format: FORMAT, version: VERSION, tensors: listed });
  return ok({ block, tensors, bytes: tensors.reduce((n, t) => n + t.stored.length, 0) });
};

const bad = (problem: string): never => reject('CVM2016', problem, 0, 'float parameters');

const readEntry = (value: unknown, index: number): FloatEntry => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return bad(`tensor ${index} is not a record`);
  const fields = new Map<string, unknown>(Object.entries(value));
  const name = fields.get('name');
  const shape = fields.get('shape');
  const chunks = fields.get('chunks');
  if (fields.size !== 3 || typeof name !== 'string') return bad(`tensor ${index} does not have the fields name, shape and chunks`);
  const problem = nameProblem(name);
  if (problem !== undefined) return bad(`the name of tensor ${index} ${problem}`);
  const isSize = (d: unknown): d is number => typeof d === 'number' && Number.isSafeInteger(d) && d >= 0 && d <= MAX_ELEMENTS;
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isSize) || elementCount(shape) > MAX_ELEMENTS)
    return bad(`the shape of tensor ${index} is not a list of at most ${MAX_RANK} sizes`);
  const type: StaticType = { dtype: 'f32', shape };
  const count = chunkCount(type);
  if (!Array.isArray(chunks) || chunks.length !== count || !chunks.every(isRawCid))
    return bad(`tensor ${index} takes a list of ${count} chunk names`);
  return { name, type, chunks };
};

/** Reads what `floatManifest` writes. */
export const readFloatManifest = (bytes: Uint8Array): { readonly tensors: readonly FloatEntry[]; readonly bytes: number } => {
  const value = readRecord(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return bad('the manifest is not a record');
  const fields = new Map<string, unknown>(Object.entries(value));
  const listed = fields.get('tensors');
  if (fields.size !== 3 || fields.get('format') !== FORMAT || fields.get('version') !== VERSION || !Array.isArray(listed))
    return bad(`the manifest is not of format ${FORMAT}, version ${VERSION}`);
  const tensors = listed.map((entry: unknown, i) => readEntry(entry, i));
  tensors.forEach(({ name }, i) => {
    const before = tensors[i - 1];
    if (before !== undefined && before.name >= name) bad(`tensor ${i} does not follow the name before it in code-unit order`);
  });
  return { tensors, bytes: tensors.reduce((n, t) => n + storedBytes(t.type), 0) };
};
