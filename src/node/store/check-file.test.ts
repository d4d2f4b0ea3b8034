import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { unwrap } from '../../support/index.ts';
import { loadBackend } from '../../backends/index.ts';
import { createDevNode } from '../dev-node.ts';
import { serveRpc } from '../rpc/server.ts';
import { createCheck } from './check-file.ts';
import type { PackageDraft } from './contract.ts';
import { folderObjects } from './folder.ts';
import { syntheticPackage } from './testing/synthetic-package.ts';

const LARGE = syntheticPackage(5 * 2 ** 20, 3);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cortexc-check-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A thread that answers so, in place of the compiled check-main.ts, which sources do not have. */
const threadOf = (code: string): URL => {
  const path = join(folder, 'thread.mjs');
  writeFileSync(path, `import { parentPort, workerData } from 'node:worker_threads';\n${code}`);
  return pathToFileURL(path);
};

const filled = async (store: ReturnType<typeof folderObjects>): Promise<PackageDraft> => {
  const draft = await store.draft(LARGE.hash, LARGE.bytes.length);
  if (draft === undefined || typeof draft === 'string') throw new TypeError(String(draft));
  await draft.write(0, LARGE.bytes);
  return draft;
};

test('requests are answered while a large package is checked, and nobody else writes to it', async () => {
  let answers = 0;
  const check = createCheck(threadOf('parentPort.postMessage(workerData.hash)'));
  const store = folderObjects(join(folder, 'objects'), {
    // it ends when the requests have been answered
    check: async (path, size, hash) => {
      const found = await check(path, size, hash);
      while (answers < 20) await new Promise((next) => setTimeout(next, 1));
      return found;
    },
  });
  const backend = unwrap(await loadBackend('reference', { selfTest: false }));
  const node = await createDevNode({ backend, version: 'test', now: () => 1_800_000_000 });
  const server = await serveRpc(node, { port: 0 });
  try {
    const draft = await filled(store);
    const finished = draft.finish();
    expect(await store.draft(LARGE.hash, LARGE.bytes.length)).toContain('NOD0063');
    expect(await store.collect()).toEqual([]);
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] });
    for (let n = 0; n < 20; n++) {
      const said = await fetch(`http://127.0.0.1:${server.port}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(((await said.json()) as { result: string }).result).toBe('0x539');
      expect(await store.has(LARGE.hash)).toBe(false);
      answers++;
    }
    expect(await finished).toBeUndefined();
    expect(await store.has(LARGE.hash)).toBe(true);
  } finally {
    await server.close();
  }
});

test('a thread has the loop turn while it works', async () => {
  const check = createCheck(threadOf('const end = Date.now() + 200; while (Date.now() < end); parentPort.postMessage(workerData.hash)'));
  const path = join(folder, 'large');
  writeFileSync(path, LARGE.bytes);
  let turns = 0;
  let going = true;
  const count = (): void => {
    turns++;
    if (going) setImmediate(count);
  };
  const checked = check(path, LARGE.bytes.length, LARGE.hash);
  count();
  expect(await checked).toEqual(LARGE.hash);
  going = false;
  expect(turns).toBeGreaterThan(10);
});

test('a thread that ends without an answer is told, and what came stays', async () => {
  const root = join(folder, 'objects');
  const dying = folderObjects(root, { check: createCheck(threadOf('process.exit(7)')) });
  await expect((await filled(dying)).finish()).rejects.toThrow('ended with code 7');
  expect(dying.drafts()).toMatchObject([{ size: LARGE.bytes.length, open: false }]);
  expect(readdirSync(join(root, 'drafts'))).toHaveLength(2);
  // the next process finds all of it, and need only finish
  const next = folderObjects(root);
  const draft = await next.draft(LARGE.hash, LARGE.bytes.length);
  if (draft === undefined || typeof draft === 'string') throw new TypeError(String(draft));
  expect(draft.present()).toEqual([[0, LARGE.bytes.length]]);
  expect(await draft.finish()).toBeUndefined();
  expect(await next.has(LARGE.hash)).toBe(true);
});

test('without the compiled thread, files are checked all the same', async () => {
  const path = join(folder, 'large');
  writeFileSync(path, LARGE.bytes.with(3_000_000, (LARGE.bytes[3_000_000] ?? 0) ^ 1));
  const check = createCheck(pathToFileURL(join(folder, 'none.mjs')));
  expect(await check(path, LARGE.bytes.length, LARGE.hash)).toMatch(/^CVM/);
});
