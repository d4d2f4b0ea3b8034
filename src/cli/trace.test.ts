import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTx } from '@ethereumjs/tx';
import { bytesToHex } from '@ethereumjs/util';
import { expect, jest, test } from '@jest/globals';
import { loadBackend } from '../backends/index.ts';
import { createDevNode, DEV_ACCOUNTS, packageRoutes, serveRpc } from '../node/index.ts';
import { DEFAULT_PARAMS } from '../node/evm/params.ts';
import { joined, words } from '../node/testing/abi.ts';
import { packaged, SMALL } from '../node/testing/chain.ts';
import { at, sha256Hex, unwrap } from '../support/index.ts';
import { cli, inFolder } from './testing/run.ts';

jest.setTimeout(60_000);

test('trace: the inference of a transaction, its layers and digests, as a table and as JSON', () =>
  inFolder(async (folder) => {
    let clock = 1_800_000_000;
    const backend = unwrap(await loadBackend('reference', { selfTest: false }));
    const node = await createDevNode({ backend, version: 'test', now: () => clock++ });
    const packages = packageRoutes({ store: node.objects, admin: () => node.admin, named: () => Promise.resolve(false) });
    const server = await serveRpc(node, { port: 0, routes: [packages.route] });
    const rpc = `http://127.0.0.1:${server.port}`;
    try {
      const small = packaged(SMALL);
      writeFileSync(join(folder, 'small.cvm'), small.file);
      const published = await cli(['publish', 'small.cvm', '--rpc', rpc, '--json'], { cwd: folder });
      const { address } = JSON.parse(published.stdout) as { address: string };
      while (node.chain.head.header.number < 3n) await node.chain.mine([]);
      const pixels = Uint8Array.from({ length: 40 }, (_, i) => i);
      const nonce = await node.chain.at(
        node.chain.head,
        async (cvm) => (await cvm.vm.stateManager.getAccount(at(DEV_ACCOUNTS, 0).address))!.nonce,
      );
      const tx = createTx(
        {
          nonce,
          gasLimit: 10_000_000n,
          gasPrice: 10n ** 10n,
          data: joined(words(BigInt(address), 1), pixels),
          to: DEFAULT_PARAMS.inferPrecompile,
        },
        { common: node.chain.common },
      ).sign(at(DEV_ACCOUNTS, 0).key);
      await node.chain.mine([tx]);
      const hash = bytesToHex(tx.hash());
      const run = (...more: string[]) => cli(['trace', hash, '--rpc', rpc, ...more], { cwd: folder });
      const plain = await run();
      expect([plain.exit, plain.stdout]).toEqual([0, expect.stringContaining(address)]);
      expect(plain.stdout).toContain('succeeded');
      expect(plain.stdout).toContain(sha256Hex(pixels).slice(0, 16));
      expect(plain.stdout).not.toContain('share');
      const layers = await run('--layers');
      for (const { op } of small.program.nodes) expect(layers.stdout).toContain(op);
      expect(layers.stdout).not.toContain('digest');
      const digests = await run('--digests');
      const told = JSON.parse((await run('--digests', '--json')).stdout) as { inferences: { layers: { digest: string }[] }[] };
      const [first] = told.inferences[0]!.layers;
      expect(told.inferences[0]!.layers).toHaveLength(small.program.nodes.length);
      expect(digests.stdout).toContain(first!.digest.slice(0, 16));
      const other = await cli(['trace', `0x${'11'.repeat(32)}`, '--rpc', rpc], { cwd: folder });
      expect([other.exit, other.stderr]).toEqual([6, expect.stringContaining('NOD0054')]);
    } finally {
      await packages.close();
      await server.close();
    }
    expect((await cli(['trace', '0x12'])).exit).toBe(2);
  }));
