import type { CID } from 'multiformats/cid';
import { isRawCid, isRecordCid, readRecord } from '../car.ts';
import { reject } from '../format.ts';
import { STORED_AS, type StoredAs } from './codec.ts';

const FORMAT = 'cvm-storage';
const VERSION = 1;

/** How one parameter is stored: one block for each of its chunks. */
export interface StoredParameter {
  readonly encoding: StoredAs;
  readonly blocks: readonly CID[];
}

/** The second root of a package: what stands in the file in place of the chunks that the first root names. */
export interface StorageRecord {
  /** The first root. */
  readonly package: CID;
  readonly parameters: readonly StoredParameter[];
  /** The original float32 parameters, where the file has them: their manifest, and one entry for each of its tensors. */
  readonly floatParameters?: { readonly manifest: CID; readonly tensors: readonly StoredParameter[] };
}

const bad = (problem: string): never => reject('CVM2013', problem, 0, 'storage record');

/** The values of a record with exactly the given fields; those named with a question mark may be absent. */
const fieldsOf = (value: unknown, what: string, names: readonly string[]): ReadonlyMap<string, unknown> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return bad(`${what} is not a record`);
  const fields = new Map<string, unknown>(Object.entries(value));
  for (const key of fields.keys())
    if (!names.includes(key) && !names.includes(`${key}?`)) return bad(`${what} has the field ${JSON.stringify(key.slice(0, 64))}`);
  const missing = names.find((name) => !name.endsWith('?') && !fields.has(name));
  return missing === undefined ? fields : bad(`${what} has no field ${missing}`);
};

const readStored = (value: unknown, what: string): StoredParameter => {
  const fields = fieldsOf(value, what, ['encoding', 'blocks']);
  const encoding = STORED_AS.find((name) => name === fields.get('encoding'));
  const blocks = fields.get('blocks');
  if (encoding === undefined) return bad(`the encoding of ${what} is not one of ${STORED_AS.join(', ')}`);
  if (!Array.isArray(blocks) || !blocks.every(isRawCid)) return bad(`blocks of ${what} is not a list of raw block names`);
  if (blocks.length === 0 && encoding !== 'plain') return bad(`${what} has no block but the encoding ${encoding}`);
  return { encoding, blocks };
};

const readList = (value: unknown, what: string): readonly StoredParameter[] =>
  Array.isArray(value) ? value.map((entry: unknown, i) => readStored(entry, `${what} ${i}`)) : bad(`the ${what}s are not a list`);

/** @param root - the name of the first root. CVM2013 when anything is not as `storageFields` writes it */
export const readStorage = (bytes: Uint8Array, root: CID): StorageRecord => {
  const fields = fieldsOf(readRecord(bytes), 'the record', ['format', 'version', 'package', 'parameters', 'floatParameters?']);
  const format = fields.get('format');
  const version = fields.get('version');
  if (format !== FORMAT || version !== VERSION)
    return reject(
      'CVM2008',
      `storage format ${JSON.stringify(format)?.slice(0, 64)}, version ${String(version).slice(0, 64)}`,
      0,
      'storage record',
    );
  const name = fields.get('package');
  if (!isRecordCid(name) || !name.equals(root)) return bad('the storage record is not one of this package');
  const parameters = readList(fields.get('parameters'), 'parameter');
  if (!fields.has('floatParameters')) return { package: name, parameters };
  const floats = fieldsOf(fields.get('floatParameters'), 'floatParameters', ['manifest', 'tensors']);
  const manifest = floats.get('manifest');
  if (!isRecordCid(manifest)) return bad('the manifest of the float parameters is not the name of a record');
  return { package: name, parameters, floatParameters: { manifest, tensors: readList(floats.get('tensors'), 'float parameter') } };
};

/** The record as it is encoded. */
export const storageFields = (record: StorageRecord): Readonly<Record<string, unknown>> => ({
  format: FORMAT,
  version: VERSION,
  ...record,
});
