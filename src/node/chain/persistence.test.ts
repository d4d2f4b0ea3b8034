import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTx } from '@ethereumjs/tx';
import { bytesToHex, createAddressFromPrivateKey } from '@ethereumjs/util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { unwrap } from '../../support/index.ts';
import { CORTEX_UPLOADS } from '../evm/cvm.ts';
import type { InferenceEngine } from '../evm/engine.ts';
import { DEFAULT_PARAMS } from '../evm/params.ts';
import { openLevel } from '../store/kv-level.ts';
import { type KeyValue, type KeyValueChange, memoryKeyValue } from '../store/kv.ts';
import { KEY } from '../testing/chain.ts';
import { Chain, type ChainOptions } from './chain.ts';
import { WaitingTransactions } from './waiting.ts';

const sender = createAddressFromPrivateKey(KEY);
const folder = mkdtempSync(join(tmpdir(), 'cortexc-chain-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const engine: InferenceEngine = {
  infer: () => Promise.resolve('no models here'),
  readInput: () => Promise.resolve(new Uint8Array(0)),
};
const optionsOn = (store: KeyValue, more: Partial<ChainOptions> = {}): ChainOptions => ({
  chainId: 7,
  engine,
  params: DEFAULT_PARAMS,
  uploads: CORTEX_UPLOADS,
  balances: new Map([[sender.toString(), 10n ** 24n]]),
  gasLimit: 10n ** 8n,
  now: () => 1_800_000_000,
  store,
  ...more,
});

/** A contract whose first word of storage counts its calls. */
const COUNTER = '0x6007600c60003960076000f3' + '60005460010160005500';
const txOf = (chain: Chain, nonce: number, data: `0x${string}` = '0x', to?: string) =>
  createTx({ nonce, gasLimit: 200_000, gasPrice: 10n ** 10n, data, ...(to === undefined ? {} : { to: to as `0x${string}` }) }, { common: chain.common }).sign(KEY); // biome-ignore format: short

const grow = async (chain: Chain, blocks: number, from = Number(chain.head.header.number)): Promise<void> => {
  for (let n = from; n < from + blocks; n++) await chain.mine([txOf(chain, n, COUNTER as `0x${string}`)]);
};
const rootsOf = async (chain: Chain): Promise<readonly string[]> =>
  Promise.all(
    Array.from({ length: Number(chain.head.header.number) + 1 }, async (_, n) => {
      const block = await chain.block(n);
      return block === undefined ? 'missing' : `${bytesToHex(block.hash())} ${(await chain.transactionsOf(block)).length}`;
    }),
  );

/** A store that lets so many batches through, and fails then, as a disk that is full does; what it has can be looked at. */
const failing = (kept: KeyValue, batches: number): KeyValue => {
  let left = batches;
  return {
    ...kept,
    batch: (changes: readonly KeyValueChange[], durable) =>
      left-- > 0 ? kept.batch(changes, durable) : Promise.reject(new Error('disk is full')),
  };
};

describe('a chain in a store', () => {
  test('goes on where it was, with every block, receipt and state', async () => {
    const path = join(folder, 'goes-on');
    const store = unwrap(await openLevel(path));
    const first = await Chain.create(optionsOn(store));
    await grow(first, 5);
    const roots = await rootsOf(first);
    const [mined] = await first.transactionsOf(first.head);
    await first.close();

    const again = await Chain.create(optionsOn(unwrap(await openLevel(path)), { now: () => 1 }));
    expect(await rootsOf(again)).toEqual(roots);
    const found = await again.transaction(bytesToHex(mined!.tx.hash()));
    expect(found).toMatchObject({ index: 0, gasUsed: mined!.gasUsed, cumulativeGas: mined!.cumulativeGas, succeeded: true });
    expect(found?.created?.toString()).toBe(mined!.created?.toString());
    // states of old blocks are there, and the clock that went back makes no block that is older than its parent
    const nonces = await Promise.all(
      [1, 3].map(async (n) => again.at((await again.block(n))!, async (cvm) => (await cvm.vm.stateManager.getAccount(sender))?.nonce)),
    );
    expect(nonces).toEqual([1n, 3n]);
    await grow(again, 1);
    expect(again.head.header.timestamp).toBeGreaterThan(first.head.header.timestamp);
    await again.close();
  });

  test('is locked, and refuses other parameters with both values', async () => {
    const path = join(folder, 'locked');
    const store = unwrap(await openLevel(path));
    await Chain.create(optionsOn(store));
    const second = await openLevel(path);
    expect(second.ok ? [] : second.diagnostics.map((d) => d.code)).toEqual(['NOD0010']);
    await expect(Chain.create(optionsOn(store, { chainId: 8 }))).rejects.toMatchObject({ what: 'chain id', asked: '8', there: '7' });
    await expect(Chain.create(optionsOn(store, { params: { ...DEFAULT_PARAMS, matureBlocks: 2n } }))).rejects.toMatchObject({
      what: 'matureBlocks',
      asked: '2',
      there: '100',
    });
    await store.close();
  });

  test('has the old head or the new one when a write fails, and goes on in the same process', async () => {
    for (let batches = 1; batches <= 4; batches++) {
      const kept = memoryKeyValue();
      const chain = await Chain.create(optionsOn(failing(kept, batches)));
      await expect(grow(chain, 5)).rejects.toThrow('disk is full');
      expect(Number(chain.head.header.number)).toBe(batches - 1);
      const again = await Chain.create(optionsOn(kept));
      expect(await rootsOf(again)).toEqual(await rootsOf(chain));
      await grow(again, 2);
      expect(await rootsOf(again)).not.toContain('missing');
    }
  });

  test('gives up a damaged tail, and tells of it', async () => {
    const kept = memoryKeyValue();
    const chain = await Chain.create(optionsOn(kept));
    await grow(chain, 5);
    // the node of the state that block 4 made
    const root = bytesToHex((await chain.block(4))!.header.stateRoot).slice(2);
    await kept.batch(
      [
        { type: 'del', key: `s:${root}` },
        { type: 'put', key: 'b:000000000005', value: Uint8Array.of(1, 2, 3) },
      ],
      false,
    );
    const again = await Chain.create(optionsOn(kept));
    expect([again.lost, Number(again.head.header.number)]).toEqual([2, 3]);
    await grow(again, 2);
    expect(await rootsOf(again)).not.toContain('missing');
  });

  test('states that a block made and that was refused are not kept', async () => {
    const kept = memoryKeyValue();
    const [maker, other] = [await Chain.create(optionsOn(memoryKeyValue())), await Chain.create(optionsOn(kept))];
    await grow(maker, 1);
    const block = (await maker.block(1))!;
    const count = async (): Promise<number> => {
      let n = 0;
      for await (const _ of kept.withPrefix('s:')) n++;
      return n;
    };
    const before = await count();
    const wrong = (await import('@ethereumjs/block')).createBlock(
      { header: { ...block.header.toJSON(), stateRoot: new Uint8Array(32) }, transactions: [...block.transactions], withdrawals: [] },
      { common: other.common, setHardfork: false, skipConsensusFormatValidation: true },
    );
    expect((await other.accept(wrong))?.what).toBe('state root');
    expect(await other.accept(block)).toBeUndefined();
    expect(await count()).toBeGreaterThan(before);
  });

  test('a snapshot is gone back to on disk as well', async () => {
    const kept = memoryKeyValue();
    const chain = await Chain.create(optionsOn(kept));
    await grow(chain, 2);
    const id = chain.snapshot();
    await grow(chain, 3);
    const [gone] = await chain.transactionsOf(chain.head);
    expect(await chain.revert(id)).toBe(true);
    const again = await Chain.create(optionsOn(kept));
    expect(Number(again.head.header.number)).toBe(2);
    expect(await again.transaction(bytesToHex(gone!.tx.hash()))).toBeUndefined();
    expect(await again.block(3)).toBeUndefined();
    await grow(again, 1);
  });

  test('transactions that wait outlive the process', async () => {
    const kept = memoryKeyValue();
    const chain = await Chain.create(optionsOn(kept));
    const pool = await WaitingTransactions.open(kept, chain.common);
    const txs = [txOf(chain, 0), txOf(chain, 1), txOf(chain, 2)];
    for (const tx of txs) expect(await pool.add(tx)).toBeUndefined();
    expect(await pool.add(txs[0]!)).toContain('already');
    await pool.done([txs[1]!]);
    const again = await WaitingTransactions.open(kept, chain.common);
    expect(again.all().map((t) => bytesToHex(t.hash()))).toEqual([txs[0], txs[2]].map((t) => bytesToHex(t!.hash())));
    expect(again.of(sender)).toBe(2);
  });
});
