import { gunzipSync } from 'node:zlib';
import { fail, ok } from '../../support/index.ts';
import type { FilesBeside } from '../contract.ts';
import { damaged, overLimit, stop } from '../import-problems.ts';

/** Gzip packs at most about 1032 bytes in one; what is unpacked has to be of a size that a model has. */
const MAX_UNPACKED = 2 ** 31;
const BLOCK = 512;

/** Text of a field of a tar header, up to its first NUL. */
const field = (header: Uint8Array, start: number, length: number): string =>
  new TextDecoder().decode(header.subarray(start, start + length)).replace(/\0.*$/s, '');

/** The plain files of a tar archive (POSIX ustar), by their path without leading "./". @throws {MrlError} IMP1001 */
const readTar = (bytes: Uint8Array): ReadonlyMap<string, Uint8Array> => {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header[0] === 0) break;
    const size = Number.parseInt(field(header, 124, 12).trim(), 8);
    const kind = field(header, 156, 1);
    const next = at + BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (!(size >= 0) || at + BLOCK + size > bytes.length) return stop(damaged('NNEF', 'the archive ends within a file'));
    const prefix = field(header, 257, 5) === 'ustar' ? field(header, 345, 155) : '';
    const name = `${prefix === '' ? '' : `${prefix}/`}${field(header, 0, 100)}`.replace(/^\.\//, '');
    if (kind === '0' || kind === '') files.set(name, bytes.subarray(at + BLOCK, at + BLOCK + size));
    at = next;
  }
  return files;
};

export interface Archive {
  readonly graph: Uint8Array;
  readonly beside: FilesBeside;
}

/** graph.nnef of a .tgz, and what lies beside it there. @throws {MrlError} IMP1001, IMP1007 */
export const openArchive = (bytes: Uint8Array, name: string): Archive => {
  let tar: Uint8Array;
  try {
    const unpacked = gunzipSync(bytes, { maxOutputLength: Math.min(MAX_UNPACKED, 1040 * bytes.length + 65_536) });
    tar = new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.length);
  } catch (error) {
    if (error instanceof RangeError) return stop(overLimit('the archive unpacks to more than 2 GiB', name));
    return stop(damaged('NNEF', error instanceof Error ? error.message : String(error), name));
  }
  const files = readTar(tar);
  const path = [...files.keys()].sort((a, b) => a.length - b.length).find((f) => f === 'graph.nnef' || f.endsWith('/graph.nnef'));
  const graph = path === undefined ? undefined : files.get(path);
  if (path === undefined || graph === undefined) return stop(damaged('NNEF', 'the archive holds no graph.nnef', name));
  const folder = path.slice(0, -'graph.nnef'.length);
  const beside: FilesBeside = {
    has: (file) => files.has(`${folder}${file}`),
    read: (file) => {
      const found = files.get(`${folder}${file}`);
      return found === undefined ? fail(damaged('NNEF', `the archive holds no ${file}`)) : ok(found);
    },
    list: () => [...files.keys()].flatMap((f) => (f.startsWith(folder) ? [f.slice(folder.length)] : [])).sort(),
  };
  return { graph, beside };
};
