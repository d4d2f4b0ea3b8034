import { expect, jest, test } from '@jest/globals';
import { createTx } from '@ethereumjs/tx';
import { loadBackend } from '../../backends/index.ts';
import { toHex, unwrap } from '../../support/index.ts';
import { createDevNode } from '../dev-node.ts';
import { modelCalls } from '../evm/model-calls.ts';
import { packaged, SMALL } from '../testing/chain.ts';
import { LOCAL_CALLER } from './caller.ts';
import { METHODS } from './methods/index.ts';
import { DEV_ACCOUNTS } from './node.ts';
import { DataUnavailable } from '../evm/engine.ts';

jest.setTimeout(60_000);

test('a file that is missing: the transaction is refused or waits with those behind it, the node goes on, and with the file it runs', async () => {
  let clock = 1_800_000_000;
  const backend = unwrap(await loadBackend('reference', { selfTest: false }));
  const node = await createDevNode({ backend, version: 'test', now: () => clock++ });
  const ask = async <T = unknown>(method: string, ...params: readonly unknown[]): Promise<T> =>
    (await METHODS.get(method)!(node, params, LOCAL_CALLER)) as T;
  const [author, other] = DEV_ACCOUNTS.map((a) => a.address.toString());
  const { registry, inferPrecompile } = node.chain.options.params;
  const small = packaged(SMALL);
  const send = (from: string | undefined, data: string, to = registry.toString()) => ask<string>('eth_sendTransaction', { from, to, data });
  // registered and uploaded, but the file is not here
  const made = await send(author, modelCalls.register(0, small.record, small.bytecode));
  const { logs } = await ask<{ logs: { topics: string[] }[] }>('eth_getTransactionReceipt', made);
  const model = `0x${logs[0]!.topics[1]!.slice(-40)}`;
  await send(author, modelCalls.upload(model));
  await node.mine();

  const { common, head } = node.chain;
  const data = `0x${model.slice(2).padStart(64, '0')}${'1'.padStart(64, '0')}${'01'.repeat(40)}` as const;
  const signed = (i: number, nonce: bigint, fields: object) =>
    createTx({ nonce, gasLimit: 200_000, gasPrice: 10n ** 10n, ...fields }, { common }).sign(DEV_ACCOUNTS[i]!.key);
  const nonce = BigInt(await ask<string>('eth_getTransactionCount', author, 'latest'));
  const inference = signed(0, nonce, { to: inferPrecompile, data });
  await expect(node.submit(inference)).rejects.toThrow(DataUnavailable);
  // nothing came of it, no block either
  expect(node.chain.head.header.number).toBe(head.header.number);

  node.automine = false;
  await node.submit(inference);
  const behind = signed(0, nonce + 1n, { to: other, value: 1n });
  await node.submit(behind);
  await node.submit(signed(1, 0n, { to: author, value: 1n }));
  expect((await node.mine()).map((m) => m.tx.getSenderAddress().toString())).toEqual([other]);
  expect(node.waitingOf(DEV_ACCOUNTS[0]!.address)).toBe(2);
  await ask('cortex_putPackage', `0x${toHex(small.file)}`);
  expect((await node.mine()).map((m) => [m.tx.hash(), m.succeeded])).toEqual([
    [inference.hash(), true],
    [behind.hash(), true],
  ]);
  expect(node.waitingOf(DEV_ACCOUNTS[0]!.address)).toBe(0);
});
