import { closeSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { draftFile } from '../../src/cli/drafts.ts';
import { openSource } from '../../src/cli/file-source.ts';
import { cli, inFolder } from '../../src/cli/testing/run.ts';
import { decodePackage, encodePackage, layPackage } from '../../src/cvm-bytecode/index.ts';
import { parseMrl } from '../../src/frontend/mrl/index.ts';
import { decodeNpz, encodeNpy, npyTensor, openNpz } from '../../src/frontend/tensors/index.ts';
import { bytesInMemory, paramDigest, type Program, runProgram, StoredTensor, type Tensor, TensorDesk } from '../../src/ir/index.ts';
import { type ByteSource, MrlError, sha256Hex, unwrap } from '../../src/support/index.ts';
import { writeArchive } from './archive.ts';
import { evaluateBig } from './evaluate.ts';
import { bigModel, bigParameters, bigText } from './model.ts';

const model = bigModel(6e6, 1024);
const LARGEST = 2 * 1024 * 1024;
const token = 77;
const expected = evaluateBig(model, token);
const provenance = { format: 'mrl', file: 'big.mrl', sha256: '0'.repeat(64), compilerVersion: '0' };
const metadata = { name: 'big', author: '', description: '', licence: '', version: '', source: provenance };

/** What was asked of a source and of the desk: the counters that memory follows from. */
class Counters {
  longestRead = 0;
  readBytes = 0;
  largestOnDesk = 0;
  deskBytes = 0;

  readonly desk = new TensorDesk((bytes) => {
    this.largestOnDesk = Math.max(this.largestOnDesk, bytes);
    this.deskBytes += bytes;
  });

  over(source: ByteSource): ByteSource {
    return {
      size: source.size,
      inMemory: source.inMemory,
      read: (offset, length, room) => {
        const bytes = source.read(offset, length, room);
        this.longestRead = Math.max(this.longestRead, bytes.length);
        this.readBytes += bytes.length;
        return bytes;
      },
    };
  }
}

const importBig = (folder: string, counters: Counters): Program => {
  writeArchive(join(folder, 'big.npz'), bigParameters(model));
  const arrays = unwrap(openNpz(counters.over(unwrap(openSource(folder, 'big.npz', 'data', 0))), { maxBytes: 2 ** 36 }));
  const tensors = new Map<string, Tensor>();
  for (const [name, array] of arrays) tensors.set(name, unwrap(npyTensor(array, counters.desk)));
  return unwrap(parseMrl(bigText(model), { file: 'big.mrl', params: { byName: (name) => tensors.get(name) } })).program;
};

const parameterBytes = bigParameters(model).reduce((n, p) => n + p.shape.reduce((a, b) => a * b, p.dtype === 'i8' ? 1 : 4), 0);
const stored = (program: Program): number => program.params.filter((p) => p.tensor instanceof StoredTensor).length;

describe('a model that is larger than what may be in memory', () => {
  test.each(['plain', 'compressed'] as const)('import, package %s, read back, run: a part of one parameter at a time', (storage) =>
    inFolder((folder) => {
      const counters = new Counters();
      const program = importBig(folder, counters);
      expect(stored(program)).toBe(1 + model.layers);
      const laid = unwrap(layPackage({ program, metadata, storage }));
      const draft = unwrap(draftFile(folder, 'big.cvm', laid.pieces()));
      expect(draft.size).toBe(laid.size);
      const source = counters.over(draft.source());
      expect(draft.commit()).toEqual({ ok: true, value: { replaced: false } });
      const read = unwrap(decodePackage(source, { desk: counters.desk }));
      expect(stored(read.program)).toBe(1 + model.layers);
      const [y] = runProgram(read.program, [{ dtype: 'i32', shape: [1], data: Int32Array.of(token) }]);
      expect(y?.data).toEqual(expected);
      // the sizes that memory follows from: never more than a part of the file, or than the largest parameter
      expect(counters.longestRead).toBeLessThanOrEqual(2 ** 22);
      expect(counters.largestOnDesk).toBe(LARGEST);
      // proof, weights, proof again, those of the package, and the run: a pass over a model of 8 GB is not free
      expect(counters.deskBytes).toBeLessThan(8 * parameterBytes);
      expect(counters.readBytes).toBeLessThan(20 * parameterBytes);
      // the same file as from parameters in memory
      const whole = unwrap(decodePackage(new Uint8Array(readFileSync(join(folder, 'big.cvm')))));
      expect(stored(whole.program)).toBe(0);
      expect(whole.cid).toBe(read.cid);
      const again = unwrap(encodePackage({ program: whole.program, metadata, storage }));
      expect(sha256Hex(again)).toBe(sha256Hex(new Uint8Array(readFileSync(join(folder, 'big.cvm')))));
      expect(readdirSync(folder).sort()).toEqual(['big.cvm', 'big.npz']);
    }),
  );

  test('the command line gives the same package and result', () =>
    inFolder(async (folder) => {
      writeArchive(join(folder, 'big.npz'), bigParameters(model));
      writeFileSync(join(folder, 'big.mrl'), bigText(model));
      writeFileSync(join(folder, 'token.npy'), encodeNpy({ dtype: 'i32', shape: [1], data: Int32Array.of(token) }));
      expect(await cli(['compile', 'big.mrl'], { cwd: folder })).toMatchObject({ exit: 0 });
      const ran = await cli(['run', 'big.cvm', 'token.npy', '-o', 'y.npy', '--raw'], { cwd: folder });
      expect(ran).toMatchObject({ exit: 0 });
      expect(readFileSync(join(folder, 'y.npy')).subarray(-expected.length).equals(new Uint8Array(expected.buffer))).toBe(true);
      expect(readdirSync(folder).sort()).toEqual(['big.cvm', 'big.mrl', 'big.npz', 'token.npy', 'y.npy']);
    }));

  test('a zip64 archive reads alike in memory and in parts', () =>
    inFolder((folder) => {
      const program = importBig(folder, new Counters());
      const arrays = unwrap(decodeNpz(new Uint8Array(readFileSync(join(folder, 'big.npz')))));
      for (const { name, tensor } of program.params) {
        const array = arrays.get(name);
        if (array !== undefined)
          expect([name, paramDigest(tensor), bytesInMemory(tensor)]).toEqual([name, paramDigest(array), bytesInMemory(array)]);
      }
      expect(arrays.size).toBe(bigParameters(model).length);
    }));
});

describe('a file that changes while it is in use', () => {
  const changed = (use: () => unknown): string => {
    try {
      use();
      return 'nothing';
    } catch (error) {
      return error instanceof MrlError ? error.code : String(error);
    }
  };

  test('overwritten or cut off: refused with a code; replaced: what was opened stays', () =>
    inFolder((folder) => {
      const counters = new Counters();
      const path = join(folder, 'big.npz');
      const program = importBig(folder, counters);
      const w = program.params.find((p) => p.name === 'w0')?.tensor;
      const before = w?.data[0];
      counters.desk.clear();
      renameSync(path, join(folder, 'elsewhere'));
      writeFileSync(path, 'another file');
      expect(w?.data[0]).toBe(before);
      counters.desk.clear();
      const file = openSync(join(folder, 'elsewhere'), 'r+');
      writeSync(file, new Uint8Array(64), 0, 64, 5000);
      closeSync(file);
      expect(changed(() => w?.data)).toBe('CLI2004');
      writeFileSync(join(folder, 'elsewhere'), 'short');
      expect(changed(() => w?.data)).toBe('CLI2004');
      expect(changed(() => unwrap(layPackage({ program, metadata })))).toBe('CLI2004');
    }));
});
