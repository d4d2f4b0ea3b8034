import { describe, expect, test } from '@jest/globals';
import type { StateManagerInterface } from '@ethereumjs/common';
import { bytesToHex, concatBytes, type PrefixedHexString, setLengthLeft } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { encodeModel } from '../evm/meta.ts';
import { DEFAULT_PARAMS } from '../evm/params.ts';
import { words } from '../testing/abi.ts';
import { ranking } from './boards.ts';
import { Catalog } from './catalog.ts';
import type { Log } from './events.ts';
import { Names, shown } from './names.ts';
import { type ModelQuery, selectModels } from './query.ts';
import type { CatalogSource } from './source.ts';

const topic = (signature: string): Uint8Array => keccak_256(new TextEncoder().encode(signature));
const word = (n: bigint | number): Uint8Array => words(n);
const addressOf = (n: number): Uint8Array => setLengthLeft(Uint8Array.of(n >> 24, n >> 16, n >> 8, n), 20);
const padded = (address: Uint8Array): Uint8Array => setLengthLeft(address, 32);

const registered = (n: number, size = 1000): Log => [
  DEFAULT_PARAMS.registry.bytes,
  [topic('Registered(address,address,bytes32,uint256,bool)'), padded(addressOf(n)), word(1), word(2)],
  concatBytes(word(size), word(1)),
];
const one = (signature: string, n: number, value: number): Log => [
  DEFAULT_PARAMS.registry.bytes,
  [topic(signature), padded(addressOf(n))],
  word(value),
];
const counted = (set: number, n: number, correct: number, count: number): Log => [
  DEFAULT_PARAMS.scores.bytes,
  [topic('Counted(uint256,address,uint256,uint256)'), word(set), padded(addressOf(n))],
  concatBytes(word(correct), word(count)),
];
const submitted = (set: number, samples: number): Log => [
  DEFAULT_PARAMS.scores.bytes,
  [topic('Submitted(uint256,address,address,address,uint256,uint256,uint256)'), word(set), word(9)],
  concatBytes(word(1), word(2), word(samples), word(5), word(3)),
];

interface FakeBlock {
  readonly logs: readonly Log[];
  readonly models?: readonly PrefixedHexString[];
}

/** A chain of logs; code and uses of a model follow from its number. */
class FakeChain implements CatalogSource {
  readonly params = { ...DEFAULT_PARAMS, matureBlocks: 2n, custodyBlocks: 3n };
  readonly blocks: (FakeBlock & { readonly hash: string })[] = [];
  readonly uses = new Map<string, number>();
  looks = 0;
  private made = 0;

  add(...blocks: readonly FakeBlock[]): void {
    for (const b of blocks) this.blocks.push({ ...b, hash: `hash ${this.made++}` });
  }
  head() {
    return { number: this.blocks.length - 1, hash: this.blocks[this.blocks.length - 1]?.hash ?? '' };
  }
  hashOf(number: number) {
    return Promise.resolve(this.blocks[number]?.hash);
  }
  block(number: number) {
    const b = this.blocks[number];
    return Promise.resolve(b === undefined ? undefined : { number, hash: b.hash, logs: b.logs, models: 'models' in b ? b.models : [] });
  }
  look<T>(work: (state: StateManagerInterface) => Promise<T>): Promise<T> {
    const state = {
      getCode: (a: { bytes: Uint8Array }) => {
        this.looks++;
        const n = new DataView(a.bytes.buffer, a.bytes.byteOffset).getUint32(16);
        return Promise.resolve(
          encodeModel({
            comment: '',
            hash: setLengthLeft(Uint8Array.of(n >> 16, n >> 8, n), 32),
            rawSize: 1000n + BigInt(n),
            fee: BigInt(n % 7),
            author: addressOf(n % 100),
            block: BigInt(n % 50),
            operations: BigInt(20_000 * (n % 13)),
            inputs: [{ dtype: 'i8', shape: [1, 28, 28 + (n % 3)] }],
            outputs: [{ dtype: n % 2 === 0 ? 'i8' : 'i32', shape: [1, 10] }],
            seeded: false,
          }),
        );
      },
      getStorage: (_: unknown, slot: Uint8Array) => {
        const n = this.uses.get(bytesToHex(slot)) ?? 0;
        return Promise.resolve(n === 0 ? new Uint8Array(0) : word(n));
      },
    };
    return work(state as unknown as StateManagerInterface);
  }
  /** Says that a model was run so many times. */
  use(n: number, runs: number): PrefixedHexString {
    const key = concatBytes(padded(addressOf(n)), word(8));
    this.uses.set(bytesToHex(keccak_256(key)), runs);
    return bytesToHex(addressOf(n));
  }
}

const names = new Names({ package: () => Promise.resolve(undefined), input: () => Promise.resolve(undefined) });
const found = (chain: FakeChain, catalog: Catalog, query: ModelQuery, order: 'runs' | 'block' | 'size' = 'size', limit = 10) =>
  selectModels({ catalog, names, params: chain.params }, query, { order, limit, after: undefined });

describe('Catalog', () => {
  test('follows a life, reads metadata once and uses when there were some', async () => {
    const chain = new FakeChain();
    const catalog = new Catalog(chain);
    chain.add({ logs: [] }, { logs: [registered(7)] });
    await catalog.sync();
    const address = bytesToHex(addressOf(7));
    const state = (): string | undefined =>
      (['registered', 'uploading', 'maturing', 'usable', 'leaving', 'withdrawn'] as const).find(
        (s) => found(chain, catalog, { state: s }).total === 1,
      );
    expect(catalog.get(address)).toMatchObject({ author: bytesToHex(addressOf(7)), inputs: ['i8[1,28,29]'], remaining: 1000, fee: 0 });
    chain.add({ logs: [one('Uploaded(address,uint256)', 7, 400)] });
    await catalog.sync();
    expect(state()).toBe('uploading');
    chain.add({ logs: [one('Ready(address,uint256)', 7, 3), one('Uploaded(address,uint256)', 7, 0)] });
    await catalog.sync();
    expect(state()).toBe('maturing');
    chain.add({ logs: [], models: [chain.use(7, 5)] });
    await catalog.sync();
    expect([state(), catalog.get(address)?.runs, chain.looks]).toEqual(['usable', 5, 1]);
    chain.add({ logs: [one('Withdrawn(address,uint256)', 7, 5)] });
    await catalog.sync();
    expect(state()).toBe('leaving');
    chain.add({ logs: [] }, { logs: [] }, { logs: [] });
    await catalog.sync();
    expect(state()).toBe('withdrawn');
  });

  test('is taken back with the chain, a few blocks or all of it, to what a new catalog would be', async () => {
    const chain = new FakeChain();
    const catalog = new Catalog(chain);
    chain.add({ logs: [] }, { logs: [registered(1), submitted(0, 4)] }, { logs: [registered(2), counted(0, 1, 2, 4)] });
    await catalog.sync();
    chain.blocks.pop();
    chain.add({ logs: [registered(3), counted(0, 1, 1, 2)], models: [chain.use(1, 9)] });
    const same = async (): Promise<void> => {
      await catalog.sync();
      const fresh = new Catalog(chain);
      await fresh.sync();
      expect([...catalog.all()]).toEqual([...fresh.all()]);
      expect(catalog.boards.all()).toEqual(fresh.boards.all());
      expect(catalog.at).toEqual(fresh.at);
    };
    await same();
    expect([...catalog.all()].map((m) => [m.address, m.runs])).toEqual([
      [bytesToHex(addressOf(1)), 9],
      [bytesToHex(addressOf(3)), 0],
    ]);
    expect(catalog.withHash(bytesToHex(setLengthLeft(Uint8Array.of(2), 32)))).toEqual([]);
    chain.blocks.length = 0;
    chain.add({ logs: [] }, { logs: [registered(4)] });
    await same();
    // more blocks than can be taken back one by one
    chain.add(...Array.from({ length: 300 }, (_, i) => ({ logs: [registered(100 + i)] })));
    await same();
    chain.blocks.length = 5;
    chain.add({ logs: [registered(9)] });
    await same();
  });

  test('holds so many models and tells that others were left out', async () => {
    const chain = new FakeChain();
    const catalog = new Catalog(chain, 3);
    chain.add({ logs: Array.from({ length: 5 }, (_, i) => registered(i + 1)) });
    await catalog.sync();
    expect([catalog.size, catalog.leftOut]).toEqual([3, 2]);
  });
});

describe('selectModels', () => {
  test('pages put together are the whole in order, for every order, whatever the size of a page', async () => {
    const chain = new FakeChain();
    const catalog = new Catalog(chain);
    chain.add({ logs: Array.from({ length: 97 }, (_, i) => registered(i + 1)) });
    chain.add({ logs: [], models: Array.from({ length: 97 }, (_, i) => chain.use(i + 1, (i * 7) % 5)) });
    await catalog.sync();
    for (const order of ['block', 'runs', 'size', 'gas'] as const)
      for (const limit of [1, 10, 97, 100]) {
        const all: string[] = [];
        let after: { key: number; address: PrefixedHexString } | undefined;
        do {
          const page = selectModels({ catalog, names, params: chain.params }, { output: 'i8' }, { order, limit, after });
          expect(page.total).toBe(48);
          all.push(...page.models.map((m) => m.address));
          after = page.next;
        } while (after !== undefined);
        const expected = [...catalog.all()]
          .filter((m) => m.outputs[0] === 'i8[1,10]')
          .sort((a, b) => b[order] - a[order] || (a.address < b.address ? -1 : 1))
          .map((m) => m.address);
        expect(all).toEqual(expected);
      }
  });

  test('dtype, shape or both; author; bounds', async () => {
    const chain = new FakeChain();
    const catalog = new Catalog(chain);
    chain.add({ logs: Array.from({ length: 30 }, (_, i) => registered(i + 1)) });
    await catalog.sync();
    const total = (q: ModelQuery): number => found(chain, catalog, q).total;
    expect([total({ input: 'i8' }), total({ input: 'i32' }), total({ input: '[1,28,30]' }), total({ input: 'i8[1,28,28]' })]).toEqual([
      30, 0, 10, 10,
    ]);
    expect(total({ input: 'i' })).toBe(0);
    expect(total({ author: bytesToHex(addressOf(5)) })).toBe(1);
    expect(total({ minSize: 1011, maxSize: 1020 })).toBe(10);
    expect(total({ hash: bytesToHex(setLengthLeft(Uint8Array.of(8), 32)) })).toBe(1);
  });
});

test('results on a test set: the most right answers first, the first of equals first, those that are not done not at all', async () => {
  const chain = new FakeChain();
  const catalog = new Catalog(chain);
  chain.add({ logs: [submitted(0, 4), counted(0, 1, 1, 2), counted(0, 2, 3, 4), counted(0, 3, 4, 4), counted(0, 4, 3, 4)] });
  await catalog.sync();
  const order = ranking(catalog.boards.get(0)!).map((s) => Number(s.model));
  expect(order).toEqual([3, 2, 4]);
});

test('text that others wrote is shown, not obeyed', () => {
  expect(shown('a\u001b[31m\u202eb\u200d\nc')).toBe('a\\u{1b}[31m\\u{202e}b\\u{200d}\\u{a}c');
  expect(shown('é 数字'.padEnd(300, 'x'))).toHaveLength(100);
});
