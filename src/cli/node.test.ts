import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { loadBackend } from '../backends/index.ts';
import { createDevNode, packageRoutes, serveRpc } from '../node/index.ts';
import { packaged, SMALL } from '../node/testing/chain.ts';
import { toHex, unwrap } from '../support/index.ts';
import { cli, inFolder } from './testing/run.ts';

jest.setTimeout(60_000);

test('publish: the model is registered, uploaded, and its price told; a second time it is another registration', () =>
  inFolder(async (folder) => {
    let clock = 1_800_000_000;
    const backend = unwrap(await loadBackend('reference', { selfTest: false }));
    const node = await createDevNode({ backend, version: 'test', objects: join(folder, 'objects'), now: () => clock++ });
    const packages = packageRoutes({ store: node.objects, admin: () => node.admin, named: () => Promise.resolve(false) });
    const server = await serveRpc(node, { port: 0, routes: [packages.route] });
    const rpc = `http://127.0.0.1:${server.port}`;
    try {
      const { file, hash } = packaged(SMALL);
      writeFileSync(join(folder, 'small.cvm'), file);
      const published = await cli(['publish', 'small.cvm', '--rpc', rpc, '--fee', '7', '--json'], { cwd: folder });
      expect(published.exit).toBe(0);
      const told = JSON.parse(published.stdout) as { address: string; usableFrom: number };
      expect(told).toMatchObject({ hash: toHex(hash), inferenceGas: 8, usableFrom: 3 });
      expect(told.address).toMatch(/^0x[0-9a-f]{40}$/);
      const again = await cli(['publish', 'small.cvm', '--rpc', rpc], { cwd: folder });
      expect([again.stdout.includes(told.address), again.stderr]).toEqual([true, expect.stringContaining('NOD0064')]);
      const second = await cli(['publish', 'small.cvm', '--rpc', rpc, '--again', '--json'], { cwd: folder });
      expect((JSON.parse(second.stdout) as { address: string }).address).not.toBe(told.address);
      const listed = await cli(['models', '--rpc', rpc], { cwd: folder });
      expect([listed.stdout.includes(told.address), listed.stdout.includes('usable')]).toEqual([true, true]);
      expect((await cli(['models', 'show', told.address, '--rpc', rpc, '--json'], { cwd: folder })).stdout).toContain(toHex(hash));
      const change = async (action: string, model = told.address): Promise<number> =>
        (await cli(['models', action, model, '--rpc', rpc], { cwd: folder })).exit;
      expect([await change('pin'), await change('remove'), await change('unpin', toHex(hash))]).toEqual([0, 6, 0]);
      expect([await change('remove'), await change('remove'), await change('show', `0x${'22'.repeat(20)}`)]).toEqual([0, 6, 6]);
      expect((await cli(['models', '--rpc', rpc], { cwd: folder })).stdout).toContain('missing here');
      expect(await change('withdraw')).toBe(0);
      expect((await cli(['models', '--rpc', rpc], { cwd: folder })).stdout).toContain('leaving');
      node.admin = { allows: () => false, need: 'a key is needed' };
      expect((await cli(['models', 'pin', toHex(hash), '--rpc', rpc], { cwd: folder })).stderr).toContain('NOD0065');
      const stranger = await cli(['publish', 'small.cvm', '--rpc', rpc, '--from', `0x${'11'.repeat(20)}`], { cwd: folder });
      expect([stranger.exit, stranger.stderr]).toEqual([6, expect.stringContaining('NOD0003')]);
      writeFileSync(join(folder, 'damaged.cvm'), file.with(file.length - 1, 1));
      expect((await cli(['publish', 'damaged.cvm', '--rpc', rpc], { cwd: folder })).exit).toBe(3);
    } finally {
      await packages.close();
      await server.close();
    }
    const gone = await cli(['publish', 'small.cvm', '--rpc', rpc], { cwd: folder });
    expect([gone.exit, gone.stderr]).toEqual([6, expect.stringContaining('NOD0002')]);
  }));

test('what is not right is told before anything starts', async () => {
  expect((await cli(['node'])).exit).toBe(2);
  expect((await cli(['node', '--dev', '--port', '70000'])).stderr).toContain('--port is 70000');
  expect((await cli(['publish', 'x.cvm', '--fee', '20001'])).exit).toBe(2);
});
