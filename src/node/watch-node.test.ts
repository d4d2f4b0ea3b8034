import { createTx } from '@ethereumjs/tx';
import { expect, test } from '@jest/globals';
import { loadBackend } from '../backends/index.ts';
import { toHex, unwrap } from '../support/index.ts';
import { createDevNode } from './dev-node.ts';
import { prometheusMetrics } from './metrics/index.ts';
import { Follower } from './network/follower.ts';
import { DEV_ACCOUNTS } from './rpc/node.ts';
import { packageRoutes } from './rpc/packages.ts';
import { serveRpc } from './rpc/server.ts';
import { createFetcher } from './store/fetcher.ts';
import { createHttpTransport } from './store/http-transport.ts';
import { packaged, SMALL } from './testing/chain.ts';
import { watchNode, watchServer } from './watch-node.ts';

test('what a node does shows in its figures: blocks of its own and of others, packages, connections, what waits', async () => {
  const backend = unwrap(await loadBackend('reference', { selfTest: false }));
  const made = async () => {
    const metrics = prometheusMetrics();
    const node = await createDevNode({ backend, version: 'test', metrics, genesisTime: 1_800_000_000, now: () => 1_800_000_000 });
    watchNode(node);
    const packages = packageRoutes({ store: node.objects, admin: () => node.admin, named: () => Promise.resolve(false), metrics });
    const server = await serveRpc(node, { port: 0, routes: [metrics.route, packages.route] });
    watchServer(node, server);
    const url = `http://127.0.0.1:${server.port}`;
    return { node, metrics, url, packages, server };
  };
  const [maker, other] = [await made(), await made()];
  const ask = async (method: string, ...params: unknown[]): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    return (await fetch(maker.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
  };
  const follower = new Follower(other.node, { peers: [maker.url], pollMs: 5 });
  other.metrics.watch('peers', () => follower.followed);
  const { file, hash } = packaged(SMALL);
  const fetcher = createFetcher({
    store: other.node.objects,
    transports: [createHttpTransport({ peers: [maker.url], tell: () => undefined })],
    metrics: other.metrics,
  });
  try {
    await ask('cortex_putPackage', `0x${toHex(file)}`);
    await ask('cortex_putPackage', '0x00');
    expect((await fetch(maker.url, { method: 'POST', body: 'x' })).status).toBe(415);
    expect(await fetcher.want(hash, file.length, [])).toBe('there');
    maker.node.automine = false;
    const [account] = DEV_ACCOUNTS;
    if (account === undefined) throw new Error('no accounts');
    const fields = { nonce: 0, gasLimit: 21_000, gasPrice: 10n ** 10n, to: account.address };
    await maker.node.submit(createTx(fields, { common: maker.node.chain.common }).sign(account.key));
    const before = await (await fetch(`${maker.url}/metrics`)).text();
    expect(before).toContain('\ncortex_transactions_waiting 1\n');
    expect(before).toMatch(/\ncortex_rpc_connections [1-9]/);
    await maker.node.mine();
    const came = new Promise((done) => other.node.chain.watchers.add({ added: done, wentBack: () => undefined }));
    const following = follower.run();
    await came;
    const [own, followed] = [await maker.metrics.text(), await other.metrics.text()];
    follower.stop();
    await following;
    for (const line of [
      'cortex_blocks_total{origin="own"} 1',
      'cortex_transactions_waiting 0',
      'cortex_transactions_total 1',
      'cortex_block_seconds_count 1',
      'cortex_packages_total{way="rpc",outcome="kept"} 1',
      'cortex_packages_total{way="rpc",outcome="refused"} 1',
      `cortex_package_bytes_total{way="rpc"} ${file.length}`,
      'cortex_rpc_refused_total{reason="no JSON"} 1',
      'cortex_rpc_waiting{class="call"} 0',
      'cortex_rpc_waiting{class="read"} 0',
      'cortex_rpc_websockets 0',
      'cortex_store_packages 1',
      `cortex_store_bytes ${file.length}`,
    ])
      expect(own).toContain(`\n${line}\n`);
    expect(own).toMatch(/\ncortex_package_bytes_sent_total [1-9]/);
    for (const line of [
      'cortex_blocks_total{origin="other"} 1',
      'cortex_peers 1',
      'cortex_packages_total{way="http",outcome="kept"} 1',
      `cortex_package_bytes_total{way="http"} ${file.length}`,
    ])
      expect(followed).toContain(`\n${line}\n`);
  } finally {
    await fetcher.close();
    for (const { packages, server } of [maker, other]) {
      await packages.close();
      await server.close();
    }
  }
});
