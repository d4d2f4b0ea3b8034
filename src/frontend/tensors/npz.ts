import type { Tensor } from '../../ir/index.ts';
import { type ByteSource, bytesSource, type Diagnostic, fail, invariant, ok, type Result } from '../../support/index.ts';
import { openZip, writeZip } from '../zip.ts';
import { memberNotArray, type NamedSource } from './diagnostics.ts';
import { decodeNpy, encodeNpy, type NpyArray } from './npy.ts';
import { type NpySlices, openNpy } from './npy-slices.ts';

export interface DecodeNpzOptions extends NamedSource {
  /** Most bytes that all arrays together may unpack to, headers included. */
  readonly maxBytes?: number;
}

const SUFFIX = '.npy';
const DEFAULT_MAX_BYTES = 2 ** 30;

/** Opens every member of an archive; errors of all members at once. */
const openMembers = <T>(
  source: ByteSource,
  { maxBytes = DEFAULT_MAX_BYTES, name }: DecodeNpzOptions,
  open: (member: ByteSource, name: string) => Result<T>,
): Result<ReadonlyMap<string, T>> => {
  const members = openZip(source, { maxBytes, name });
  if (!members.ok) return members;
  const arrays = new Map<string, T>();
  const problems: Diagnostic[] = [];
  for (const member of members.value) {
    const key = member.name.slice(0, -SUFFIX.length);
    if (!member.name.endsWith(SUFFIX)) {
      problems.push(memberNotArray(name, member.name, 'does not end in .npy'));
    } else if (arrays.has(key)) {
      problems.push(memberNotArray(name, member.name, 'is there twice'));
    } else {
      const array = open(member.source, name === undefined ? member.name : `${name}:${member.name}`);
      if (array.ok) arrays.set(key, array.value);
      else problems.push(...array.diagnostics);
    }
  }
  return problems.length > 0 ? fail(...problems) : ok(arrays);
};

/**
 * Reads a .npz archive (numpy.savez, numpy.savez_compressed).
 * @returns array name without `.npy` -> array, in the archive's order. Errors: IO2020 to IO2023 and those of
 * `decodeNpy`, of all members at once.
 */
export const decodeNpz = (bytes: Uint8Array, options: DecodeNpzOptions = {}): Result<ReadonlyMap<string, NpyArray>> =>
  openMembers(bytesSource(bytes), options, (member, name) => decodeNpy(member.read(0, member.size), { name }));

/** The same, with elements read on demand. Holds the unpacked bytes of deflated members only. */
export const openNpz = (source: ByteSource, options: DecodeNpzOptions = {}): Result<ReadonlyMap<string, NpySlices>> =>
  openMembers(source, options, (member, name) => openNpy(member, { name }));

/**
 * Writes a .npz archive that numpy.load reads; the same arrays in the same order give the same bytes.
 * @param arrays - names without `.npy`, not empty  @param options.compress - deflate, as numpy.savez_compressed does
 */
export const encodeNpz = (arrays: ReadonlyMap<string, Tensor>, options: { readonly compress?: boolean } = {}): Uint8Array => {
  const members = Array.from(arrays, ([name, tensor]) => {
    invariant(name !== '', 'encodeNpz: an array has no name');
    return { name: name + SUFFIX, data: encodeNpy(tensor) };
  });
  return writeZip(members, options);
};
