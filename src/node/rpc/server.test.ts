import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import WebSocket from 'ws';
import { Hardfork } from '@ethereumjs/common';
import { loadBackend } from '../../backends/index.ts';
import { unwrap } from '../../support/index.ts';
import { createDevNode } from '../dev-node.ts';
import { adminGate } from './admin.ts';
import { LOCAL_CALLER } from './caller.ts';
import { FairQueue } from './fair-queue.ts';
import { Gates } from './gates.ts';
import type { DevNode } from './node.ts';
import { rlpProblem } from './rlp-guard.ts';
import { type RunningServer, serveRpc } from './server.ts';

jest.setTimeout(60_000);

let node: DevNode;
let server: RunningServer;
beforeAll(async () => {
  let clock = 1_800_000_000;
  const backend = unwrap(await loadBackend('reference', { selfTest: false }));
  node = await createDevNode({
    backend,
    version: 'test',
    hardfork: Hardfork.Cancun,
    calls: { gas: 10n ** 9n, ms: 400 },
    now: () => clock++,
  });
  server = await serveRpc(node, { port: 0, maxBytes: 2 ** 20, patienceMs: 300, origins: ['https://allowed.example'] });
});
afterAll(() => server.close());

interface Said {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}
const ask = (body: string, headers: Record<string, string> = {}, method = 'POST'): Promise<Said> =>
  new Promise((done, fail) => {
    const given = { host: `localhost:${server.port}`, 'content-type': 'application/json', ...headers };
    const r = request({ port: server.port, host: '127.0.0.1', method, headers: given }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.on('end', () => done({ status: response.statusCode ?? 0, text, headers: response.headers }));
    });
    r.on('error', fail);
    r.end(body);
  });
const call = (method: string, ...params: readonly unknown[]): string => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
const CHAIN_ID = call('eth_chainId');

describe('who may ask', () => {
  test('pages of this machine, of extensions and of --allow-origin; no others, by HTTP or WebSocket', async () => {
    for (const origin of ['http://localhost:3000', 'chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn', 'https://allowed.example']) {
      const said = await ask(CHAIN_ID, { origin });
      expect([said.status, said.headers['access-control-allow-origin']]).toEqual([200, origin]);
      const preflight = await ask('', { origin }, 'OPTIONS');
      expect([preflight.status, preflight.headers['access-control-allow-private-network']]).toEqual([204, 'true']);
    }
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example', 'https://allowed.example.evil', 'garbage']) {
      const said = await ask(call('evm_mine'), { origin });
      expect([said.status, said.headers['access-control-allow-origin']]).toEqual([403, undefined]);
      expect((await ask('', { origin }, 'OPTIONS')).status).toBe(403);
      const ws = new WebSocket(`ws://127.0.0.1:${server.port}`, { origin });
      await expect(new Promise((open, fail) => ws.on('open', open).on('error', fail))).rejects.toThrow('403');
    }
    expect(node.chain.head.header.number).toBe(0n);
  });

  test('what a page can send without asking first, plain text or a form, is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain;application/json'])
      expect((await ask(call('evm_mine'), { 'content-type': type })).status).toBe(415);
    expect((await ask(CHAIN_ID, { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200);
    expect(node.chain.head.header.number).toBe(0n);
  });

  test('a name that is not this machine is refused, an address is nobody’s name', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:80'])
      expect((await ask(CHAIN_ID, { host })).status).toBeGreaterThanOrEqual(400);
    for (const host of ['192.168.7.9:8545', '[fe80::1]:8545', 'LOCALHOST']) expect((await ask(CHAIN_ID, { host })).status).toBe(200);
  });
});

/** Everything that comes until the other end closes. */
const until = (socket: Socket): Promise<string> =>
  new Promise((done) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => (text += piece));
    socket.on('error', () => undefined);
    socket.on('close', () => done(text));
  });
const HEAD = 'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';

describe('who is slow', () => {
  test('headers and bodies that are dripped end the connection; nothing stays held', async () => {
    const silent = connect(server.port, '127.0.0.1');
    const headers = connect(server.port, '127.0.0.1');
    headers.write('POST / HTTP/1.1\r\nhost: loc');
    const bodies = Array.from({ length: 80 }, () => connect(server.port, '127.0.0.1'));
    for (const s of bodies) s.write(`${HEAD}content-length: 1000\r\n\r\n{"id":`);
    const drip = setInterval(() => [headers, ...bodies].forEach((s) => s.writable && s.write(' ')), 50);
    // others are served meanwhile
    expect((await ask(CHAIN_ID)).text).toContain('"0x539"');
    const ends = await Promise.all([silent, headers, ...bodies].map(until));
    clearInterval(drip);
    expect(ends[2]).toContain('408');
    expect(server.loads()).toMatchObject({ bytes: 0, webSockets: 0 });
  });

  test('a length that is not kept, a broken chunk, a body above the limit by chunks', async () => {
    const short = connect(server.port, '127.0.0.1');
    short.end(`${HEAD}content-length: 50\r\n\r\n{}`);
    const broken = connect(server.port, '127.0.0.1');
    broken.write(`${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n`);
    const large = connect(server.port, '127.0.0.1');
    large.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    for (let i = 0; i < 20; i++) large.write(`10000\r\n${' '.repeat(65_536)}\r\n`);
    const [, told, refused] = await Promise.all([short, broken, large].map(until));
    expect(told).toContain('400');
    expect(refused).toContain('413');
    expect(server.loads().bytes).toBe(0);
  });
});

describe('what fills or empties the store of a node that is open to others', () => {
  const token = 'a token of this test';
  beforeAll(() => {
    node.admin = adminGate({ token: token.replaceAll(' ', '-'), loopback: false });
  });
  afterAll(() => {
    node.admin = adminGate({ loopback: true });
  });
  const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret.replaceAll(' ', '-')}` });
  const put = call('cortex_putInput', '0x010203');
  const bySocket = (headers: Record<string, string>): Promise<string> =>
    new Promise((done, fail) => {
      const ws = new WebSocket(`ws://127.0.0.1:${server.port}`, { headers });
      ws.on('error', fail);
      ws.on('open', () => ws.send(put));
      ws.on('message', (data: Buffer) => {
        ws.terminate();
        done(data.toString());
      });
    });

  test('is for those with the token, by HTTP and by WebSocket', async () => {
    const hash = '00'.repeat(32);
    for (const method of [
      put,
      call('cortex_putPackage', '0x00'),
      call('cortex_removePackage', `0x${hash}`),
      call('cortex_pin', `0x${hash}`),
    ]) {
      expect((await ask(method)).text).toContain('NOD0065');
      expect((await ask(method, bearer('another token here'))).text).toContain('NOD0065');
    }
    expect(await bySocket({})).toContain('NOD0065');
    expect(await bySocket(bearer('another token here'))).toContain('NOD0065');
    expect(node.objects.usage().inputs).toBe(0);

    const hashOfInput = '039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81';
    expect(await bySocket(bearer(token))).toContain(hashOfInput);
    expect(node.objects.usage().inputs).toBe(1);
    expect((await ask(put, bearer(token))).text).toContain(hashOfInput);
    // what it says is told to whoever may
    expect((await ask(call('cortex_putPackage', '0x00'), bearer(token))).text).toContain('the package is refused');
  });
});

describe('WebSocket', () => {
  const open = (): Promise<WebSocket> =>
    new Promise((done, fail) => {
      const ws = new WebSocket(`ws://127.0.0.1:${server.port}`);
      ws.on('open', () => done(ws));
      ws.on('error', fail);
    });
  const closed = (ws: WebSocket): Promise<void> => new Promise((done) => ws.on('close', () => done()));

  test('a flood of requests is answered, one after another; too large a message and a flood of pings end the connection', async () => {
    const flood = await open();
    let answers = 0;
    const all = new Promise<void>((done) => flood.on('message', () => ++answers === 3000 && done()));
    for (let i = 0; i < 3000; i++) flood.send(CHAIN_ID);
    await all;
    const over = closed(flood);
    flood.close();
    const large = await open();
    large.on('error', () => undefined);
    const refused = closed(large);
    large.send(' '.repeat(2 ** 20 + 1));
    const pings = await open();
    pings.on('error', () => undefined);
    const ended = closed(pings);
    for (let i = 0; i < 1000; i++) pings.ping();
    await Promise.all([refused, ended, over]);
    expect(server.loads().bytes).toBe(0);
  });
});

describe('calls', () => {
  const BURN = '0x00000000000000000000000000000000000000bb';
  test('one that burns gas ends at its limit, and short ones are answered while it runs', async () => {
    const order: string[] = [];
    const burn = ask(call('eth_call', { data: '0x5b600056' })).then((said) => (order.push('long'), said));
    const short = Promise.all(
      Array.from({ length: 20 }, () => ask(call('eth_call', { data: '0x60016000526020 6000f3'.replace(' ', '') }))),
    ).then((said) => (order.push('short'), said));
    const reads = ask(call('eth_getBalance', BURN, 'latest')).then((said) => (order.push('read'), said));
    expect((await short).every((s) => s.text.includes('"result":"0x00'))).toBe(true);
    expect((await reads).text).toContain('"0x0"');
    const text = (await burn).text;
    expect(text).toMatch(/the call ran for \d+ ms, the limit is 400 ms \(--call-ms\)/);
    expect(order[2]).toBe('long');
  });
});

describe('FairQueue', () => {
  test('connections take turns; more than a connection may have is refused; those who left are left out', async () => {
    const queue = new FairQueue('tests', { active: 1, waiting: 10, perCaller: 4 });
    const [a, b] = [{ ...LOCAL_CALLER }, { ...LOCAL_CALLER }];
    let left = false;
    const c = { ...LOCAL_CALLER, gone: () => left };
    const order: string[] = [];
    const open: (() => void)[] = [];
    const job = (name: string) => () => new Promise<void>((done) => void (order.push(name), open.push(done)));
    const all = [
      ...['a1', 'a2', 'a3', 'a4'].map((n) => queue.run(a, job(n))),
      queue.run(c, job('c1')).catch((e: unknown) => order.push((e as Error).message)),
      ...['b1', 'b2'].map((n) => queue.run(b, job(n))),
    ];
    await expect(queue.run(a, job('a5'))).rejects.toThrow('4 requests of this connection wait for tests already: ask again later');
    left = true;
    for (let i = 0; i < 7; i++) {
      open.shift()?.();
      await new Promise((next) => setImmediate(next));
    }
    await Promise.all(all);
    expect(order.filter((n) => n.length === 2)).toEqual(['a1', 'a2', 'b1', 'a3', 'b2', 'a4']);
    expect(order).toContain('the connection ended: ask again later');
    expect(queue.load).toEqual({ active: 0, waiting: 0 });
  });

  test('a full queue of one class leaves the others open', async () => {
    const gates = new Gates();
    const never: (() => void)[] = [];
    const stuck = Array.from({ length: 16 * 4 }, (_, i) =>
      gates.run(
        'eth_getLogs',
        i % 4 === 0 ? { ...LOCAL_CALLER } : { ...LOCAL_CALLER },
        () => new Promise<void>((done) => never.push(done)),
      ),
    );
    expect(await gates.run('eth_getBalance', LOCAL_CALLER, () => Promise.resolve('read'))).toBe('read');
    while (gates.loads()['work']!.active > 0) {
      never.splice(0).forEach((done) => done());
      await new Promise((next) => setImmediate(next));
    }
    await Promise.all(stuck);
  });
});

describe('rlpProblem', () => {
  test('nesting, counts and lengths that lie are found before anything is made', () => {
    const nested = new Uint8Array(2000).fill(0xc1);
    expect(rlpProblem(nested, 0)).toMatch(/longer than what holds it|nested deeper/);
    const deep = Uint8Array.from({ length: 20 }, (_, i) => 0xc0 + 19 - i);
    expect(rlpProblem(deep, 0)).toBe('lists are nested deeper than 8');
    const many = new Uint8Array(4 + 60_000).fill(0x80);
    many.set([0xf9, 60_000 >> 8, 60_000 & 255]);
    expect(rlpProblem(many.subarray(0, 3 + 60_000), 0)).toBe('more than 50000 items');
    expect(rlpProblem(Uint8Array.of(0xff, 255, 255, 255, 255, 255, 255, 255, 255), 0)).toMatch(/longer than what holds it/);
    expect(rlpProblem(Uint8Array.of(2, 0xc3, 0x80, 0x81, 0x80), 1)).toBeUndefined();
  });
});
