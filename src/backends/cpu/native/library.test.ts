import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Tensor, tensorBytes } from '../../../ir/index.ts';
import { sha256Hex, unwrap } from '../../../support/index.ts';
import { Cache } from './cache.ts';
import { type ParameterBytes, type ParameterFile, storeParameters } from './cache-parameters.ts';
import { openLibrary } from './host.ts';
import { buildLibrary, type Library } from './library.ts';
import { librarySources } from './sources.ts';
import { ELEMENTS, handProgram } from './testing/hand-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'cortexc-library-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const numbers = (seed: number): Int32Array => Int32Array.from({ length: ELEMENTS }, (_, i) => Math.imul(i + seed, 2654435761));
const P = [numbers(1), numbers(2), numbers(3)] as const;
const bytesOf = (data: Int32Array): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const OFFSETS = [0, 131136, 266240];
const FILE_BYTES = 266240 + 4 * ELEMENTS;
const parameters: readonly ParameterBytes[] = P.map((p, i) => ({
  offset: OFFSETS[i] ?? 0,
  digest: sha256Hex(bytesOf(p)),
  sizeBytes: p.byteLength,
  chunks: () => [bytesOf(p).subarray(0, 1000), bytesOf(p).subarray(1000)],
}));
const program = handProgram({ offsets: OFFSETS, parameterBytes: FILE_BYTES });

const input = (seed: number): Tensor => ({ dtype: 'i32', shape: [ELEMENTS], data: numbers(seed) });
const expected = (x: Int32Array): Int32Array => x.map((v, i) => (Math.imul((v + (P[0][i] ?? 0)) | 0, P[1][i] ?? 0) + 7) | 0);

// kernels belong to other tests, and take long to compile
const sources = { ...librarySources(program), kernels: [] };
const same = (tensor: Tensor | undefined, data: Int32Array): boolean =>
  tensor !== undefined && Buffer.compare(tensorBytes(tensor), bytesOf(data)) === 0;

const cache = new Cache({ folder });
let library: Library;
let file: ParameterFile;
beforeAll(() => {
  library = unwrap(buildLibrary(sources, { cache }));
  file = unwrap(storeParameters(cache, parameters, FILE_BYTES));
});

describe('a program written by hand', () => {
  test.each([1, 2, 3, 4, 9])('gives the same bytes on %d threads', (threads) => {
    const native = unwrap(openLibrary(library.path, file.path, { threads }));
    expect(native.threads).toBe(Math.min(threads, 4));
    for (let seed = 0; seed < 50; seed++) {
      const x = input(seed);
      const [y, z, w] = native.run([x]);
      expect(same(y, expected(numbers(seed)))).toBe(true);
      expect(same(z, P[2])).toBe(true);
      expect(w).toBe(x);
    }
    native.close();
  });
});
