import { beforeEach, describe, expect, test } from '@jest/globals';
import { Hardfork } from '@ethereumjs/common';
import { Address } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { sha256, toHex } from '../../support/index.ts';
import { assemble, call, joined, reasonOf, wordOf, words } from '../testing/abi.ts';
import { COINBASE, type PackagedModel, packaged, RANDOM, SMALL, TestChain } from '../testing/chain.ts';
import { DataUnavailable } from './engine.ts';
import { inferenceGas } from './gas.ts';
import { decodeInput, decodeModel, encodeModel, type ModelMeta } from './meta.ts';
import { statusSlot } from './model-state.ts';
import { DEFAULT_PARAMS } from './params.ts';
import { readSignature } from './signature.ts';

const { registry, inferPrecompile } = DEFAULT_PARAMS;
const small = packaged(SMALL);
const pixels = Int8Array.from({ length: 40 }, (_, i) => (i === 0 ? 127 : i - 20));
const input = new Uint8Array(pixels.buffer);
/** y: each element plus 1, at most 127; then the first two sums as int32, most significant byte first. */
const output = joined(
  Uint8Array.from(pixels, (v) => Math.min(v + 1, 127)),
  Uint8Array.of(0, 0, 0, 128, 255, 255, 255, 238),
);

const number = (address: Address): bigint => wordOf(address.bytes);

let chain: TestChain;
beforeEach(async () => {
  chain = await TestChain.create();
});

/** Registers a model, meters its upload and waits until it is mature. */
const registered = async (model: PackagedModel, { fee = 0, upload = true, mature = true } = {}): Promise<Address> => {
  const done = await chain.send(call('register(uint256,bytes,bytes)', fee, model.record, model.bytecode), registry);
  expect(done.execResult.exceptionError).toBeUndefined();
  const [log] = done.execResult.logs ?? [];
  const account = new Address(log![1][1]!.slice(12));
  chain.packages.set(toHex(model.hash), model.file);
  if (upload) await uploaded(account);
  if (mature) chain.block += DEFAULT_PARAMS.matureBlocks;
  return account;
};
const uploaded = async (account: Address): Promise<void> => {
  // the quota of many blocks
  chain.block += 20n;
  const done = await chain.send(call('upload(address)', number(account)), registry);
  expect(done.execResult.exceptionError).toBeUndefined();
};
const registeredInput = async (bytes: Uint8Array, shape: readonly bigint[]): Promise<Address> => {
  const done = await chain.send(call('registerInput(bytes32,uint256,uint256[])', wordOf(sha256(bytes)), bytes.length, shape), registry);
  expect(done.execResult.exceptionError).toBeUndefined();
  chain.inputs.set(toHex(sha256(bytes)), bytes);
  return new Address(done.execResult.logs![0]![1][1]!.slice(12));
};

/** Stores call data from slot keccak(0) on as a uint256[] of so many words at slot 0, then runs INFERARRAY on it and returns memory. */
const arrayCaller = (model: Address, bytes: Uint8Array, capacity = 2, at = 64): Uint8Array => {
  const start = wordOf(keccak_256(new Uint8Array(32)));
  const padded = joined(bytes, new Uint8Array((32 - (bytes.length % 32)) % 32));
  const stores = Array.from({ length: padded.length / 32 }, (_, i) => [
    wordOf(padded.subarray(32 * i, 32 * i + 32)),
    start + BigInt(i),
    'SSTORE' as const,
  ]).flat();
  return assemble(
    BigInt(padded.length / 32), 0, 'SSTORE', ...stores,
    // the array in memory: its length, then old bytes that have to go
    capacity, at, 'MSTORE',
    ...Array.from({ length: capacity }, (_, i) => [2n ** 256n - 1n, at + 32 + 32 * i, 'MSTORE' as const]).flat(),
    at, 0, number(model), 'INFERARRAY',
    0, 'MSTORE',
    at + 32 + 32 * capacity, 0, 'RETURN',
  ); // biome-ignore format: a program
};
const run = async (code: Uint8Array, gasLimit?: bigint) => chain.send(new Uint8Array(0), await chain.contract(code), gasLimit);

describe('registration', () => {
  test('hash, signature and cost of a model follow from its bytecode', async () => {
    const account = await registered(small, { fee: 77 });
    const meta = decodeModel(await chain.cvm.vm.stateManager.getCode(account));
    expect(meta).toMatchObject({ fee: 77n, block: 1n, seeded: false, operations: expect.any(BigInt) });
    expect(toHex(meta!.hash)).toBe(toHex(small.hash));
    expect(toHex(meta!.author)).toBe(toHex(chain.sender.bytes));
    expect(meta!.inputs).toEqual([{ dtype: 'i8', shape: [1, 40] }]);
    expect(meta!.outputs).toEqual([
      { dtype: 'i8', shape: [1, 40] },
      { dtype: 'i32', shape: [2] },
    ]);
    expect(decodeModel(encodeModel(meta!))).toEqual(meta);
  });

  test('bytecode of another model is refused, and so is a fee above the limit', async () => {
    const other = packaged(RANDOM);
    const mixed = await chain.send(call('register(uint256,bytes,bytes)', 0, small.record, other.bytecode), registry);
    expect(mixed.execResult.exceptionError?.error).toBe('revert');
    expect(Buffer.from(mixed.execResult.returnValue).toString('latin1')).toContain('CVM2005 the record names other bytecode');
    const dear = await chain.send(call('register(uint256,bytes,bytes)', 20_001, small.record, small.bytecode), registry);
    expect(Buffer.from(dear.execResult.returnValue).toString('latin1')).toContain('fee is 20001 gas, the limit is 20000');
  });

  test('a model that takes more operations or memory than the chain allows is refused with both values', () => {
    const data = joined(words(0, 1, 1, small.record.length), small.record, small.bytecode);
    const meta = readSignature(data, DEFAULT_PARAMS);
    expect(typeof meta).toBe('object');
    const { operations } = meta as ModelMeta;
    expect(typeof readSignature(data, { ...DEFAULT_PARAMS, maxOperations: operations })).toBe('object');
    expect(readSignature(data, { ...DEFAULT_PARAMS, maxOperations: operations - 1n })).toBe(
      `a run takes ${operations} operations, the limit is ${operations - 1n}`,
    );
    expect(readSignature(data, { ...DEFAULT_PARAMS, maxRunBytes: 10n })).toMatch(/^a run takes \d+ bytes of memory, the limit is 10$/);
  });

  test('an upload is metered: not beyond the quota, not twice', async () => {
    const account = await registered(small, { upload: false, mature: false });
    const size = decodeModel(await chain.cvm.vm.stateManager.getCode(account))!.rawSize;
    expect(wordOf(await chain.cvm.vm.stateManager.getStorage(registry, statusSlot(account)))).toBe(size);
    await uploaded(account);
    expect(wordOf(await chain.cvm.vm.stateManager.getStorage(registry, statusSlot(account)))).toBe(chain.block << 64n);
    const again = await chain.send(call('upload(address)', number(account)), registry);
    expect(again.execResult.exceptionError?.error).toBe('revert');
  });

  test('only the author withdraws; the model runs on while it is in custody', async () => {
    const account = await registered(small);
    const code = arrayCaller(account, input);
    await chain.send(call('withdraw(address)', number(account)), registry);
    expect((await run(code)).execResult.exceptionError).toBeUndefined();
    const withdrawn = chain.block;
    chain.block += DEFAULT_PARAMS.custodyBlocks + 1n;
    const late = await run(code);
    expect(reasonOf(late.execResult.returnValue)).toBe(`INFERARRAY: model was withdrawn in block ${withdrawn}`);
    const other = await chain.contract(
      joined(assemble(0), Uint8Array.of(0x36, 0x5f, 0x5f, 0x37), assemble(0, 0), Uint8Array.of(0x36, 0x5f, 0x5f), assemble(number(registry)), Uint8Array.of(0x5a, 0xf1, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3)),
      new Address(new Uint8Array(20).fill(7)),
    ); // biome-ignore format: calls the registry with its call data and gives back whether that succeeded
    const foreign = await chain.send(call('withdraw(address)', number(account)), other);
    expect(wordOf(foreign.execResult.returnValue)).toBe(0n);
  });
});

describe('INFERARRAY', () => {
  test('packs outputs one after another, zeroes the tail, and leaves 1', async () => {
    const account = await registered(small);
    const { execResult } = await run(arrayCaller(account, input, 3));
    expect(execResult.exceptionError).toBeUndefined();
    const memory = execResult.returnValue;
    expect(wordOf(memory.subarray(0, 32))).toBe(1n);
    expect(wordOf(memory.subarray(64, 96))).toBe(3n);
    expect(toHex(memory.subarray(96, 96 + output.length))).toBe(toHex(output));
    expect(memory.subarray(96 + output.length).every((b) => b === 0)).toBe(true);
  });

  test('gas to the unit: accounts, words of storage, memory, Endorphin and fee', async () => {
    const fee = 500;
    const account = await registered(small, { fee });
    const meta = decodeModel(await chain.cvm.vm.stateManager.getCode(account))!;
    const caller = assemble(2, 64, 'MSTORE', 64, 0, number(account), 'INFERARRAY', 'STOP');
    const stored = arrayCaller(account, input);
    const at = await chain.contract(stored);
    expect((await chain.send(new Uint8Array(0), at)).execResult.exceptionError).toBeUndefined();
    await chain.contract(caller, at);
    const { execResult } = await chain.send(new Uint8Array(0), at);
    expect(execResult.exceptionError).toBeUndefined();
    // five pushes and MSTORE; memory of 3 words for MSTORE, 5 in the end
    const pushes = 5n * 3n + 3n;
    const memory = 5n * 3n;
    // model cold, its status cold, the length of the array and its two words cold
    const reads = 2600n + 2100n + 3n * 2100n;
    expect(execResult.executionGasUsed).toBe(pushes + memory + reads + inferenceGas(meta.operations, BigInt(fee)));
    expect(inferenceGas(meta.operations, BigInt(fee))).toBe(501n);
  });

  test('the fee goes from the proposer to the author', async () => {
    const fee = 500;
    const account = await registered(small, { fee });
    const code = arrayCaller(account, input);
    const state = chain.cvm.vm.stateManager;
    const balance = async (address: Address): Promise<bigint> => (await state.getAccount(address))?.balance ?? 0n;
    const [author, proposer] = [await balance(chain.sender), await balance(COINBASE)];
    const { totalGasSpent } = await run(code);
    // 10 wei a gas, of which 7 are burnt
    expect((await balance(COINBASE)) - proposer).toBe(3n * (totalGasSpent - 500n));
    expect((await balance(chain.sender)) - author).toBe(3n * 500n - 10n * totalGasSpent);
  });

  test.each([
    ['array of another length', (a: Address) => arrayCaller(a, input.subarray(0, 20)), 'INFERARRAY: array has 1 words, but the inputs of the model are 40 bytes, 2 words'],
    ['outputs that do not fit', (a: Address) => arrayCaller(a, input, 1), 'INFERARRAY: output array has 1 words, but the outputs of the model are 48 bytes, 2 words'],
  ])('%s reverts with a reason, and keeps the rest of the gas', async (_, code, reason) => {
    const { execResult } = await run(code(await registered(small)));
    expect(execResult.exceptionError?.error).toBe('revert');
    expect(reasonOf(execResult.returnValue)).toBe(reason);
    expect(execResult.executionGasUsed).toBeLessThan(200_000n);
  }); // biome-ignore format: a table

  test('absurd sizes and offsets run out of gas before anything is allocated', async () => {
    const account = await registered(small);
    const absurd = [
      [2n ** 255n, 64n],
      [2n ** 40n, 64n],
      [2n, 2n ** 200n],
    ] as const;
    for (const [length, offset] of absurd) {
      const code = assemble(2, 0, 'SSTORE', length, 64, 'MSTORE', offset, 0, number(account), 'INFERARRAY', 'STOP');
      const { execResult } = await run(code, 5_000_000n);
      expect(execResult.exceptionError?.error).toBe('out of gas');
    }
  });

  test('fewer operands than three are a stack underflow', async () => {
    const { execResult } = await run(assemble(1, 2, 'INFERARRAY'));
    expect(execResult.exceptionError?.error).toBe('stack underflow');
  });

  test('a model that is not uploaded, or not mature, reverts with the block from which it can be used', async () => {
    const early = await registered(small, { upload: false, mature: false });
    const before = await run(arrayCaller(early, input));
    expect(reasonOf(before.execResult.returnValue)).toMatch(/^INFERARRAY: model is not uploaded yet: \d+ bytes remain$/);
    await uploaded(early);
    const after = await run(arrayCaller(early, input));
    const first = chain.block + DEFAULT_PARAMS.matureBlocks;
    expect(reasonOf(after.execResult.returnValue)).toBe(
      `INFERARRAY: model is not mature: usable from block ${first}, this is block ${chain.block}`,
    );
    chain.block = first;
    expect((await run(arrayCaller(early, input))).execResult.exceptionError).toBeUndefined();
  });

  test('what is no model, or looks like one, is an invalid opcode as it is without INFER: all gas is gone', async () => {
    const account = await registered(small);
    const copy = await chain.contract(await chain.cvm.vm.stateManager.getCode(account), new Address(new Uint8Array(20).fill(9)));
    for (const address of [copy, new Address(new Uint8Array(20).fill(1))]) {
      const { execResult, totalGasSpent } = await run(arrayCaller(address, input), 300_000n);
      expect(execResult.exceptionError?.error).toBe('invalid opcode');
      expect(totalGasSpent).toBe(300_000n);
    }
  });

  test('random ops take their seed from the block, the contract and the input', async () => {
    const account = await registered(packaged(RANDOM));
    const code = arrayCaller(account, new Uint8Array(4), 1);
    const roll = async (): Promise<string> => toHex((await run(code)).execResult.returnValue.subarray(96, 112));
    const first = await roll();
    expect(await roll()).toBe(first);
    chain.block++;
    expect(await roll()).not.toBe(first);
  });

  test('a file that this node lacks is no result: the state is as before, and the next transaction runs', async () => {
    const account = await registered(small);
    const state = chain.cvm.vm.stateManager;
    const target = await chain.contract(arrayCaller(account, input));
    const root = toHex(await state.getStateRoot());
    const file = chain.packages.get(toHex(small.hash))!;
    chain.packages.clear();
    await expect(chain.send(new Uint8Array(0), target)).rejects.toThrow(DataUnavailable);
    expect(toHex(await state.getStateRoot())).toBe(root);
    // a damaged file is this node's trouble as well
    chain.packages.set(toHex(small.hash), file.with(file.length - 3, 99));
    await expect(chain.send(new Uint8Array(0), target)).rejects.toThrow(/undamaged package/);
    expect(toHex(await state.getStateRoot())).toBe(root);
    chain.packages.set(toHex(small.hash), file);
    expect((await chain.send(new Uint8Array(0), target)).execResult.exceptionError).toBeUndefined();
  });
});

describe('INFER', () => {
  const caller = (model: Address, stored: Address): Uint8Array =>
    assemble(2, 64, 'MSTORE', 64, number(stored), number(model), 'INFER', 0, 'MSTORE', 160, 0, 'RETURN');

  test('reads a stored input by its address, on every hard fork that has INFER', async () => {
    for (const fork of [Hardfork.Istanbul, Hardfork.London, Hardfork.Cancun]) {
      chain = await TestChain.create(fork);
      const stored = await registeredInput(input, [1n, 40n]);
      expect(decodeInput(await chain.cvm.vm.stateManager.getCode(stored))).toMatchObject({ shape: [1, 40], rawSize: 40n });
      await uploaded(stored);
      const account = await registered(small);
      const { execResult } = await run(caller(account, stored));
      expect(execResult.exceptionError).toBeUndefined();
      expect(toHex(execResult.returnValue.subarray(96, 96 + output.length))).toBe(toHex(output));
    }
  });

  test('an input of another shape, and an address without one, revert with a reason', async () => {
    const flat = await registeredInput(input, [40n]);
    await uploaded(flat);
    const account = await registered(small);
    const wrong = await run(caller(account, flat));
    expect(reasonOf(wrong.execResult.returnValue)).toBe('INFER: input is [40], but the model takes [1,40]');
    const none = await run(caller(account, account));
    expect(reasonOf(none.execResult.returnValue)).toBe('INFER: input address holds no input');
  });
});

describe('the precompile', () => {
  test('gives the packed outputs for packed inputs; problems revert with a reason', async () => {
    const account = await registered(small);
    const data = joined(words(number(account), 1), input);
    const done = await chain.send(data, inferPrecompile);
    expect(toHex(done.execResult.returnValue)).toBe(toHex(output));
    const short = await chain.send(data.subarray(0, 80), inferPrecompile);
    expect(reasonOf(short.execResult.returnValue)).toBe('infer: input has 16 bytes, but the model takes 40');
    const nothing = await chain.send(words(5, 1), inferPrecompile);
    expect(reasonOf(nothing.execResult.returnValue)).toBe('infer: address holds no model');
    const garbled = await chain.send(words(number(account), 3), inferPrecompile);
    expect(reasonOf(garbled.execResult.returnValue)).toMatch(/^infer: call data is no/);
  });
});
