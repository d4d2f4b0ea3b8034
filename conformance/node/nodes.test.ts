import { createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common';
import { bytesToHex } from '@ethereumjs/util';
import { expect, jest, test } from '@jest/globals';
import { loadBackend } from '../../src/backends/index.ts';
import { createDevNode, type DevNode, Follower, serveRpc } from '../../src/node/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { RandomBlocks } from './testing/random-blocks.ts';

jest.setTimeout(240_000);

const GENESIS = 1_800_000_000;
const nodeOn = async (backend: string): Promise<DevNode> => {
  let clock = GENESIS;
  const loaded = unwrap(await loadBackend(backend, { selfTest: false }));
  return createDevNode({ backend: loaded, version: 'test', genesisTime: GENESIS, now: () => clock++ });
};

/** The small form of conformance/node/nodes.ts. */
test('reference and wasm agree on random blocks; a node that begins late gets there', async () => {
  const [maker, follower, late] = [await nodeOn('reference'), await nodeOn('wasm'), await nodeOn('wasm')];
  const server = await serveRpc(maker, { port: 0 });
  const url = `http://127.0.0.1:${server.port}`;
  const follow = (node: DevNode) => {
    const followed = new Follower(node, { peers: [url], pollMs: 20 });
    return { followed, ended: followed.run() };
  };
  const reach = async (node: DevNode, ended: Promise<unknown>): Promise<void> => {
    const stop = { now: false };
    void ended.then(() => (stop.now = true));
    while (node.chain.head.header.number < maker.chain.head.header.number && !stop.now) await new Promise((go) => setTimeout(go, 10));
    expect(bytesToHex(node.chain.head.hash())).toBe(bytesToHex(maker.chain.head.hash()));
  };
  const first = follow(follower);
  const rpc = async (method: string, ...params: readonly unknown[]): Promise<unknown> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } };
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  };
  const common = createCustomCommon({ chainId: 1337, name: 'cortex-dev' }, Mainnet, { hardfork: Hardfork.Cancun });
  const random = new RandomBlocks(rpc, 7, common);
  await random.begin();
  while (random.counts.blocks < 20) await random.next();
  await reach(follower, first.ended);
  // the blocks have in them what they are meant to have: not all is refused or fails
  let inferences = 0;
  for (let n = 1; n <= Number(maker.chain.head.header.number); n++) {
    const block = (await maker.chain.block(n))!;
    const journal = (await rpc('cortex_inferences', bytesToHex(block.hash()))) as { count: string };
    inferences += Number(journal.count);
  }
  expect(inferences).toBeGreaterThan(8);
  expect(random.counts.failed).toBeLessThan(random.counts.transactions / 2);
  const second = follow(late);
  await reach(late, second.ended);
  for (const { followed, ended } of [first, second]) {
    followed.stop();
    await ended;
  }
  await server.close();
});
