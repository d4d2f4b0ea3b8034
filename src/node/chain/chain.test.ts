import { type Block, createBlock } from '@ethereumjs/block';
import { createTx } from '@ethereumjs/tx';
import { type Address, bytesToHex, createAddressFromPrivateKey } from '@ethereumjs/util';
import { describe, expect, test } from '@jest/globals';
import { loadBackend } from '../../backends/index.ts';
import { unwrap } from '../../support/index.ts';
import { CORTEX_UPLOADS } from '../evm/cvm.ts';
import { DataUnavailable } from '../evm/engine.ts';
import { DEFAULT_PARAMS } from '../evm/params.ts';
import { createEngine } from '../executor/engine.ts';
import { memoryObjects, type ObjectStore } from '../store/objects.ts';
import { call, joined, words, wordOf } from '../testing/abi.ts';
import { KEY, packaged, SMALL } from '../testing/chain.ts';
import { Chain } from './chain.ts';

const unreachable = (): never => {
  throw new Error('a block of the chain is missing');
};
const sender = createAddressFromPrivateKey(KEY);
const small = packaged(SMALL);

const nodeOn = async (backend: string): Promise<{ chain: Chain; objects: ObjectStore }> => {
  const objects = memoryObjects();
  const engine = createEngine({ source: objects, backend: unwrap(await loadBackend(backend, { selfTest: false })) });
  const chain = await Chain.create({
    chainId: 7,
    engine,
    params: { ...DEFAULT_PARAMS, matureBlocks: 1n },
    uploads: { ...CORTEX_UPLOADS, quotaPerBlock: 2n ** 30n },
    balances: new Map([[sender.toString(), 10n ** 24n]]),
    gasLimit: 10n ** 9n,
    now: () => 1_800_000_000,
  });
  return { chain, objects };
};

const blocksOf = async (chain: Chain): Promise<readonly Block[]> => {
  const numbers = Array.from({ length: Number(chain.head.header.number) + 1 }, (_, n) => n);
  return Promise.all(numbers.map(async (n) => (await chain.block(n)) ?? unreachable()));
};

let nonce = 0n;
const txOf = (chain: Chain, data: Uint8Array, to: Address) =>
  createTx({ nonce: nonce++, gasLimit: 10_000_000n, gasPrice: 10n ** 10n, data, to }, { common: chain.common }).sign(KEY);

/** The fields of a header, without its methods. */
const headerFields = (block: Block) => block.toJSON().header ?? {};

/** Blocks of a node: a model is registered, uploaded, and run on inputs that differ from block to block. */
const history = async ({ chain, objects }: Awaited<ReturnType<typeof nodeOn>>, inferences: number): Promise<void> => {
  nonce = 0n;
  await objects.putPackage(small.file);
  const { registry, inferPrecompile } = DEFAULT_PARAMS;
  const [made] = (await chain.mine([txOf(chain, call('register(uint256,bytes,bytes)', 9, small.record, small.bytecode), registry)])).mined;
  const model = wordOf(made!.logs[0]![1][1]!);
  await chain.mine([txOf(chain, call('upload(address)', model), registry)]);
  await chain.mine([]);
  for (let i = 0; i < inferences; i++) {
    const input = Uint8Array.from({ length: 40 }, (_, k) => (17 * i + k) % 256);
    const data = joined(words(model, 1), input);
    const { mined } = await chain.mine([txOf(chain, data, inferPrecompile), txOf(chain, data.subarray(0, 70), inferPrecompile)]);
    expect(mined.map((m) => m.succeeded)).toEqual([true, false]);
  }
};

describe('Chain', () => {
  test('another node, on another backend, comes to the same roots', async () => {
    const [maker, checker] = [await nodeOn('reference'), await nodeOn('wasm')];
    await history(maker, 5);
    await checker.objects.putPackage(small.file);
    for (const block of (await blocksOf(maker.chain)).slice(1)) expect(await checker.chain.accept(block)).toBeUndefined();
    expect(bytesToHex(checker.chain.head.hash())).toBe(bytesToHex(maker.chain.head.hash()));
  });

  test('a header that says something else is told by what differs, and changes nothing', async () => {
    const [maker, checker] = [await nodeOn('reference'), await nodeOn('reference')];
    await history(maker, 1);
    await checker.objects.putPackage(small.file);
    const [, first, ...rest] = await blocksOf(maker.chain);
    const changed = (fields: object) =>
      createBlock(
        { header: { ...headerFields(first!), ...fields }, transactions: first!.transactions, withdrawals: [] },
        { common: maker.chain.common, setHardfork: false, skipConsensusFormatValidation: true },
      );
    expect(await checker.chain.accept(rest[0]!)).toMatchObject({ what: 'parent' });
    expect(await checker.chain.accept(changed({ stateRoot: new Uint8Array(32).fill(1) }))).toMatchObject({ what: 'state root' });
    expect(await checker.chain.accept(changed({ gasUsed: 21_000n }))).toMatchObject({ what: 'gas used', expected: '21000' });
    for (const block of [first!, ...rest]) expect(await checker.chain.accept(block)).toBeUndefined();
  });

  test('a node without the package neither takes nor refuses the block; with it, it goes on', async () => {
    const [maker, late] = [await nodeOn('reference'), await nodeOn('reference')];
    await history(maker, 1);
    const blocks = (await blocksOf(maker.chain)).slice(1);
    for (const block of blocks.slice(0, 3)) expect(await late.chain.accept(block)).toBeUndefined();
    await expect(late.chain.accept(blocks[3]!)).rejects.toThrow(DataUnavailable);
    await late.objects.putPackage(small.file);
    expect(await late.chain.accept(blocks[3]!)).toBeUndefined();
    expect(bytesToHex(late.chain.head.hash())).toBe(bytesToHex(maker.chain.head.hash()));
  });

  test('a snapshot brings blocks, receipts and state back', async () => {
    const node = await nodeOn('reference');
    await history(node, 1);
    const { chain } = node;
    const root = bytesToHex(chain.head.header.stateRoot);
    const id = chain.snapshot();
    const tx = txOf(chain, new Uint8Array(0), sender);
    await chain.mine([tx]);
    expect(await chain.transaction(bytesToHex(tx.hash()))).toBeDefined();
    expect(await chain.revert(id)).toBe(true);
    expect(await chain.transaction(bytesToHex(tx.hash()))).toBeUndefined();
    expect(bytesToHex(await chain.cvm.vm.stateManager.getStateRoot())).toBe(root);
    expect(await chain.revert(id)).toBe(false);
  });

  test('a transaction that cannot stand in a block is left out with its reason', async () => {
    const { chain } = await nodeOn('reference');
    nonce = 5n;
    const { refused, mined } = await chain.mine([txOf(chain, new Uint8Array(0), sender)]);
    expect(mined).toEqual([]);
    expect(refused[0]!.reason).toContain('nonce');
  });
});
