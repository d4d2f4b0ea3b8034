import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { backendByName } from '../backends/index.ts';
import { encodeNpy } from '../frontend/tensors/index.ts';
import type { Tensor } from '../ir/index.ts';
import { affinePackage } from './testing/models.ts';
import { cli, inFolder, type Ran } from './testing/run.ts';

const i8 = (shape: readonly number[], ...values: number[]): Tensor => ({ dtype: 'i8', shape, data: Int8Array.from(values) });

interface RunJson {
  readonly backend: string;
  readonly isa?: string;
  readonly threads: number;
  readonly batch: number;
  readonly runs: number;
  readonly outputs: readonly { readonly digest: string; readonly shape: readonly number[] }[];
  readonly profile?: { readonly steps: readonly { readonly place: string; readonly op: string; readonly ms: number }[] };
  readonly warnings?: readonly { readonly code: string; readonly message: string }[];
  readonly error?: readonly { readonly code: string; readonly message: string }[];
}

const json = (ran: Ran): RunJson => JSON.parse(ran.stdout) as RunJson;
const digest = (ran: Ran): string | undefined => json(ran).outputs[0]?.digest;

type Run = (...words: string[]) => Promise<Ran>;

const withModel = (use: (run: Run, folder: string) => Promise<void>): Promise<void> =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'm.cvm'), affinePackage());
    writeFileSync(join(folder, 'x.npy'), encodeNpy(i8([5, 4], ...Array.from({ length: 20 }, (_, i) => 7 * i - 60))));
    await use(
      (command = 'run', ...words) => cli([command, 'm.cvm', ...words, '--json'], { cwd: folder, now: () => performance.now() }),
      folder,
    );
  });

const saved = { ...process.env };
afterEach(() => {
  for (const name of ['CC', 'PATH', 'CORTEXC_CACHE', 'CORTEXC_EMULATE_ISA', 'CORTEXC_WEBGPU']) {
    if (saved[name] === undefined) delete process.env[name];
    else process.env[name] = saved[name];
  }
});

describe('run in batches', () => {
  test('the results and their order are those of one after another; the last run may be short', () =>
    withModel(async (run) => {
      const alone = await run('run', 'x.npy');
      for (const batch of ['2', '5', '64']) {
        const ran = await run('run', 'x.npy', '--batch', batch, '--verify');
        expect([ran.exit, digest(ran)]).toEqual([0, digest(alone)]);
        expect(json(ran).outputs[0]?.shape).toEqual([5, 4]);
        expect(json(ran).runs).toBe(Math.ceil(5 / Math.min(5, Number(batch))));
      }
    }));

  test('random inputs: as many samples as a batch has, seeds in a row', () =>
    withModel(async (run) => {
      expect(json(await run('run', '--random-input', '1', '--batch', '3')).outputs[0]?.shape).toEqual([3, 4]);
    }));

  test('a model that mixes samples runs one after another, and says so', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'm.mrl'), 'mrl 1;\nmodel m {\n  input x: i8[1, 4];\n  output y = transpose(x, perm: [1, 0]);\n}\n');
      writeFileSync(join(folder, 'x.npy'), encodeNpy(i8([2, 4], 1, 2, 3, 4, 5, 6, 7, 8)));
      const ran = await cli(['run', 'm.mrl', 'x.npy', '--batch', '2', '--json'], { cwd: folder });
      expect([ran.exit, json(ran).batch, json(ran).runs, json(ran).warnings?.map((w) => w.code)]).toEqual([0, 1, 2, ['CLI3007']]);
    }));

  test.each([
    ['--batch', '0'],
    ['--batch', '1.5'],
    ['--threads', '0'],
    ['--threads', '257'],
    ['--profile-output', 'steps.png'],
  ])('%s %s is refused', (option, value) =>
    withModel(async (run) => {
      const ran = await run('run', 'x.npy', option, value);
      expect([ran.exit, json(ran).error?.map((e) => e.code)]).toEqual([2, ['CLI1003']]);
    }),
  );
});

describe('run --profile', () => {
  test.each(['wasm', 'reference'])('%s: every step with place, op and time; pictures', (backend) =>
    withModel(async (run, folder) => {
      const ran = await run('run', 'x.npy', '--backend', backend, '--profile', '--profile-output', 'p.svg');
      expect(ran.exit).toBe(0);
      const steps = json(ran).profile?.steps ?? [];
      expect(steps.length).toBeGreaterThan(0);
      expect(steps.every((s) => s.place !== '' && s.ms >= 0)).toBe(true);
      expect(readFileSync(join(folder, 'p.svg'), 'utf8')).toMatch(/^<svg [^]*<\/svg>\n$/);
      expect((await run('run', 'x.npy', '--profile-output', 'p.html')).exit).toBe(0);
      expect(readFileSync(join(folder, 'p.html'), 'utf8')).toMatch(/^<!doctype html>[^]*<svg /);
    }),
  );
});

describe('instruction sets', () => {
  test('one that there is not: the list; a backend without a choice: the remedy', () =>
    withModel(async (run) => {
      const unknown = await run('run', 'x.npy', '--backend', 'native', '--isa', 'avx3');
      expect([unknown.exit, json(unknown).error?.[0]?.message]).toEqual([2, expect.stringContaining('portable, ')]);
      const fixed = await run('run', 'x.npy', '--backend', 'reference', '--isa', 'portable');
      expect([fixed.exit, json(fixed).error?.[0]?.code]).toEqual([2, 'CLI1005']);
    }));

  test('one that this processor lacks: the best that it has, with a warning, or an error', () =>
    withModel(async (run, folder) => {
      process.env['CORTEXC_CACHE'] = join(folder, 'cache');
      const foreign = process.arch === 'arm64' ? 'avx2' : 'neon';
      const wanted = digest(await run('run', 'x.npy'));
      const ran = await run('run', 'x.npy', '--backend', 'native', '--isa', foreign, '--no-self-test');
      expect([ran.exit, digest(ran), json(ran).warnings?.[0]?.code]).toEqual([0, wanted, expect.stringMatching(/^NAT/)]);
      const strict = await run('run', 'x.npy', '--backend', 'native', '--isa', foreign, '--no-self-test', '--no-fallback');
      expect([strict.exit, json(strict).error?.[0]?.code]).toEqual([4, expect.stringMatching(/^NAT/)]);
    }));
});

/** Runs on a backend that is not there, and so as a fallback: the bytes of wasm, and a warning of one of the codes. */
const expectFallback = async (run: Run, code: RegExp, strictExit: number, backend = 'native'): Promise<void> => {
  const wanted = digest(await run('run', 'x.npy'));
  const ran = await run('run', 'x.npy', '--backend', backend);
  expect([ran.exit, json(ran).backend, digest(ran)]).toEqual([0, 'wasm', wanted]);
  expect(json(ran).warnings?.map((w) => w.code)).toEqual([expect.stringMatching(code)]);
  const strict = await run('run', 'x.npy', '--backend', backend, '--no-fallback');
  expect([strict.exit, json(strict).error?.[0]?.code]).toEqual([strictExit, expect.stringMatching(code)]);
};

describe('machines that cannot compile C run on wasm', () => {
  test('no compiler', () =>
    withModel(async (run, folder) => {
      process.env['CORTEXC_CACHE'] = join(folder, 'cache');
      process.env['PATH'] = join(folder, 'nothing');
      delete process.env['CC'];
      await expectFallback(run, /^NAT0001$/, 4);
    }));

  test('a compiler that fails', () =>
    withModel(async (run, folder) => {
      const compiler = join(folder, 'cc');
      writeFileSync(compiler, '#!/bin/sh\necho "cc: out of luck" >&2\nexit 3\n');
      chmodSync(compiler, 0o755);
      process.env['CORTEXC_CACHE'] = join(folder, 'cache');
      process.env['CC'] = compiler;
      await expectFallback(run, /^NAT0002$/, 4);
    }));

  test('a compiler that is not there', () =>
    withModel(async (run, folder) => {
      process.env['CORTEXC_CACHE'] = join(folder, 'cache');
      process.env['CC'] = join(folder, 'missing-cc');
      await expectFallback(run, /^NAT000[12]$/, 4);
    }));
});

describe('webgpu without the package', () => {
  test('run falls back with a warning, or is refused', () =>
    withModel(async (run, folder) => {
      process.env['CORTEXC_WEBGPU'] = join(folder, 'no-webgpu');
      await expectFallback(run, /^GPU0001$/, 4, 'webgpu');
    }));

  test('conformance, fuzz and selftest tell why there is nothing to test', () =>
    inFolder(async (cwd) => {
      process.env['CORTEXC_WEBGPU'] = join(cwd, 'no-webgpu');
      for (const words of [
        ['conformance', '--ops', 'reshape', '--sample', '5'],
        ['fuzz', '--programs', '1'],
      ]) {
        const ran = await cli([...words, '--backend', 'webgpu', '--json'], { cwd });
        expect([ran.exit, json(ran).error?.map((e) => e.code)]).toEqual([4, ['GPU0001']]);
      }
      const tested = await cli(['selftest', '--backend', 'webgpu'], { cwd });
      expect([tested.exit, tested.stdout]).toEqual([0, expect.stringMatching(/0 passed, \d+ refused of .*: there is no WebGPU/)]);
    }));
});

describe('bench', () => {
  interface BenchJson {
    readonly macs: number;
    readonly rows: readonly {
      readonly backend: string;
      readonly threads: number;
      readonly batch: number;
      readonly speed: number;
      readonly ms: Record<string, number>;
    }[];
    readonly met?: boolean;
    readonly error?: readonly { readonly code: string }[];
  }
  const bench = (ran: Ran): BenchJson => JSON.parse(ran.stdout) as BenchJson;

  test('a row for each backend, threads and batch; the first one is the measure', () =>
    withModel(async (run) => {
      const ran = await run('bench', '--backend', 'reference,wasm', '--batch', '1,3', '--threads', '1,2', '--runs', '5', '--warm-up', '1');
      expect(ran.exit).toBe(0);
      const { rows } = bench(ran);
      expect(rows.map((r) => [r.backend, r.threads, r.batch])).toEqual(
        ['reference', 'wasm'].flatMap((b) => [1, 2].flatMap((t) => [1, 3].map((n) => [b, t, n]))),
      );
      expect(rows[0]?.speed).toBe(1);
      for (const { ms } of rows) expect(Object.keys(ms)).toEqual(['runs', 'median', 'p5', 'p95', 'p99', 'min']);
    }));

  test('slower than asked: exit 1', () =>
    withModel(async (run) => {
      const ran = await run('bench', '--backend', 'reference', '--runs', '3', '--warm-up', '0', '--at-least', '1e9');
      expect([ran.exit, bench(ran).met]).toEqual([1, false]);
    }));

  test('every bad value is told at once', () =>
    withModel(async (run) => {
      const ran = await run('bench', '--backend', 'wsam', '--threads', '0', '--batch', 'x');
      expect([
        ran.exit,
        bench(ran)
          .error?.map((e) => e.code)
          .sort(),
      ]).toEqual([2, ['BKD0001', 'CLI1003', 'CLI1003']]);
      expect((await run('bench', '--seconds', '0')).exit).toBe(2);
    }));
});

describe('threads', () => {
  test('an engine without SharedArrayBuffer runs on one thread, with a warning and the same bytes', () =>
    withModel(async (run) => {
      const words = ['run', 'x.npy', '--backend', 'wasm', '--threads', '2'] as const;
      const wanted = digest(await run(...words));
      const { SharedArrayBuffer: kept } = globalThis;
      try {
        Reflect.deleteProperty(globalThis, 'SharedArrayBuffer');
        // twice: what the first run keeps is a program for one thread, and has to be told as such again
        for (let i = 0; i < 2; i++) {
          const ran = await run(...words, '--verify');
          expect([ran.exit, digest(ran)]).toEqual([0, wanted]);
          expect(json(ran).warnings).toMatchObject([{ code: 'BKD0010', message: expect.stringContaining('no SharedArrayBuffer') }]);
        }
      } finally {
        globalThis.SharedArrayBuffer = kept;
      }
      expect(json(await run(...words)).warnings ?? []).toEqual([]);
    }));
});

/** Folders for browsers carry scripts that the build makes. */
const built = existsSync(join(import.meta.dirname, '../../dist/src/backends/cpu/wasm/browser/loader.js'));
if (!built) console.warn('emit --target wasm is not tested from the command line: dist has no loader yet (npm run build)');

describe('emit', () => {
  (built ? test : test.skip)('a folder for browsers, checked in Node', () =>
    withModel(async (run, folder) => {
      const ran = await run('emit', '--target', 'wasm', '-o', 'web', '--vectors', '2', '--check');
      expect(JSON.parse(ran.stdout)).toMatchObject({
        target: 'wasm',
        check: { passed: true, output: [expect.stringContaining('2 of 2 vectors'), expect.anything()] },
      });
      expect((await run('emit', '--target', 'wasm', '-o', 'web')).exit).not.toBe(0);
      // what was spoilt is written again
      writeFileSync(join(folder, 'web', 'package.json'), '{');
      expect((await run('emit', '--target', 'wasm', '-o', 'web', '--force', '--check')).exit).toBe(0);
    }),
  );

  (built ? test : test.skip)('each target writes sources of its own kind', () =>
    withModel(async (run, folder) => {
      const kinds = { c: 'program.c', cuda: 'tables.c', wasm: 'program.wasm', webgpu: 'runtime.js' };
      for (const [target, file] of Object.entries(kinds)) {
        expect(json(await run('emit', '--target', target, '-o', target))).toMatchObject({ target });
        expect(existsSync(join(folder, target, file))).toBe(true);
      }
      expect(json(await run('emit', '--target', 'webgpu', '-o', 'other', '--check')).error?.[0]?.code).toBe('CLI1005');
    }),
  );
  test('a folder that is in use is left alone, unless forced; -o has to be given', () =>
    withModel(async (run, folder) => {
      expect(json(await run('emit', '--target', 'c')).error?.[0]?.code).toBe('CLI1003');
      expect(json(await run('emit', '--target', 'c', '-o', 'out', '--vectors', '0')).error?.[0]?.code).toBe('CLI1003');
      mkdirSync(join(folder, 'out'));
      writeFileSync(join(folder, 'out', 'notes.txt'), 'mine');
      if (backendByName('native')?.emit === undefined) {
        console.warn('Emitted folders are not tested: the native backend emits no sources.');
        return;
      }
      expect(json(await run('emit', '--target', 'c', '-o', 'out')).error?.[0]?.code).toBe('CLI2015');
      expect((await run('emit', '--target', 'c', '-o', 'out', '--force')).exit).toBe(0);
      expect(readFileSync(join(folder, 'out', 'notes.txt'), 'utf8')).toBe('mine');
      expect(existsSync(join(folder, 'out', 'Makefile'))).toBe(true);
    }));
});
