import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Result } from '../support/index.ts';
import { writeFileAtomic } from './drafts.ts';
import { openBeside } from './file-source.ts';
import { readFileLimited } from './files.ts';
import { inFolder } from './testing/run.ts';

const codeOf = (result: Result<unknown>): string => (result.ok ? 'ok' : result.diagnostics.map((d) => d.code).join());

test('reading: missing, folder, empty, not a regular file', () =>
  inFolder((folder) => {
    writeFileSync(join(folder, 'model.onnx'), 'x');
    writeFileSync(join(folder, 'empty.npy'), '');
    const missing = readFileLimited(folder, 'modle.onnx', 'model');
    expect(codeOf(missing)).toBe('CLI2001');
    expect(missing.ok ? [] : missing.diagnostics[0]?.notes).toEqual(['Did you mean model.onnx?']);
    expect(codeOf(readFileLimited(folder, 'model.onnx/x', 'model'))).toBe('CLI2001');
    expect(codeOf(readFileLimited(folder, '.', 'model'))).toBe('CLI2002');
    expect(codeOf(readFileLimited(folder, 'empty.npy', 'model'))).toBe('CLI2003');
    expect(codeOf(readFileLimited('/', 'dev/zero', 'model'))).toBe('CLI2004');
    expect(readFileLimited(folder, 'model.onnx', 'model')).toEqual({ ok: true, value: new Uint8Array([120]) });
  }));

test('writing replaces as a whole and leaves no temporary file', () =>
  inFolder((folder) => {
    expect(writeFileAtomic(folder, 'a.txt', 'one')).toEqual({ ok: true, value: { replaced: false } });
    expect(writeFileAtomic(folder, 'a.txt', 'two')).toEqual({ ok: true, value: { replaced: true } });
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('two');
    mkdirSync(join(folder, 'sub'));
    expect(codeOf(writeFileAtomic(folder, 'sub', 'x'))).toBe('CLI2006');
    expect(codeOf(writeFileAtomic(folder, 'none/a.txt', 'x'))).toBe('CLI2006');
    expect(readdirSync(folder).sort()).toEqual(['a.txt', 'sub']);
  }));

test('a file that cannot be read says so', () =>
  inFolder((folder) => {
    const path = join(folder, 'secret');
    writeFileSync(path, 'x');
    chmodSync(path, 0o000);
    // root reads everything
    expect(codeOf(readFileLimited(folder, 'secret', 'model'))).toBe(process.getuid?.() === 0 ? 'ok' : 'CLI2004');
  }));

test('external data stays inside the folder of the model', () =>
  inFolder((folder) => {
    const models = join(folder, 'models');
    mkdirSync(join(models, 'sub'), { recursive: true });
    writeFileSync(join(folder, 'secret.bin'), 'secret');
    writeFileSync(join(models, 'data.bin'), 'data');
    writeFileSync(join(models, 'sub', 'more.bin'), 'more');
    symlinkSync(join(folder, 'secret.bin'), join(models, 'link.bin'));
    symlinkSync('data.bin', join(models, 'inner.bin'));
    symlinkSync('..', join(models, 'up'));
    const read = (location: string): string => codeOf(openBeside(folder, 'models/model.onnx', location));
    expect(read('data.bin')).toBe('ok');
    expect(read('sub/more.bin')).toBe('ok');
    expect(read('inner.bin')).toBe('ok');
    expect(read('missing.bin')).toBe('CLI2001');
    for (const outside of [
      '../secret.bin',
      'sub/../../secret.bin',
      join(folder, 'secret.bin'),
      'link.bin',
      'up/secret.bin',
      '',
      'a\0b',
      '..\\secret.bin',
    ]) {
      expect([outside, read(outside)]).toEqual([outside, 'CLI2008']);
    }
  }));
