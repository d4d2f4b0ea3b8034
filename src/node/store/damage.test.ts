import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { loadBackend } from '../../backends/index.ts';
import { toHex, unwrap } from '../../support/index.ts';
import { createDevNode } from '../dev-node.ts';
import { DataUnavailable } from '../evm/engine.ts';
import { modelCalls } from '../evm/model-calls.ts';
import type { ObjectSource } from '../executor/engine.ts';
import { createService, type InferenceService } from '../executor/service.ts';
import { LOCAL_CALLER } from '../rpc/caller.ts';
import { METHODS } from '../rpc/methods/index.ts';
import { DEV_ACCOUNTS, type DevNode } from '../rpc/node.ts';
import { packageRoutes } from '../rpc/packages.ts';
import { serveRpc } from '../rpc/server.ts';
import { packaged, SMALL } from '../testing/chain.ts';
import { createFetcher } from './fetcher.ts';
import { createHttpTransport } from './http-transport.ts';
import { memoryObjects } from './memory-store.ts';

jest.setTimeout(60_000);

let folder: string;
const opened: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cortexc-damage-'));
});
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

const small = packaged(SMALL);
const file = (): string => join(folder, `${toHex(small.hash)}.cvm`);

/** A node whose packages are on disk, another that has the package and serves it, and what fetches from there. */
const nodeWithPeer = async (engineOf?: (objects: ObjectSource) => InferenceService) => {
  let clock = 1_800_000_000;
  const backend = unwrap(await loadBackend('reference', { selfTest: false }));
  const peer = await createDevNode({ backend, version: 'test', now: () => clock++ });
  await peer.objects.putPackage(small.file);
  const routes = packageRoutes({ store: peer.objects, admin: () => peer.admin, named: () => Promise.resolve(false) });
  const server = await serveRpc(peer, { port: 0, routes: [routes.route] });
  opened.push(
    () => server.close(),
    () => routes.close(),
  );

  const fetched: Promise<unknown>[] = [];
  const onDamaged = (hash: Uint8Array): void => void fetched.push(fetcher.want(hash, small.file.length, []));
  const node = await createDevNode({
    backend,
    version: 'test',
    objects: folder,
    keep: { onDamaged },
    ...(engineOf === undefined ? {} : { engineOf }),
    now: () => clock++,
  });
  const transport = createHttpTransport({ peers: [`http://127.0.0.1:${server.port}`], tell: () => undefined });
  const fetcher = createFetcher({ store: node.objects, transports: [transport] });
  opened.push(() => fetcher.close());
  return { node, fetched };
};

const ask = async <T>(node: DevNode, method: string, ...params: readonly unknown[]): Promise<T> =>
  (await METHODS.get(method)!(node, params, LOCAL_CALLER)) as T;

test.each([10, -10])(
  'a byte of a package is flipped on disk (%i): the call says so, the file is set aside and fetched, and the call works',
  async (at) => {
    const { node, fetched } = await nodeWithPeer();
    await node.objects.putPackage(small.file);
    const from = DEV_ACCOUNTS[0]!.address.toString();
    const { registry, inferPrecompile } = node.chain.options.params;
    const send = (data: string) => ask<string>(node, 'eth_sendTransaction', { from, to: registry.toString(), data });
    const made = await send(modelCalls.register(0, small.record, small.bytecode));
    const { logs } = await ask<{ logs: { topics: string[] }[] }>(node, 'eth_getTransactionReceipt', made);
    const model = `0x${logs[0]!.topics[1]!.slice(-40)}`;
    await send(modelCalls.upload(model));
    await node.mine();

    const bytes = new Uint8Array(readFileSync(file()));
    const place = at < 0 ? bytes.length + at : at;
    writeFileSync(file(), bytes.with(place, (bytes[place] ?? 0) ^ 1));
    const data = `0x${model.slice(2).padStart(64, '0')}${'1'.padStart(64, '0')}${'01'.repeat(40)}`;
    const call = () => ask<string>(node, 'eth_call', { from, to: inferPrecompile.toString(), data }, 'latest');
    const refused: unknown = await call().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(String((refused as Error).message)).toMatch(new RegExp(`undamaged package \\(CVM\\d+.*${toHex(small.hash)}`));
    expect(readdirSync(join(folder, 'set-aside'))).toEqual([`${toHex(small.hash)}.cvm`]);
    expect(await Promise.all(fetched)).toEqual(['there']);
    expect(new Uint8Array(readFileSync(file()))).toEqual(bytes);
    expect((await call()).slice(0, 12)).toBe('0x0202020202');
  },
);

test('a file that somebody took away is asked for again', async () => {
  const { node, fetched } = await nodeWithPeer();
  await node.objects.putPackage(small.file);
  rmSync(file());
  expect(await node.objects.package(small.hash)).toBeUndefined();
  expect(await Promise.all(fetched)).toEqual(['there']);
  expect(await node.objects.package(small.hash)).toBeDefined();
});

test('the execution service tells of damage, and of nothing else', async () => {
  const asked: string[] = [];
  const store = memoryObjects();
  await store.putPackage(small.file);
  const hash = small.hash;
  const words = ['undamaged package (CVM1004)', 'readable package (ENOENT)', 'reference cannot run (too large) package'];
  for (const reason of words) {
    const main = new URL(
      `data:text/javascript,${encodeURIComponent(`
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ kind }) => {
        if (kind === 'start') parentPort.postMessage({ kind: 'ready' });
        if (kind === 'load') parentPort.postMessage({ kind: 'unavailable', what: ${JSON.stringify(reason)} });
      });`)}`,
    );
    const service = createService({
      objects: { ...store, suspect: () => Promise.resolve(asked.push(reason) > 0) },
      backend: 'fake',
      workers: 1,
      isolation: 'threads',
      main,
    });
    await expect(service.preload(hash)).rejects.toThrow(DataUnavailable);
    service.close();
  }
  expect(asked).toEqual(words.slice(0, 2));
});
