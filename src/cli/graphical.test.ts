import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { decodeNpy, encodeNpy } from '../frontend/tensors/index.ts';
import { unwrap } from '../support/index.ts';
import { cli, inFolder } from './testing/run.ts';

test('Asia: text to package to bytecode, run by both backends with equal bytes', () =>
  inFolder(async (folder) => {
    const model = resolve('examples/asia.mrl');
    writeFileSync(join(folder, 'one.npy'), encodeNpy({ dtype: 'i32', shape: [], data: Int32Array.of(1) }));
    const made = await cli(['compile', model, '-o', 'asia.cvm'], { cwd: folder });
    expect([made.exit, made.stderr]).toEqual([0, '']);
    const inputs = ['--input', 'xray=one.npy', '--input', 'dyspnoea=one.npy'];
    const ran = await cli(['run', 'asia.cvm', ...inputs, '--backend', 'wasm', '--verify', '--out-dir', '.', '--json'], { cwd: folder });
    expect(ran.exit).toBe(0);
    const plain = await cli(['run', model, ...inputs, '--backend', 'reference', '--json'], { cwd: folder });
    const digests = (stdout: string): readonly string[] =>
      (JSON.parse(stdout) as { outputs: readonly { digest: string }[] }).outputs.map((o) => o.digest);
    expect(digests(ran.stdout)).toEqual(digests(plain.stdout));
    const read = (name: string): readonly number[] =>
      Array.from(unwrap(decodeNpy(new Uint8Array(readFileSync(join(folder, `${name}.npy`))))).data);
    // exactly 0.62126 of 2^15 is 20357; the best explanation is a smoker with cancer and bronchitis
    expect(Math.abs((read('cancer')[1] ?? 0) - 20357)).toBeLessThan(8);
    expect(read('explanation')).toEqual([0, 1, 0, 1, 1, 1]);
  }));
