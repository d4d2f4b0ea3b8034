import { beforeEach, describe, expect, test } from '@jest/globals';
import { Address } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { sha256, toHex } from '../../support/index.ts';
import { call, joined, reasonOf, wordOf, words } from '../testing/abi.ts';
import { type PackagedModel, packaged, RANDOM, SMALL, TestChain } from '../testing/chain.ts';
import { DataUnavailable } from './engine.ts';
import { COLD_LOOK, inferenceGas } from './gas.ts';
import { decodeModel } from './meta.ts';
import { DEFAULT_PARAMS } from './params.ts';
import { readUsage } from './usage.ts';

const { registry, scorePrecompile, scores } = DEFAULT_PARAMS;
const small = packaged(SMALL);

/** Four samples of 40 elements; the greatest of sample i stands at the index PEAKS[i], in the last twice. */
const PEAKS = [17, 0, 39, 5];
const images = Uint8Array.from({ length: 160 }, (_, k) => {
  const [i, j] = [Math.floor(k / 40), k % 40];
  return j === PEAKS[i] || (i === 3 && j === 6) ? 100 : j % 7;
});
/** The third is wrong. */
const labels = Uint8Array.of(17, 0, 38, 5);

const number = (address: Address): bigint => wordOf(address.bytes);

let chain: TestChain;
let model: Address;
beforeEach(async () => {
  chain = await TestChain.create();
  model = await registered(small, 77);
});

const made = async (data: Uint8Array): Promise<Address> => {
  const done = await chain.send(data, registry);
  expect(done.execResult.exceptionError).toBeUndefined();
  const account = new Address(done.execResult.logs![0]![1][1]!.slice(12));
  chain.block += 20n;
  await chain.send(call('upload(address)', number(account)), registry);
  chain.block += DEFAULT_PARAMS.matureBlocks;
  return account;
};
const registered = async (m: PackagedModel, fee = 0): Promise<Address> => {
  chain.packages.set(toHex(m.hash), m.file);
  return made(call('register(uint256,bytes,bytes)', fee, m.record, m.bytecode));
};
const stored = async (bytes: Uint8Array, shape: readonly bigint[]): Promise<Address> => {
  chain.inputs.set(toHex(sha256(bytes)), bytes);
  return made(call('registerInput(bytes32,uint256,uint256[])', wordOf(sha256(bytes)), bytes.length, shape));
};
const testSet = async (width: 1 | 4 = 1): Promise<readonly [Address, Address]> => {
  const four = Uint8Array.from({ length: 16 }, (_, k) => (k % 4 === 3 ? labels[(k - 3) / 4]! : 0));
  return [await stored(images, [4n, 40n]), await stored(width === 1 ? labels : four, [4n])];
};
const numbersOf = (bytes: Uint8Array): readonly bigint[] =>
  Array.from({ length: bytes.length / 32 }, (_, i) => wordOf(bytes.subarray(32 * i, 32 * i + 32)));
const usage = () => readUsage(chain.cvm.vm.stateManager, DEFAULT_PARAMS, model);

describe('score precompile', () => {
  test('counts samples whose greatest output, the first of equals, is the label; gas to the unit', async () => {
    const meta = decodeModel(await chain.cvm.vm.stateManager.getCode(model))!;
    for (const width of [1, 4] as const) {
      const [x, y] = await testSet(width);
      const done = await chain.send(words(number(model), number(x), number(y), 0, 4), scorePrecompile);
      expect(numbersOf(done.execResult.returnValue)).toEqual([3n, 4n, meta.block]);
      expect(done.execResult.executionGasUsed).toBe(3n * COLD_LOOK + 12n * (5n + 1n) + 4n * inferenceGas(meta.operations, 77n));
      const part = await chain.send(words(number(model), number(x), number(y), 2, 1), scorePrecompile);
      expect(numbersOf(part.execResult.returnValue).slice(0, 2)).toEqual([0n, 1n]);
      chain = await TestChain.create();
      model = await registered(small, 77);
    }
  });

  test('what is in the way is told, and keeps the rest of the gas', async () => {
    const [x, y] = await testSet();
    const reason = async (...args: readonly (bigint | number)[]): Promise<string> => {
      const done = await chain.send(words(...args), scorePrecompile);
      expect(done.execResult.exceptionError?.error).toBe('revert');
      expect(done.execResult.executionGasUsed).toBeLessThan(20_000n);
      return reasonOf(done.execResult.returnValue);
    };
    const [m, i, l] = [number(model), number(x), number(y)];
    expect(await reason(m, i, l)).toMatch(/^score: call data is no abi.encode/);
    expect(await reason(7, i, l, 0, 1)).toBe('score: address holds no model');
    expect(await reason(m, l, i, 0, 1)).toBe('score: labels are [4,40], but [4] belong to images of [4]');
    expect(await reason(m, i, 7, 0, 1)).toBe('score: address of labels holds no input');
    expect(await reason(m, i, l, 0, 0)).toBe('score: samples 0 to 0 are asked for, but the test set has 4');
    expect(await reason(m, i, l, 3, 2)).toBe('score: samples 3 to 5 are asked for, but the test set has 4');
    expect(await reason(m, i, l, 2n ** 255n, 2n ** 255n)).toMatch(/but the test set has 4$/);
    const square = await stored(
      Uint8Array.from(images, (b) => b ^ 1),
      [4n, 5n, 8n],
    );
    expect(await reason(m, number(square), l, 0, 1)).toBe('score: samples are [5,8], but the model takes [1,40]');
    const dice = await registered(packaged(RANDOM));
    expect(await reason(number(dice), i, l, 0, 1)).toBe('score: model has random ops: its accuracy would depend on the block');
    const two = await registered(
      packaged(
        'mrl 1;\nmodel two {\n  input a: i8[1, 40];\n  input b: i8[1, 40];\n  output y = add(cast(a, dtype: i32), cast(b, dtype: i32));\n}\n',
      ),
    );
    expect(await reason(number(two), i, l, 0, 1)).toBe('score: model takes 2 inputs, but a test set has one');
  });

  test('too little gas runs nothing; a file that is not here is no result', async () => {
    const [x, y] = await testSet();
    const data = words(number(model), number(x), number(y), 0, 4);
    const short = await chain.send(data, scorePrecompile, 34_000n);
    expect(short.execResult.exceptionError?.error).toBe('out of gas');
    expect(await usage()).toEqual({ runs: 0n, fees: 0n });
    const root = toHex(await chain.cvm.vm.stateManager.getStateRoot());
    chain.inputs.clear();
    await expect(chain.send(data, scorePrecompile)).rejects.toThrow(DataUnavailable);
    expect(toHex(await chain.cvm.vm.stateManager.getStateRoot())).toBe(root);
  });
});

describe('uses of a model', () => {
  test('every inference that was paid for counts, from the next transaction on, also when a transaction fails', async () => {
    const [x, y] = await testSet();
    const runsOf = async (what = 'runsOf(address)'): Promise<bigint> =>
      wordOf((await chain.send(call(what, number(model)), registry)).execResult.returnValue);
    expect(await runsOf()).toBe(0n);
    await chain.send(words(number(model), number(x), number(y), 0, 4), scorePrecompile);
    expect(await runsOf()).toBe(4n);
    expect(await runsOf('feesOf(address)')).toBe(4n * 77n);
    // runs the model once, by the precompile, then asks the registry, and returns what it says; or fails
    const seen = async (fails: boolean) => chain.send(new Uint8Array(0), await chain.contract(runsAndAsks(model, x, y, fails)));
    expect(numbersOf((await seen(false)).execResult.returnValue)).toEqual([4n]);
    expect(await runsOf()).toBe(5n);
    expect((await seen(true)).execResult.exceptionError?.error).toBe('invalid opcode');
    expect(await usage()).toEqual({ runs: 6n, fees: 6n * 77n });
    // a call changes nothing
    await chain.cvm.call({ block: chain.header(), to: scorePrecompile, data: words(number(model), number(x), number(y), 0, 4) });
    expect(await usage()).toEqual({ runs: 6n, fees: 6n * 77n });
  });
});

/** Bytecode: one sample scored, then `runsOf(model)`. */
const runsAndAsks = (m: Address, x: Address, y: Address, fails: boolean): Uint8Array => {
  const push = (value: bigint | number, size: number): Uint8Array => {
    const digits = BigInt(value)
      .toString(16)
      .padStart(2 * size, '0');
    return Uint8Array.from([0x5f + size, ...(digits.match(/../g) ?? []).map((b) => Number.parseInt(b, 16))]);
  };
  const store = (at: number, word: bigint | number): Uint8Array => joined(push(word, 32), push(at, 2), Uint8Array.of(0x52));
  const staticcall = (to: Address, from: number, size: number, out: number): Uint8Array =>
    joined(push(32, 1), push(out, 2), push(size, 1), push(from, 2), push(number(to), 20), Uint8Array.of(0x5a, 0xfa, 0x50));
  const selector = wordOf(keccak_256(new TextEncoder().encode('runsOf(address)')).subarray(0, 4)) << 224n;
  return joined(
    ...[number(m), number(x), number(y), 0n, 1n].map((w, i) => store(32 * i, w)),
    staticcall(scorePrecompile, 0, 160, 512),
    store(0, selector),
    store(4, number(m)),
    staticcall(registry, 0, 36, 512),
    fails ? Uint8Array.of(0xfe) : joined(push(32, 1), push(512, 2), Uint8Array.of(0xf3)),
  );
};

test('a call costs the same however often it is made: what one made warm is cold for the next', async () => {
  const asks = { block: chain.header(), to: registry, data: call('runsOf(address)', number(model)) };
  const used: bigint[] = [];
  for (let i = 0; i < 3; i++) used.push((await chain.cvm.call(asks)).execResult.executionGasUsed);
  expect(used[0]).toBeGreaterThan(2100n);
  expect(used).toEqual([used[0], used[0], used[0]]);
});

describe('Scores', () => {
  const send = async (data: Uint8Array) => (await chain.send(data, scores)).execResult;
  const view = async (data: Uint8Array): Promise<readonly bigint[]> => numbersOf((await send(data)).returnValue);
  const run = (set: number, from: number, count: number, m = model) =>
    send(call('run(address,uint256,uint256,uint256)', number(m), set, from, count));
  const selectorOf = (text: string): string => toHex(keccak_256(new TextEncoder().encode(text)).subarray(0, 4));

  test('a test set is scored in parts; the best of the models stands first, the first of equals', async () => {
    const [x, y] = await testSet();
    const submitted = await send(call('submit(address,address)', number(x), number(y)));
    expect(numbersOf(submitted.returnValue)).toEqual([0n]);
    expect(numbersOf((await run(0, 0, 3)).returnValue)).toEqual([2n, 3n]);
    expect(await view(call('scoredCount(uint256)', 0))).toEqual([0n]);
    // of two who send the same, the second is told
    const again = await run(0, 0, 3);
    expect(toHex(again.returnValue.subarray(0, 4))).toBe(selectorOf('NotNext(uint256,uint256)'));
    expect(toHex((await run(0, 3, 2)).returnValue.subarray(0, 4))).toBe(selectorOf('OutOfRange(uint256,uint256,uint256)'));
    expect(toHex((await run(9, 0, 1)).returnValue.subarray(0, 4))).toBe(selectorOf('NoSuchSet(uint256)'));
    expect(numbersOf((await run(0, 3, 1)).returnValue)).toEqual([3n, 4n]);
    expect(await view(call('best(uint256)', 0))).toEqual([number(model), 3n]);
    chain.block += 1n;
    const equal = await registered(packaged(SMALL.replace('model small', 'model other')));
    await run(0, 0, 4, equal);
    expect(await view(call('best(uint256)', 0))).toEqual([number(model), 3n]);
    expect(await view(call('scoredCount(uint256)', 0))).toEqual([2n]);
    expect(await view(call('scoredAt(uint256,uint256)', 0, 1))).toEqual([number(equal)]);
    // the first model is older than the test set, and was there when it was chosen; the second is younger than both
    expect(await view(call('blind(uint256,address)', 0, number(model)))).toEqual([1n, 0n]);
    expect(await view(call('blind(uint256,address)', 0, number(equal)))).toEqual([0n, 1n]);
  });

  test('a test set is fixed by its hash before models are registered, and revealed afterwards', async () => {
    const salt = 99n;
    const commitment = wordOf(keccak_256(joined(sha256(images), sha256(labels), words(salt, number(chain.sender)))));
    expect((await send(call('commit(bytes32)', commitment))).exceptionError).toBeUndefined();
    expect(toHex((await send(call('commit(bytes32)', commitment))).returnValue.subarray(0, 4))).toBe(
      selectorOf('CommittedAlready(bytes32,uint256)'),
    );
    chain.block += 1n;
    const blindModel = await registered(packaged(SMALL.replace('model small', 'model later')));
    const [x, y] = await testSet();
    const wrong = await send(call('reveal(address,address,bytes32)', number(x), number(y), 98));
    expect(toHex(wrong.returnValue.subarray(0, 4))).toBe(selectorOf('NotCommitted(bytes32)'));
    expect((await send(call('reveal(address,address,bytes32)', number(x), number(y), salt))).exceptionError).toBeUndefined();
    await run(0, 0, 4, blindModel);
    expect(await view(call('blind(uint256,address)', 0, number(blindModel)))).toEqual([1n, 1n]);
  });

  test('what is no test set is refused with the reason', async () => {
    const [x] = await testSet();
    const odd = await stored(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), [4n]);
    const refused = await send(call('submit(address,address)', number(x), number(odd)));
    expect(Buffer.from(refused.returnValue).toString('latin1')).toContain(
      'labels have 8 bytes, but 4 of them are 4 bytes as u8 or 16 as i32',
    );
  });
});
