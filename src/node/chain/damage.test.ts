import { createTx } from '@ethereumjs/tx';
import { bytesToHex, createAddressFromPrivateKey } from '@ethereumjs/util';
import { describe, expect, test } from '@jest/globals';
import { CORTEX_UPLOADS } from '../evm/cvm.ts';
import { DataUnavailable, type InferenceEngine } from '../evm/engine.ts';
import { DEFAULT_PARAMS } from '../evm/params.ts';
import { type KeyValue, memoryKeyValue } from '../store/kv.ts';
import { KEY } from '../testing/chain.ts';
import { Chain } from './chain.ts';
import { execute } from './execute.ts';
import { StateDamaged } from './state-nodes.ts';

const sender = createAddressFromPrivateKey(KEY);
const engine: InferenceEngine = {
  infer: () => Promise.resolve('no models here'),
  readInput: () => Promise.resolve(new Uint8Array(0)),
};
const chainOn = (store: KeyValue, now: () => number = () => 1_800_000_000): Promise<Chain> =>
  Chain.create({
    chainId: 7,
    engine,
    params: DEFAULT_PARAMS,
    uploads: CORTEX_UPLOADS,
    balances: new Map([[sender.toString(), 10n ** 24n]]),
    gasLimit: 10n ** 8n,
    now,
    store,
  });
/** A transfer of some wei to oneself; another value is another transaction. */
const transfer = (chain: Chain, nonce: number, value = 0) =>
  createTx({ nonce, gasLimit: 30_000, gasPrice: 10n ** 10n, value, to: sender }, { common: chain.common }).sign(KEY);

/** Makes something of each node of the state under the root of the head. */
const damage = async (
  store: KeyValue,
  chain: Chain,
  change: (key: string, value: Uint8Array) => Parameters<KeyValue['batch']>[0][number],
) => {
  const root = `s:${bytesToHex(chain.head.header.stateRoot).slice(2)}`;
  for await (const [key, value] of store.withPrefix('s:')) if (key !== root) await store.batch([change(key, value)], false);
};

describe('a state that is damaged under its root', () => {
  test.each([
    ['is missing', (key: string) => ({ type: 'del', key }) as const],
    ['has another bit', (key: string, v: Uint8Array) => ({ type: 'put', key, value: v.map((b, i) => (i === 5 ? b ^ 1 : b)) }) as const],
  ])('%s: no account is taken for one that does not exist, and no block is made or refused', async (_, change) => {
    const store = memoryKeyValue();
    const [maker, before] = [await chainOn(memoryKeyValue()), await chainOn(store)];
    const { block } = await maker.mine([transfer(maker, 0)]);
    await damage(store, before, change);
    const chain = await chainOn(store);
    expect(chain.lost).toBe(0);
    await expect(chain.at(chain.head, (cvm) => cvm.vm.stateManager.getAccount(sender))).rejects.toThrow(StateDamaged);
    await expect(chain.mine([transfer(chain, 0)])).rejects.toThrow(StateDamaged);
    await expect(chain.accept(block)).rejects.toThrow(StateDamaged);
    expect(chain.head.header.number).toBe(0n);
  });

  test('cannot be read: the reason of the disk is told', async () => {
    const store = memoryKeyValue();
    await chainOn(store);
    let broken = false;
    const get: KeyValue['get'] = (key) => (broken && key.startsWith('s:') ? Promise.reject(new Error('EIO: block 7')) : store.get(key));
    const chain = await chainOn({ ...store, get });
    broken = true;
    await expect(chain.at(chain.head, (cvm) => cvm.vm.stateManager.getAccount(sender))).rejects.toThrow('EIO: block 7');
  });
});

test('a transaction of a block that was given up is not answered with the one in its place', async () => {
  const store = memoryKeyValue();
  const before = await chainOn(store);
  await before.mine([transfer(before, 0)]);
  const lost = transfer(before, 1, 1);
  await before.mine([lost]);
  await store.batch([{ type: 'put', key: 'b:000000000002', value: Uint8Array.of(1) }], false);
  const chain = await chainOn(store);
  expect(chain.lost).toBe(1);
  await chain.mine([transfer(chain, 1, 2)]);
  expect(await chain.transaction(bytesToHex(lost.hash()))).toBeUndefined();
});

describe('whoever makes a block', () => {
  test('leaves out what needs a file that is not here; whoever checks one may not', async () => {
    const chain = await chainOn(memoryKeyValue());
    const { cvm } = chain;
    const lacks = transfer(chain, 0, 1);
    const runTx = cvm.runTx.bind(cvm);
    const lacking = Object.assign(Object.create(cvm) as typeof cvm, {
      runTx: (o: Parameters<typeof runTx>[0]) =>
        o.tx === lacks ? Promise.reject(new DataUnavailable(new Uint8Array(32), 'package')) : runTx(o),
    });
    const block = chain.pendingBlock();
    await expect(execute(lacking, block, [lacks])).rejects.toThrow(DataUnavailable);
    const { ran, refused } = await execute(lacking, block, [lacks, transfer(chain, 0)], { leaveOutLacking: true });
    expect(ran).toHaveLength(1);
    expect(refused[0]?.lacking).toBeInstanceOf(DataUnavailable);
  });

  test('makes no empty block where that is not asked for', async () => {
    const chain = await chainOn(memoryKeyValue());
    const { refused, block } = await chain.mine([transfer(chain, 5)], { empty: false });
    expect([refused.length, block.header.number, chain.head.header.number]).toEqual([1, 0n, 0n]);
    expect((await chain.mine([])).block.header.number).toBe(1n);
  });
});

test('a clock that goes back, far ahead or nowhere: each block is later than its parent, by less than a double loses', async () => {
  let time = 1_800_000_000;
  const chain = await chainOn(memoryKeyValue(), () => time);
  const times: bigint[] = [];
  for (time of [5, 2 ** 60, Number.NaN, 1.5, -7, 1_800_000_100]) times.push((await chain.mine([])).block.header.timestamp);
  expect(times.map((t) => t - 1_800_000_000n)).toEqual([1n, 2n, 3n, 4n, 5n, 100n]);
});
