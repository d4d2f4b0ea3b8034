import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { build } from 'esbuild';
import { loadBackend } from '../../backends/index.ts';
import { toHex, unwrap } from '../../support/index.ts';
import type { InferenceRequest } from '../evm/engine.ts';
import type { ModelMeta } from '../evm/meta.ts';
import { folderObjects } from '../store/folder.ts';
import { packaged, SMALL } from '../testing/chain.ts';
import { createEngine, type ObjectSource } from './engine.ts';
import { createService } from './service.ts';

// The worker itself, on packages of a folder: worker-main.ts as it is built, in front of it a switch that ends it in the middle of a run.

jest.setTimeout(60_000);

const root = join(import.meta.dirname, '..', '..', '..');
const small = packaged(SMALL);
let folder: string;
let main: URL;

beforeAll(async () => {
  // within the project, where what it imports is found
  mkdirSync(join(root, '.cache'), { recursive: true });
  folder = mkdtempSync(join(root, '.cache', 'real-workers-'));
  await build({
    entryPoints: [join(import.meta.dirname, 'worker-main.ts')],
    outfile: join(folder, 'worker.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'error',
  });
  writeFileSync(
    join(folder, 'main.mjs'),
    `import { existsSync, unlinkSync } from 'node:fs';
import { isMainThread, parentPort } from 'node:worker_threads';
import './worker.mjs';
const flag = new URL('end-once', import.meta.url);
(parentPort ?? process).on('message', ({ kind }) => {
  if (kind !== 'run' || !existsSync(flag)) return;
  unlinkSync(flag);
  if (isMainThread) process.kill(process.pid, 'SIGKILL');
  else process.exit(3);
});
`,
  );
  main = pathToFileURL(join(folder, 'main.mjs'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const [isolation, backend] of [
  ['threads', 'reference'],
  ['threads', 'wasm'],
  ['processes', 'reference'],
] as const)
  test(`a worker (${isolation}, ${backend}) opens the file of a package itself, and again when it is ended in the middle of a run`, async () => {
    const store = folderObjects(join(folder, `${isolation}-${backend}`));
    await store.putPackage(small.file);
    const paths: string[] = [];
    const objects: ObjectSource = {
      ...store,
      // the node itself reads nothing of it
      package: async (hash) => {
        const file = await store.package(hash);
        const read = (): never => {
          throw new Error('the node reads the package');
        };
        return file && { size: file.size, inMemory: file.inMemory, read };
      },
      packagePath: async (hash) => {
        const path = await store.packagePath?.(hash);
        paths.push(path ?? 'none');
        return path;
      },
    };
    const request: InferenceRequest = {
      meta: { hash: small.hash, inputs: [{ dtype: 'i8', shape: [1, 40] }] } as unknown as ModelMeta,
      input: new Uint8Array(40).fill(5),
      seed: [0, 0],
    };
    const here = createEngine({ source: store, backend: unwrap(await loadBackend('reference', { selfTest: false })) });
    const expected = await here.infer(request);
    here.close();
    expect(expected).toHaveLength(48);
    const service = createService({ objects, backend, workers: 1, isolation, main, selfTest: false });
    try {
      expect(await service.infer(request)).toEqual(expected);
      expect(paths).toEqual([join(folder, `${isolation}-${backend}`, `${toHex(small.hash)}.cvm`)]);
      const flag = join(folder, 'end-once');
      writeFileSync(flag, '');
      const many = Array.from({ length: 5 }, () => service.infer(request));
      for (const outcome of await Promise.all(many)) expect(outcome).toEqual(expected);
      expect(existsSync(flag)).toBe(false);
      expect(paths).toHaveLength(2);
    } finally {
      service.close();
    }
  });
