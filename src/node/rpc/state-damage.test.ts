import { createTx } from '@ethereumjs/tx';
import { bytesToHex } from '@ethereumjs/util';
import { expect, test } from '@jest/globals';
import { loadBackend } from '../../backends/index.ts';
import { unwrap } from '../../support/index.ts';
import { createDevNode } from '../dev-node.ts';
import { noLog } from '../log/index.ts';
import { memoryKeyValue } from '../store/kv.ts';
import { LOCAL_CALLER } from './caller.ts';
import { dispatch } from './dispatch.ts';
import { Gates } from './gates.ts';
import { DEV_ACCOUNTS } from './node.ts';

test('a damaged state is told to whoever asks, in the log, and to whoever runs the node when a block meets it', async () => {
  const backend = unwrap(await loadBackend('reference', { selfTest: false }));
  const store = memoryKeyValue();
  const options = { backend, version: 'test', store, genesisTime: 1_800_000_000, now: () => 1_800_000_000 };
  const before = await createDevNode(options);
  const root = `s:${bytesToHex(before.chain.head.header.stateRoot).slice(2)}`;
  for await (const [key] of store.withPrefix('s:')) if (key !== root) await store.batch([{ type: 'del', key }], false);

  const logged: string[] = [];
  const node = await createDevNode({ ...options, log: { ...noLog, error: (_, text) => void logged.push(text) } });
  const damaged: string[] = [];
  node.chain.watchers.add({ added: () => undefined, wentBack: () => undefined, damaged: ({ code }) => void damaged.push(code) });
  const desk = { node, gates: new Gates() };
  const ask = async (method: string, ...params: unknown[]): Promise<unknown> =>
    JSON.parse((await dispatch(desk, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), LOCAL_CALLER)) ?? '');
  const [account] = DEV_ACCOUNTS;
  if (account === undefined) throw new Error('no accounts');
  const told = {
    error: { code: -32002, message: expect.stringMatching(/^NOD0070 the state on disk is damaged: [0-9a-f]{64} is missing; begin/) },
  };
  const address = account.address.toString();
  expect(await ask('eth_getBalance', address, 'latest')).toMatchObject(told);
  expect(await ask('eth_call', { from: address, to: address }, 'latest')).toMatchObject(told);
  expect(logged).toEqual(['NOD0070 the state on disk is damaged', 'NOD0070 the state on disk is damaged']);
  // looking at it ends nothing
  expect(damaged).toEqual([]);
  const tx = createTx({ nonce: 0, gasLimit: 21_000, gasPrice: 10n ** 10n, to: address }, { common: node.chain.common }).sign(account.key);
  expect(await ask('eth_sendRawTransaction', bytesToHex(tx.serialize()))).toMatchObject(told);
  expect(damaged).toEqual(['NOD0070']);
  expect(node.chain.head.header.number).toBe(0n);
});
