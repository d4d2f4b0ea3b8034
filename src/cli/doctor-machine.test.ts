import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { cli, inFolder } from './testing/run.ts';

interface Machine {
  readonly machine: Readonly<Record<string, string>>;
  readonly backends: readonly { readonly backend: string; readonly facts: readonly { readonly name: string; readonly ok: boolean }[] }[];
  readonly missing: readonly { readonly code: string; readonly severity: string }[];
}

const saved = { ...process.env };
afterEach(() => {
  process.env = { ...saved };
});

test('doctor without a model: what there is on this machine, and what is missing as a warning', () =>
  inFolder(async (folder) => {
    process.env['CORTEXC_CACHE'] = join(folder, 'cache');
    process.env['CC'] = 'a-compiler-that-is-not-there';
    const told = await cli(['doctor'], { cwd: folder });
    expect(told.exit).toBe(0);
    expect(told.stdout).toMatch(/^native: C compiler +none: CC names a-compiler-that-is-not-there, which is no program here$/m);
    expect(told.stdout).toMatch(/^wasm: shared memory +SharedArrayBuffer/m);
    expect(told.stderr).toContain('warning[NAT0001]');
    const { machine, backends, missing } = JSON.parse((await cli(['doctor', '--json'], { cwd: folder })).stdout) as Machine;
    expect(Object.keys(machine)).toEqual(['machine', 'processor', 'threads', 'memory']);
    const native = backends.find((b) => b.backend === 'native')?.facts ?? [];
    expect(native.map((f) => f.name)).toEqual(['C compiler', 'instruction sets', 'cache folder', 'koffi']);
    expect(native.find((f) => f.name === 'C compiler')?.ok).toBe(false);
    expect(missing.map((d) => d.code)).toContain('NAT0001');
  }));
