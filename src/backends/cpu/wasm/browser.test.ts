import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cli } from '../../../cli/testing/run.ts';
import { decodePackage } from '../../../cvm-bytecode/index.ts';
import { dataPath } from '../../../frontend/tflite/testing/data.ts';
import { OP_NAMES, type Program } from '../../../ir/index.ts';
import { unwrap } from '../../../support/index.ts';
import { serveFolder } from './browser/serve.ts';
import { joinUses } from '../../../../tests/support/joined-uses.ts';
import { opUses } from '../../../../tests/support/op-uses.ts';
import { wasmBackend } from './index.ts';
import { Chromium, findChromium, type Page } from '../../../../tests/support/chromium.ts';
import { emitInto, floatProgram, inputsOf, layersProgram } from '../../../../tests/support/emitted-folder.ts';

const path = findChromium();
const inBrowser = path === undefined ? describe.skip : describe;
if (path === undefined)
  console.warn(
    'Emitted folders are not tested in a browser: there is no chromium or google-chrome on PATH (Debian: apt-get install chromium; CORTEXC_CHROMIUM names one).',
  );

const MOBILENET = 'tflite/coral/mobilenet_v1_0.25_128_quant.tflite';
const hasMobilenet = existsSync(dataPath(MOBILENET));
if (path !== undefined && !hasMobilenet)
  console.warn(`MobileNet is not run in a browser: ${dataPath(MOBILENET)} does not exist (set CORTEXC_DATA)`);

/** The integer program that the command line makes of a real network. */
const mobilenet = async (folder: string): Promise<Program> => {
  const { exit, stderr } = await cli(['compile', dataPath(MOBILENET), '-o', 'mobilenet.cvm', '--quiet'], { cwd: folder });
  if (exit !== 0) throw new Error(stderr);
  return unwrap(decodePackage(new Uint8Array(readFileSync(join(folder, 'mobilenet.cvm'))))).program;
};

/** Uses of ops that one program has side by side. */
const GROUP = 60;

/** What the page tells of a load and its vectors. */
interface Told {
  readonly isolated: boolean;
  readonly threads: number;
  readonly warnings: readonly { readonly code: string; readonly message: string; readonly help: string }[];
  readonly results: readonly { readonly name: string; readonly passed: boolean; readonly problems: readonly string[] }[];
  readonly progress: readonly (readonly [number, number])[];
}

/** Loads a folder and runs its vectors; an expression that pages and workers evaluate. */
const CHECK = `async (base, options) => {
  const [{ load }, { checkVectors }] = await Promise.all([import(base + 'loader.js'), import(base + 'vectors.js')]);
  const progress = [];
  const model = await load(base, { ...options, onProgress: (loaded, total) => progress.push([loaded, total]) });
  const read = async (name) => new Uint8Array(await (await fetch(base + name)).arrayBuffer());
  const results = await checkVectors(model, read);
  const told = { isolated: self.crossOriginIsolated, threads: model.threads, warnings: model.warnings, results, progress };
  model.close();
  return told;
}`;

const check = async (page: Page, base: string, options: object = {}): Promise<Told> =>
  (await page.evaluate(`(${CHECK})(${JSON.stringify(base)}, ${JSON.stringify(options)})`)) as Told;

/** The same in a worker of the page, where the caller's thread may sleep. */
const checkInWorker = async (page: Page, base: string, options: object): Promise<Told> => {
  const script = `(${CHECK})(${JSON.stringify(base)}, ${JSON.stringify(options)}).then(
    (told) => postMessage({ told }), (error) => postMessage({ error: String(error) }));`;
  return (await page.evaluate(`new Promise((done, fail) => {
    const url = URL.createObjectURL(new Blob([${JSON.stringify(script)}], { type: 'text/javascript' }));
    const worker = new Worker(url, { type: 'module' });
    worker.onerror = (event) => fail(new Error(event.message));
    worker.onmessage = ({ data }) => (data.error === undefined ? done(data.told) : fail(new Error(data.error)));
  })`)) as Told;
};

inBrowser('in Chromium', () => {
  const root = mkdtempSync(join(tmpdir(), 'cortexc-browser-'));
  const servers: Server[] = [];
  let chromium: Chromium;
  const listen = (server: Server): Promise<string> =>
    new Promise((done) => {
      servers.push(server);
      server.listen(0, '127.0.0.1', () => done(`http://localhost:${(server.address() as AddressInfo).port}`));
    });
  let isolated = '';
  let plain = '';
  let untyped = '';
  let strict = '';
  const emit = (name: string, program: Program, seeds: readonly number[]): void =>
    emitInto(
      join(root, name),
      program,
      seeds.map((seed) => inputsOf(program, seed)),
    );

  beforeAll(async () => {
    await wasmBackend.prepare?.();
    emit('layers', layersProgram(), [1, 2, 3]);
    emit('floats', floatProgram(), [4]);
    if (hasMobilenet) emit('mobilenet', await mobilenet(root), [5]);
    isolated = await listen(serveFolder(root, { isolated: true }));
    plain = await listen(serveFolder(root, { isolated: false }));
    const shared = { 'Access-Control-Allow-Origin': '*' };
    untyped = await listen(
      serveFolder(root, {
        isolated: false,
        headersOf: (file) => (file.endsWith('.wasm') ? { ...shared, 'Content-Type': 'text/plain' } : shared),
      }),
    );
    strict = await listen(serveFolder(root, { isolated: true, headersOf: () => ({ 'Content-Security-Policy': "worker-src 'self'" }) }));
    chromium = new Chromium(path ?? '');
  }, 240_000);
  afterAll(async () => {
    await chromium.close();
    for (const server of servers) server.close();
    rmSync(root, { recursive: true, force: true });
  });
  const withPage = async (url: string, use: (page: Page) => Promise<void>): Promise<void> => {
    const page = await chromium.open(url);
    await use(page);
    await page.close();
  };

  const expectRight = (told: Told, runs: number): void => {
    expect(told.results.map((r) => r.problems)).toEqual(new Array(runs).fill([]));
  };

  test.each([['layers', 3], ['floats', 1], ...(hasMobilenet ? [['mobilenet', 1] as const] : [])])(
    '%s: the reference bytes on 1, 2 and 3 threads',
    (name, runs) =>
      withPage(`${isolated}/${name}/`, async (page) => {
        for (const threads of [1, 2, 3]) {
          const told = await check(page, `${isolated}/${name}/`, { threads });
          expectRight(told, runs);
          expect(told).toMatchObject({ isolated: true, threads, warnings: [] });
          const [loaded, total] = told.progress.at(-1) ?? [];
          expect(loaded).toBe(total);
        }
      }),
  );

  test('every sample of every op', () => {
    const uses = opUses().filter(({ name }) => /, (inputs|special values)$/.test(name));
    const groups = Array.from({ length: Math.ceil(uses.length / GROUP) }, (_, i) => uses.slice(GROUP * i, GROUP * (i + 1)));
    groups.forEach((group, i) => {
      const { program, inputs } = joinUses(`ops ${i}`, group);
      emitInto(join(root, 'ops', String(i)), program, [inputs]);
    });
    return withPage(`${isolated}/layers/`, async (page) => {
      expect(uses.length).toBeGreaterThan(OP_NAMES.length);
      for (const i of groups.keys()) {
        const { results } = await check(page, `${isolated}/ops/${i}/`, { threads: 1 });
        const wrong = results.flatMap((r) => r.problems).map((p) => p.replace(/u(\d+)[.]/, (_, k) => `${groups[i]?.[Number(k)]?.name}: `));
        expect([results.length, wrong]).toEqual([1, []]);
      }
    });
  }, 240_000);

  test('in a worker of the page, with workers of its own', () =>
    withPage(`${isolated}/layers/`, async (page) => {
      const told = await checkInWorker(page, `${isolated}/layers/`, { threads: 2 });
      expectRight(told, 3);
      expect(told).toMatchObject({ isolated: true, threads: 2, warnings: [] });
    }));

  test('a page without shared memory runs on one thread with the same bytes, and says which headers help', () =>
    withPage(`${plain}/layers/`, async (page) => {
      const told = await check(page, `${plain}/layers/`, { threads: 2 });
      expectRight(told, 3);
      expect(told).toMatchObject({
        isolated: false,
        threads: 1,
        warnings: [{ code: 'BKD0010', message: expect.stringContaining('not cross-origin isolated') }],
      });
      expect(told.warnings[0]?.help).toContain('Cross-Origin-Embedder-Policy: require-corp');
      expect((await check(page, `${plain}/layers/`, { threads: 1 })).warnings).toEqual([]);
    }));

  test('another origin, whose server does not know .wasm: no streaming, the same bytes', () =>
    withPage(`${isolated}/layers/`, async (page) => {
      const told = await check(page, `${untyped}/layers/`, { threads: 2 });
      expectRight(told, 3);
      expect(told.threads).toBe(2);
      expect(told.warnings).toMatchObject([
        { code: 'BKD0022', message: expect.stringContaining('as text/plain, not as application/wasm') },
      ]);
    }));

  test('a policy that forbids workers of blobs: one thread, the same bytes, a warning', () =>
    withPage(`${strict}/layers/`, async (page) => {
      const told = await check(page, `${strict}/layers/`, { threads: 2 });
      expectRight(told, 3);
      expect(told.threads).toBe(1);
      expect(told.warnings).toMatchObject([{ code: 'BKD0010', message: expect.stringContaining('1 of 2 threads did not start') }]);
    }));

  test.each([true, false])('the demo page passes, isolated: %s', (withThreads) =>
    withPage(`${withThreads ? isolated : plain}/layers/`, async (page) => {
      const state = await page.evaluate(`new Promise((done) => {
        const look = () => document.body.dataset.state === 'running' ? setTimeout(look, 20) : done(document.body.innerText);
        look();
      })`);
      expect(state).toContain('3 of 3 vectors give the expected bytes');
    }),
  );

  test('what is not there is told with its address', () =>
    withPage(`${isolated}/layers/`, async (page) => {
      await expect(
        check(page, `${isolated}/layers/`, {}).then(() =>
          page.evaluate(`import('${isolated}/layers/loader.js').then(({ load }) => load('${isolated}/nothing'))`),
        ),
      ).rejects.toThrow(/BKD0020: .*nothing\/model.json cannot be read: the server answers 404/);
    }));
});
