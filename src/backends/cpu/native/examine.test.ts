import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { examineMachine, type ExamineOptions } from './examine.ts';
import { findCompiler } from './toolchain.ts';

const folder = mkdtempSync(join(tmpdir(), 'cortexc-examine-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = { ...process.env, CORTEXC_CACHE: join(folder, 'cache') };

/** Value and code of the problem by name. */
const factsOf = (options: ExamineOptions): Readonly<Record<string, readonly [string, string | undefined]>> =>
  Object.fromEntries(examineMachine({ env, ...options }).map((f) => [f.name, [f.value, f.problem?.code]]));

const compilerScript = (name: string, text: string): NodeJS.ProcessEnv => {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return { ...env, CC: path };
};

const compiler = findCompiler(env);

(compiler.ok ? test : test.skip)('a machine with a compiler: what it is, and nothing is missing', () => {
  const facts = factsOf({});
  expect(facts['C compiler']).toEqual([expect.stringContaining(compiler.ok ? compiler.value.path : ''), undefined]);
  expect(facts['instruction sets']).toEqual([expect.stringContaining('portable'), undefined]);
  expect(facts['cache folder']).toEqual([expect.stringContaining(join(folder, 'cache')), undefined]);
});

test('no compiler', () => {
  const facts = factsOf({ env: { ...env, PATH: folder, CC: undefined } });
  expect(facts['C compiler']).toEqual(['none: none of cc, gcc, clang is on PATH', 'NAT0001']);
  expect(facts['instruction sets']?.[1]).toBeUndefined();
});

test('a compiler that does not answer, and one that builds nothing', () => {
  expect(factsOf({ env: compilerScript('dumb', 'exit 3') })['C compiler']).toEqual([`${join(folder, 'dumb')} does not answer`, 'NAT0002']);
  const facts = factsOf({
    env: compilerScript('broken', 'case "$1" in --version) echo broken 1.0;; -dumpmachine) echo vax-dec-ultrix;; *) exit 1;; esac'),
  });
  expect(facts['C compiler']).toEqual([`${join(folder, 'broken')}: broken 1.0, for vax-dec-ultrix; it builds no library`, 'NAT0002']);
  // told once: where nothing can be built, no instruction set is to blame
  expect(facts['instruction sets']?.[1]).toBeUndefined();
});

(compiler.ok && process.arch === 'x64' ? test : test.skip)('a compiler that does not know an instruction set of this processor', () => {
  const real = compiler.ok ? compiler.value.path : '';
  const old = compilerScript('old', `case "$*" in *-msse4.1*) echo unknown flag >&2; exit 1;; *) exec ${real} "$@";; esac`);
  const fact = examineMachine({ env: old }).find((f) => f.name === 'instruction sets');
  expect(fact?.problem?.message).toBe(`${join(folder, 'old')} does not know the instruction sets sse41, which this processor has`);
});

test('a cache folder that cannot be made', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(factsOf({ env: { ...env, CORTEXC_CACHE: join(file, 'cache') } })['cache folder']?.[1]).toBe('NAT0007');
});

test('no koffi', () => {
  expect(factsOf({ koffi: 'koffi-that-is-not-there' })['koffi']?.[1]).toBe('NAT0003');
});
