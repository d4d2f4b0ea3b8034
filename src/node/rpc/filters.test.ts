import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { JsonRpcProvider, WebSocketProvider } from 'ethers';
import { createPublicClient, http, keccak256, webSocket } from 'viem';
import { loadBackend } from '../../backends/index.ts';
import { unwrap } from '../../support/index.ts';
import { createDevNode } from '../dev-node.ts';
import { type Caller, LOCAL_CALLER } from './caller.ts';
import { Filters, type FilterSource } from './filters.ts';
import { METHODS } from './methods/index.ts';
import { DEV_ACCOUNTS, type DevNode } from './node.ts';
import { limitExceeded, RpcError } from './rpc-error.ts';
import { type RunningServer, serveRpc } from './server.ts';

jest.setTimeout(60_000);

/** Creates a contract that logs what it is called with, under topic 7. */
const LOGGER = '0x69365f5f376007365fa1005f52600a6016f3';
const TOPIC = `0x${'7'.padStart(64, '0')}`;
const FROM = DEV_ACCOUNTS[0]!.address.toString();

let node: DevNode;
let server: RunningServer;
let logger: string;
const ask = async (method: string, ...params: readonly unknown[]): Promise<unknown> => METHODS.get(method)!(node, params, LOCAL_CALLER);
const problem = async (method: string, ...params: readonly unknown[]): Promise<number> => {
  try {
    await ask(method, ...params);
  } catch (error) {
    if (error instanceof RpcError) return error.code;
    throw error;
  }
  return 0;
};
const send = (data: string): Promise<unknown> => ask('eth_sendTransaction', { from: FROM, to: logger, data, gas: '0x20000' });

beforeAll(async () => {
  let clock = 1_800_000_000;
  const backend = unwrap(await loadBackend('reference', { selfTest: false }));
  node = await createDevNode({ backend, version: 'test', now: () => clock++ });
  server = await serveRpc(node, { port: 0 });
  const receipt = (await ask('eth_getTransactionReceipt', await ask('eth_sendTransaction', { from: FROM, data: LOGGER }))) as {
    contractAddress: string;
  };
  logger = receipt.contractAddress;
});
afterAll(() => server.close());

describe('filters', () => {
  test('logs and blocks since the last time, each once; other addresses and topics are left out', async () => {
    const [all, none, blocks] = [
      await ask('eth_newFilter', { address: logger, topics: [TOPIC] }),
      await ask('eth_newFilter', { address: logger, topics: [`0x${'0'.repeat(64)}`] }),
      await ask('eth_newBlockFilter'),
    ];
    await send('0x0102');
    await send('0x03');
    const data = ((await ask('eth_getFilterChanges', all)) as { data: string }[]).map((l) => l.data);
    expect(data).toEqual(['0x0102', '0x03']);
    expect(await ask('eth_getFilterChanges', all)).toEqual([]);
    expect(await ask('eth_getFilterChanges', none)).toEqual([]);
    expect(await ask('eth_getFilterChanges', blocks)).toHaveLength(2);
    expect((await ask('eth_getFilterLogs', all)) as unknown[]).toHaveLength(2);
    expect(await problem('eth_getFilterLogs', blocks)).toBe(-32001);
    expect(await ask('eth_uninstallFilter', all)).toBe(true);
    expect(await ask('eth_uninstallFilter', all)).toBe(false);
    expect(await problem('eth_getFilterChanges', all)).toBe(-32001);
  });

  test('what is no filter is refused when it is made', async () => {
    expect(await problem('eth_newFilter', { topics: 'x' })).toBe(-32602);
    expect(await problem('eth_newFilter', 7)).toBe(-32602);
    expect(await problem('eth_newFilter', { address: ['0x12'] })).toBe(-32602);
    expect(await problem('eth_getFilterChanges', { a: 1 })).toBe(-32602);
    expect(await problem('eth_subscribe', 'newHeads')).toBe(-32000);
  });

  test('after evm_revert the blocks in the place of those that are gone are told', async () => {
    const id = await ask('evm_snapshot');
    const filter = await ask('eth_newFilter', { address: logger });
    await send('0xaa');
    expect((await ask('eth_getFilterChanges', filter)) as unknown[]).toHaveLength(1);
    expect(await ask('evm_revert', id)).toBe(true);
    await send('0xbb');
    expect(((await ask('eth_getFilterChanges', filter)) as { data: string }[]).map((l) => l.data)).toEqual(['0xbb']);
  });
});

describe('bounds', () => {
  const source = (logs: FilterSource['logs'], head = () => 0): FilterSource => ({
    head,
    hashes: async () => [],
    logs,
    headView: () => ({}),
    watch: () => undefined,
  });
  const connection = (): Caller & { readonly close: () => void } => {
    const told: (() => void)[] = [];
    return {
      notify: () => undefined,
      gone: () => false,
      onClose: (t) => void told.push(t),
      close: () => {
        for (const t of told) t();
      },
    };
  };

  test('filters: a number of them; those that nobody asks for are given up first', async () => {
    let now = 0;
    const filters = new Filters(
      source(async () => []),
      () => now,
    );
    for (let i = 0; i < 1024; i++) await filters.create(undefined);
    await expect(filters.create(undefined)).rejects.toMatchObject({ code: -32005 });
    now = 5 * 60_000 + 1;
    await filters.create(undefined);
    expect(filters.counts.filters).toBe(1);
  });

  test('subscriptions: 32 of a connection, and none after it ended', async () => {
    const filters = new Filters(
      source(async () => []),
      () => 0,
    );
    const caller = connection();
    for (let i = 0; i < 32; i++) await filters.subscribe(caller, () => undefined, undefined);
    await expect(filters.subscribe(caller, () => undefined, undefined)).rejects.toMatchObject({ code: -32005 });
    caller.close();
    expect(filters.counts.subscriptions).toBe(0);
  });

  test('very many logs come in parts, none twice and none lost', async () => {
    let head = 0;
    // two blocks are more than an answer holds
    const logs = async (_: object, from: number, to: number): Promise<readonly unknown[]> => {
      if (to > from) throw limitExceeded('more than 10000 logs');
      return Array.from({ length: 4_000 }, (__, i) => `${from}.${i}`);
    };
    const filters = new Filters(
      source(logs, () => head),
      () => 0,
    );
    const id = await filters.create({});
    head = 5;
    const found: unknown[] = [];
    for (let part = await filters.changes(id); part.length > 0; part = await filters.changes(id)) {
      expect(part.length).toBeLessThan(10_000);
      found.push(...part);
    }
    expect(found).toHaveLength(20_000);
    expect(new Set(found).size).toBe(20_000);
  });
});

describe('clients', () => {
  /** Sends until all have heard: nobody says when a client has begun to listen. */
  const sendUntil = async (data: string, heard: () => boolean): Promise<unknown> => {
    let last: unknown;
    for (let i = 0; i < 100 && !heard(); i++) {
      last = await send(data);
      await new Promise((go) => setTimeout(go, 100));
    }
    return last;
  };
  const chain = () => ({
    id: 1337,
    name: 'dev',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [`http://127.0.0.1:${server.port}`] } },
  });

  test('viem: receipts of a block, a transaction by its place, a proof; heads and logs by WebSocket, events by HTTP', async () => {
    const open = createPublicClient({ chain: chain(), transport: http(`http://127.0.0.1:${server.port}`), pollingInterval: 20 });
    const pushed = createPublicClient({ chain: chain(), transport: webSocket(`ws://127.0.0.1:${server.port}`) });
    const heads: bigint[] = [];
    const [byPush, byFilter]: string[][] = [[], []];
    const ends = [
      pushed.watchBlocks({ onBlock: (b) => heads.push(b.number) }),
      pushed.watchEvent({ address: logger as `0x${string}`, onLogs: (l) => byPush!.push(...l.map((x) => x.data)) }),
      open.watchEvent({ address: logger as `0x${string}`, onLogs: (l) => byFilter!.push(...l.map((x) => x.data)) }),
    ];
    const hash = (await sendUntil('0xc0de', () => heads.length > 0 && byPush!.length > 0 && byFilter!.length > 0)) as `0x${string}`;
    for (const end of ends) end();
    (await pushed.transport.getRpcClient()).close();
    const { number } = node.chain.head.header;
    expect(heads.every((n) => n <= number)).toBe(true);
    expect(new Set([...byPush!, ...byFilter!])).toEqual(new Set(['0xc0de']));
    const receipts = (await open.request({ method: 'eth_getBlockReceipts' as never, params: ['latest'] as never })) as unknown[];
    expect(receipts).toEqual([await ask('eth_getTransactionReceipt', hash)]);
    expect((await open.getTransaction({ blockNumber: number, index: 0 })).hash).toBe(hash);
    expect(await open.getBlockTransactionCount({ blockHash: `0x${Buffer.from(node.chain.head.hash()).toString('hex')}` })).toBe(1);
    const proof = await open.getProof({ address: logger as `0x${string}`, storageKeys: [`0x${'0'.repeat(64)}`] });
    // the first node of a proof is what the root of the state is the hash of (EIP-1186)
    expect(keccak256(proof.accountProof[0]!)).toBe(`0x${Buffer.from(node.chain.head.header.stateRoot).toString('hex')}`);
    expect(await ask('eth_getBlockReceipts', '0x9999')).toBeNull();
    expect(await ask('eth_getTransactionByBlockNumberAndIndex', 'latest', '0x5')).toBeNull();
  });

  test('ethers: events by HTTP and by WebSocket', async () => {
    const polled = new JsonRpcProvider(`http://127.0.0.1:${server.port}`, 1337, { staticNetwork: true, pollingInterval: 20 });
    const pushed = new WebSocketProvider(`ws://127.0.0.1:${server.port}`, 1337);
    const heard: Record<'polled' | 'pushed', string[]> = { polled: [], pushed: [] };
    await polled.on({ address: logger, topics: [TOPIC] }, (log: { data: string }) => heard.polled.push(log.data));
    await pushed.on({ address: logger, topics: [TOPIC] }, (log: { data: string }) => heard.pushed.push(log.data));
    await sendUntil('0xe7e7', () => heard.polled.length > 0 && heard.pushed.length > 0);
    await polled.removeAllListeners();
    await pushed.removeAllListeners();
    // both end what they opened without waiting for it
    for (const provider of [polled, pushed]) await provider.send('eth_chainId', []);
    await new Promise((go) => setTimeout(go, 200));
    polled.destroy();
    await pushed.destroy();
    expect(heard.polled.length * heard.pushed.length).toBeGreaterThan(0);
    expect(new Set([...heard.polled, ...heard.pushed])).toEqual(new Set(['0xe7e7']));
  });
});
