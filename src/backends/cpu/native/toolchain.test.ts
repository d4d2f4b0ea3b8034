import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type Diagnostic, type Result, unwrap } from '../../../support/index.ts';
import { Cache } from '../cache/cache.ts';
import { buildLibrary } from './library.ts';
import { librarySources } from './sources.ts';
import { compilerVersion, findCompiler, runCompiler } from './toolchain.ts';
import { chooseLevel, hostLevels, LEVEL_NAMES } from './toolchain-levels.ts';

const folder = mkdtempSync(join(tmpdir(), 'cortexc-toolchain-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const problem = (result: Result<unknown>): Diagnostic | undefined => (result.ok ? undefined : result.diagnostics[0]);
const path = process.env['PATH'];
const program = (name: string, script: string): string => {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
};

describe('the compiler', () => {
  test('is the one that CC names, with its arguments', () => {
    const found = unwrap(findCompiler({ CC: 'cc  -m64', PATH: path }));
    expect(found.path).toMatch(/^\/.*\/cc$/);
    expect(found.extra).toEqual(['-m64']);
    expect(found.id).not.toBe(unwrap(findCompiler({ CC: 'cc', PATH: path })).id);
    expect(unwrap(findCompiler({ PATH: path })).id).toBe(unwrap(findCompiler({ CC: 'cc', PATH: path })).id);
  });
  test('that is missing is told with what was looked for', () => {
    expect(problem(findCompiler({ PATH: folder }))).toMatchObject({ code: 'NAT0001', message: 'none of cc, gcc, clang is on PATH' });
    expect(problem(findCompiler({ PATH: path, CC: 'no-such-cc -O2' }))).toMatchObject({
      code: 'NAT0001',
      message: 'CC names no-such-cc, which is no program here',
    });
    // a folder is no program, and a relative PATH is not searched
    expect(problem(findCompiler({ CC: folder }))?.code).toBe('NAT0001');
    expect(problem(findCompiler({ PATH: '.' }))?.code).toBe('NAT0001');
  });
  test('that does not answer is told with its command', () => {
    const env = { CC: program('silent', 'echo out of order >&2; exit 7') };
    const cache = new Cache({ folder: join(folder, 'cache') });
    expect(problem(buildLibrary(librarySources(''), { cache, env }))).toEqual({
      code: 'NAT0002',
      severity: 'error',
      message: 'the C compiler ends with status 7\nout of order',
      notes: [`Command: ${env.CC} --version`, expect.stringContaining('wasm')],
    });
  });
  test('says its version and target', () => {
    const { version, target } = unwrap(compilerVersion(unwrap(findCompiler({ PATH: path }))));
    expect(version).not.toBe('');
    expect(target).toMatch(/^\w+-/);
  });
  test('that refuses a program is quoted, its first lines only', () => {
    const cache = new Cache({ folder: join(folder, 'cache') });
    const sources = { ...librarySources('#error "this is wrong"\n'), kernels: [] };
    const refused = problem(buildLibrary(sources, { cache }));
    expect(refused).toMatchObject({ code: 'NAT0002', message: expect.stringContaining('this is wrong') });
    const compiler = unwrap(findCompiler({ CC: program('talker', 'for i in $(seq 100); do echo line $i >&2; done; exit 1') }));
    const lines = problem(runCompiler(compiler, [['-c']], folder))?.message.split('\n') ?? [];
    expect([lines.length, lines.at(-1)]).toEqual([14, '(88 more lines)']);
  });
  test('that is ended by a signal', () => {
    const compiler = unwrap(findCompiler({ CC: program('killed', 'kill -9 $$') }));
    expect(problem(runCompiler(compiler, [['x']], folder))?.message).toBe('the C compiler is ended by SIGKILL');
  });
  test('runs side by side, and one failure fails all', () => {
    const compiler = unwrap(findCompiler({ CC: program('picky', 'case $1 in good*) touch $1;; *) echo bad $1 >&2; exit 3;; esac') }));
    expect(runCompiler(compiler, [['good 1'], ['good 2']], folder).ok).toBe(true);
    expect(problem(runCompiler(compiler, [['good 3'], ["it's"], ['good 4']], folder))).toMatchObject({
      message: "the C compiler ends with status 3\nbad it's",
      notes: [expect.stringContaining(`'it'\\''s'`), expect.anything()],
    });
  });
});

describe('instruction sets', () => {
  test('portable runs everywhere; the best is taken', () => {
    const here = hostLevels();
    expect(here[0]).toBe('portable');
    expect(chooseLevel(undefined)).toEqual({ ok: true, value: { level: here.at(-1), machine: here.at(-1) } });
  });
  test('an unknown one, and one of another processor', () => {
    expect(problem(chooseLevel('avx3'))).toMatchObject({ code: 'NAT0006', message: 'there is no instruction set avx3' });
    expect(problem(chooseLevel('constructor'))?.code).toBe('NAT0006');
    const other = process.arch === 'arm64' ? 'avx2' : 'neon';
    expect(problem(chooseLevel(other))).toMatchObject({
      code: 'NAT0005',
      message: expect.stringContaining(`lacks the instruction set ${other}`),
    });
    expect(chooseLevel(other, { emulate: true })).toEqual({ ok: true, value: { level: other, machine: hostLevels().at(-1) } });
    expect(LEVEL_NAMES.every((level) => chooseLevel(level, { emulate: true }).ok)).toBe(true);
  });
});
