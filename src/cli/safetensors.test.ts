import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { decodeNpy, encodeNpy } from '../frontend/tensors/index.ts';
import { unwrap } from '../support/index.ts';
import { cli, inFolder } from './testing/run.ts';

const TEXT = 'mrl 1;\nmodel m {\n  input x: f32[2];\n  param w: f32[2];\n  output y = mul(x, w);\n}\n';

/** A file of one tensor w in float16: 1.5 and -2. */
const weights = (more = ''): Uint8Array => {
  const header = new TextEncoder().encode(`{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]${more}}}`);
  const bytes = new Uint8Array(8 + header.length + 4);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  bytes.set([0x00, 0x3e, 0x00, 0xc0], 8 + header.length);
  return bytes;
};

test('parameters of a model string come from safetensors: the file beside it, or one that is named', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'm.mrl'), TEXT);
    writeFileSync(join(folder, 'x.npy'), encodeNpy({ dtype: 'f32', shape: [2], data: Float32Array.of(2, 3) }));
    const run = async (...words: readonly string[]): Promise<readonly number[]> => {
      expect(await cli(['run', 'm.mrl', 'x.npy', '-o', 'y.npy', ...words], { cwd: folder })).toMatchObject({ exit: 0 });
      return Array.from(unwrap(decodeNpy(readFileSync(join(folder, 'y.npy')))).data, Number);
    };
    writeFileSync(join(folder, 'other.safetensors'), weights());
    expect(await run('--params', 'other.safetensors')).toEqual([3, -6]);
    writeFileSync(join(folder, 'm.safetensors'), weights());
    expect(await run()).toEqual([3, -6]);
    writeFileSync(join(folder, 'bad.safetensors'), weights(',"shape":[3]'));
    const bad = await cli(['run', 'm.mrl', 'x.npy', '--params', 'bad.safetensors', '--json'], { cwd: folder });
    expect([bad.exit, bad.stdout.includes('IMP1005')]).toEqual([3, true]);
  }));
