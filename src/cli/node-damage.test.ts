import { join } from 'node:path';
import { createTx } from '@ethereumjs/tx';
import { bytesToHex } from '@ethereumjs/util';
import { expect, jest, test } from '@jest/globals';
import { loadBackend } from '../backends/index.ts';
import { createDevNode, DEV_ACCOUNTS, openLevel } from '../node/index.ts';
import { unwrap } from '../support/index.ts';
import { cli, inFolder } from './testing/run.ts';

jest.setTimeout(60_000);

test('node: when its disk lost what a block needs it ends with exit code 6, and says so', () =>
  inFolder(async (folder) => {
    const backend = unwrap(await loadBackend('reference', { selfTest: false }));
    const store = unwrap(await openLevel(join(folder, 'chain')));
    const before = await createDevNode({ backend, version: 'test', store, now: () => 1_800_000_000 });
    before.automine = false;
    const [account] = DEV_ACCOUNTS;
    if (account === undefined) throw new Error('no accounts');
    const fields = { nonce: 0, gasLimit: 21_000, gasPrice: 10n ** 10n, to: account.address };
    await before.submit(createTx(fields, { common: before.chain.common }).sign(account.key));
    const root = `s:${bytesToHex(before.chain.head.header.stateRoot).slice(2)}`;
    const lost: string[] = [];
    for await (const [key] of store.withPrefix('s:')) if (key !== root) lost.push(key);
    await store.batch(lost.map((key) => ({ type: 'del', key })), true); // biome-ignore format: short
    await before.chain.close();

    const words = ['node', '--dev', '--data', folder, '--port', '0', '--backend', 'reference', '--workers', '0', '--block-time', '0.02'];
    const ran = await cli(words, { cwd: folder });
    expect(ran.exit).toBe(6);
    expect(ran.stderr).toMatch(/NOD0070.*the state on disk is damaged: [0-9a-f]{64} is missing/);
    expect(ran.stderr).toContain('The head stays block 0.');
    // the folder is free again
    await unwrap(await openLevel(join(folder, 'chain'))).close();
  }));
