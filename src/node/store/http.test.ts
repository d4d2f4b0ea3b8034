import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256, toHex } from '../../support/index.ts';
import { adminGate } from '../rpc/admin.ts';
import { MAX_PART_BYTES, type PackageRoutes, packageRoutes } from '../rpc/packages.ts';
import type { ManagedStore } from './contract.ts';
import { createFetcher } from './fetcher.ts';
import { folderObjects } from './folder.ts';
import { createHttpTransport, nodeUrl } from './http-transport.ts';
import { memoryObjects } from './memory-store.ts';
import { lightPolicy } from './policy.ts';
import { syntheticPackage } from './testing/synthetic-package.ts';

const MODEL = syntheticPackage(9 * 2 ** 20, 5);
const HASH = toHex(MODEL.hash);
const PATIENCE = 400;

const opened: (() => Promise<unknown>)[] = [];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cortexc-http-'));
});
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => undefined);

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
const serve = async (handler: Handler): Promise<string> => {
  const server: Server = createServer(handler);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  opened.push(
    () =>
      new Promise((done) => {
        server.close(done);
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

interface Running {
  readonly url: string;
  readonly routes: PackageRoutes;
}
const node = async (store: ManagedStore, gate = adminGate({ loopback: true }), named = false): Promise<Running> => {
  const routes = packageRoutes({ store, admin: () => gate, named: () => Promise.resolve(named), patienceMs: PATIENCE });
  opened.push(() => routes.close());
  const url = await serve((request, response) => {
    if (!routes.route(request, response)) response.writeHead(404).end();
  });
  return { url, routes };
};

const digestOf = (bytes: Uint8Array): string => `sha-256=:${Buffer.from(sha256(bytes)).toString('base64')}:`;
const putPart = (url: string, from: number, to: number, headers: Record<string, string> = {}, bytes = MODEL.bytes): Promise<Response> =>
  fetch(`${url}/packages/${HASH}`, {
    method: 'PUT',
    headers: {
      'content-range': `bytes ${from}-${to - 1}/${bytes.length}`,
      'content-digest': digestOf(bytes.subarray(from, to)),
      ...headers,
    },
    body: bytes.slice(from, to),
  });

const PART = 4 * 2 ** 20;
const putAll = async (url: string, from = 0): Promise<number> => {
  let status = 0;
  for (let at = from; at < MODEL.bytes.length; at += PART)
    status = (await putPart(url, at, Math.min(MODEL.bytes.length, at + PART))).status;
  return status;
};

describe('PUT /packages', () => {
  test('takes parts, tells what is there, goes on after the server ended', async () => {
    const first = await node(folderObjects(folder));
    expect((await putPart(first.url, PART, 2 * PART)).status).toBe(204);
    const head = await fetch(`${first.url}/packages/${HASH}`, { method: 'HEAD' });
    expect([head.status, head.headers.get('upload-size'), head.headers.get('upload-bytes')]).toEqual([
      202,
      String(MODEL.bytes.length),
      String(PART),
    ]);
    await first.routes.close();
    const second = await node(folderObjects(folder));
    expect(await (await fetch(`${second.url}/packages/${HASH}/draft`)).json()).toEqual({
      size: MODEL.bytes.length,
      present: [[PART, 2 * PART]],
    });
    expect((await putPart(second.url, 0, PART)).status).toBe(204);
    expect((await putPart(second.url, 2 * PART, MODEL.bytes.length)).status).toBe(201);
    expect((await putPart(second.url, 0, 5)).status).toBe(200);
    const whole = await fetch(`${second.url}/packages/${HASH}`);
    expect(whole.status).toBe(200);
    expect(Buffer.compare(new Uint8Array(await whole.arrayBuffer()), MODEL.bytes)).toBe(0);
    const part = await fetch(`${second.url}/packages/${HASH}`, { headers: { range: 'bytes=5-9' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 5-9/${MODEL.bytes.length}`]);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(MODEL.bytes.slice(5, 10));
    expect((await fetch(`${second.url}/packages/${HASH}`, { headers: { range: `bytes=${MODEL.bytes.length}-` } })).status).toBe(416);
    const last = await fetch(`${second.url}/packages/${HASH}`, { headers: { range: 'bytes=-3' } });
    expect(new Uint8Array(await last.arrayBuffer())).toEqual(MODEL.bytes.slice(-3));
  });

  test('refuses what is wrong, and keeps nothing of it', async () => {
    const store = memoryObjects(2 ** 24);
    const { url } = await node(store);
    const status = async (headers: Record<string, string>): Promise<number> => (await putPart(url, 0, 100, headers)).status;
    expect(await status({ 'content-digest': digestOf(Uint8Array.of(1)) })).toBe(400);
    expect(await status({ 'content-digest': 'nonsense' })).toBe(400);
    expect(await status({ 'content-range': 'bytes 0-98/1000' })).toBe(400);
    expect(await status({ 'content-range': 'bytes 5-2/1000' })).toBe(400);
    expect(await status({ 'content-range': 'bytes 900-999/950' })).toBe(400);
    expect(await status({ 'content-range': `bytes 0-99/${2 ** 40}` })).toBe(413);
    expect(await status({ 'content-range': `bytes 0-99/${2 ** 25}` })).toBe(507);
    expect((await putPart(url, 0, MAX_PART_BYTES + 1)).status).toBe(413);
    expect((await fetch(`${url}/packages/${HASH}`, { method: 'DELETE' })).status).toBe(405);
    expect((await fetch(`${url}/packages/${HASH}`)).status).toBe(404);
    expect((await fetch(`${url}/packages/nothing`)).status).toBe(404);
    expect(store.usage()).toMatchObject({ bytes: 0, drafts: 0 });
    const lie = MODEL.bytes.with(5_000_000, (MODEL.bytes[5_000_000] ?? 0) ^ 1);
    for (let at = 0; at < lie.length; at += PART) {
      const end = Math.min(lie.length, at + PART);
      expect((await putPart(url, at, end, {}, lie)).status).toBe(end === lie.length ? 422 : 204);
    }
    expect(store.usage()).toMatchObject({ bytes: 0, drafts: 0 });
    expect(await putAll(url)).toBe(201);
  });

  test('lets a client go that sends nothing', async () => {
    const { url } = await node(memoryObjects());
    const status = await new Promise<number | undefined>((done, failed) => {
      const sent = httpRequest(`${url}/packages/${HASH}`, {
        method: 'PUT',
        headers: { 'content-range': 'bytes 0-99/1000', 'content-length': '100', 'content-digest': digestOf(Uint8Array.of(1)) },
      });
      sent.once('response', (response) => done(response.statusCode));
      sent.once('error', failed);
      sent.write(Uint8Array.of(1));
    });
    expect(status).toBe(408);
  });

  test('needs a key where others reach the node, unless the chain names the package', async () => {
    const open = await node(memoryObjects(), adminGate({ loopback: false }));
    expect((await putPart(open.url, 0, 100)).status).toBe(403);
    expect((await putPart((await node(memoryObjects(), adminGate({ loopback: false }), true)).url, 0, 100)).status).toBe(204);
    const keyed = await node(memoryObjects(), adminGate({ loopback: true, token: 'a'.repeat(20) }));
    expect((await putPart(keyed.url, 0, 100)).status).toBe(403);
    expect((await putPart(keyed.url, 0, 100, { authorization: `Bearer ${'b'.repeat(20)}` })).status).toBe(403);
    expect((await putPart(keyed.url, 0, 100, { authorization: `Bearer ${'a'.repeat(20)}` })).status).toBe(204);
    expect((await fetch(`${keyed.url}/packages/${HASH}`)).status).toBe(404);
  });

  test('inputs, too', async () => {
    const { url } = await node(memoryObjects());
    const input = Uint8Array.of(3, 4, 5);
    const put = (name: string): Promise<Response> => fetch(`${url}/inputs/${name}`, { method: 'PUT', body: input });
    expect([(await put(HASH)).status, (await put(toHex(sha256(input)))).status]).toEqual([422, 201]);
    const got = await fetch(`${url}/inputs/${toHex(sha256(input))}`);
    expect(new Uint8Array(await got.arrayBuffer())).toEqual(input);
  });
});

/** A node that serves ranges of other bytes, or not as it should. */
const hostile = (bytes: Uint8Array, change: (response: ServerResponse, part: Uint8Array) => void, size = bytes.length): Promise<string> =>
  serve((request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(200, { 'content-length': String(size) }).end();
    const [, from = '0', to = '0'] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${size}` });
    return change(response, bytes.subarray(Number(from), Number(to) + 1));
  });

describe('the fetcher', () => {
  const quick = { pause: () => Promise.resolve() };
  const good = async (): Promise<string> => {
    const store = memoryObjects();
    await store.putPackage(MODEL.bytes);
    return (await node(store)).url;
  };
  const fetchFrom = async (hints: readonly string[], rounds = 6) => {
    const store = folderObjects(folder);
    const told: string[] = [];
    const transport = createHttpTransport({ tell: (line) => void told.push(line), patienceMs: PATIENCE });
    const fetcher = createFetcher({ store, transports: [transport], rounds, ...quick });
    opened.push(() => fetcher.close());
    const outcome = await fetcher.want(MODEL.hash, 1, hints);
    return { outcome, told, store };
  };

  test('brings a package from two nodes', async () => {
    const { outcome, told, store } = await fetchFrom([await good(), await good()]);
    expect([outcome, told]).toEqual(['there', []]);
    const file = await store.package(MODEL.hash);
    expect(Buffer.compare(file?.read(0, file.size) ?? new Uint8Array(), MODEL.bytes)).toBe(0);
  });

  test('leaves peers that lie, are truncated, hang, or are no nodes, and tells', async () => {
    const liar = await hostile(MODEL.bytes.with(6_000_000, 1).with(6_000_001, 2), (r, part) => void r.end(part));
    const short = await hostile(MODEL.bytes, (r, part) => void r.end(part.subarray(0, 1000)));
    const long = await hostile(MODEL.bytes, (r, part) => void r.end(Buffer.concat([part, part])));
    const hanging = await hostile(MODEL.bytes, (r, part) => void r.write(part.subarray(0, 10)));
    const { outcome, told } = await fetchFrom([liar, short, long, hanging, 'http://127.0.0.1:1', 'ftp://x', await good()], 12);
    expect(outcome).toBe('there');
    for (const peer of [short, long, hanging]) expect(told.some((line) => line.includes(peer))).toBe(true);
  });

  test('finds out who lies where all that one sends has its size', async () => {
    const liar = await hostile(MODEL.bytes.with(100, 1).with(8_000_000, 2), (r, part) => void r.end(part));
    const { outcome, told } = await fetchFrom([liar, await good()], 12);
    expect(outcome).toBe('there');
    expect(told.every((line) => line.includes(liar))).toBe(true);
    const alone = await fetchFrom([liar], 3);
    expect(alone.outcome).toBe('there');
    await alone.store.remove(MODEL.hash);
    const none = await fetchFrom([liar], 3);
    expect([none.outcome, none.store.usage().bytes]).toEqual(['gone', 0]);
    expect(none.told.join()).toContain('sent what is not the package');
  });

  test('is not misled about the size', async () => {
    const huge = await hostile(MODEL.bytes, (r, part) => void r.end(part), 2 ** 35);
    const { outcome } = await fetchFrom([huge, await good()], 6);
    expect(outcome).toBe('there');
  });

  test('goes on with what is there', async () => {
    const store = folderObjects(folder);
    const draft = await store.draft(MODEL.hash, MODEL.bytes.length);
    if (typeof draft !== 'object') throw new RangeError('no draft');
    await draft.write(0, MODEL.bytes.subarray(0, 8 * 2 ** 20));
    await draft.close();
    let sent = 0;
    const peer = await hostile(MODEL.bytes, (r, part) => {
      sent += part.length;
      r.end(part);
    });
    const { outcome } = await fetchFrom([peer]);
    expect([outcome, sent]).toEqual(['there', MODEL.bytes.length - 8 * 2 ** 20]);
  });

  test('obeys the policy, is asked once, and ends when it is closed', async () => {
    const store = folderObjects(folder, { policy: lightPolicy(1000) });
    const fetcher = createFetcher({ store, transports: [createHttpTransport()], ...quick });
    expect(await fetcher.want(MODEL.hash, 5000, [])).toBe('left out');
    // the chain says less than the file has
    expect(await fetcher.want(MODEL.hash, 10, [await good()])).toBe('gone');
    const pauses: number[] = [];
    const slow = createFetcher({
      store: memoryObjects(),
      transports: [createHttpTransport({ patienceMs: PATIENCE })],
      rounds: 20,
      pause: (ms, signal) => {
        pauses.push(ms);
        return pauses.length < 12
          ? Promise.resolve()
          : new Promise((_, reject) => signal.addEventListener('abort', () => reject(new RangeError('stopped'))));
      },
    });
    const one = slow.want(MODEL.hash, 5, []);
    expect(slow.want(MODEL.hash, 5, ['http://127.0.0.1:1'])).toBe(one);
    expect(slow.wanted()).toBe(1);
    while (pauses.length < 12) await new Promise((next) => setTimeout(next, 20));
    await slow.close();
    expect(await one).toBe('gone');
    expect(pauses.slice(0, 3)).toEqual([500, 1000, 2000]);
    expect(Math.max(...pauses)).toBe(60_000);
  });

  test('takes of a hint only where the node is', () => {
    expect(nodeUrl('http://a:80/../../admin?x=1')).toBe('http://a');
    expect([nodeUrl('file:///etc/passwd'), nodeUrl('http://u:p@a'), nodeUrl('magnet:?x')]).toEqual([undefined, undefined, undefined]);
  });
});
