import { createBlock } from '@ethereumjs/block';
import { createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common';
import { createLegacyTx } from '@ethereumjs/tx';
import { Account, Address, createAddressFromPrivateKey, hexToBytes } from '@ethereumjs/util';
import type { RunTxResult } from '@ethereumjs/vm';
import { loadBackend } from '../../backends/index.ts';
import { decodePackage, encodePackage } from '../../cvm-bytecode/index.ts';
import { parseMrl } from '../../frontend/mrl/index.ts';
import type { Program } from '../../ir/index.ts';
import { bytesSource, sha256, toHex, unwrap } from '../../support/index.ts';
import { CORTEX_UPLOADS, Cvm } from '../evm/cvm.ts';
import { createEngine, type LocalEngine } from '../executor/engine.ts';

/** A model that fits a few words: y = min(x + 1, 127) of 40 int8 elements, and the first two sums as int32. */
export const SMALL = `mrl 1;
model small {
  input x: i8[1, 40];
  param one: i32[] = 1;
  let sum = add(cast(x, dtype: i32), one);
  output y = cast(clamp(sum, lo: -128, hi: 127), dtype: i8);
  output z = slice(reshape(sum, shape: [40]), starts: [0], sizes: [2], steps: [1]);
}
`;

/** A model with random ops: an int8 from 0 to 99 for each element. */
export const RANDOM = `mrl 1;
model dice {
  input seed: i32[2];
  input x: i8[4];
  output y = add(cast(x, dtype: i32), random_int(seed, shape: [4], low: 0, high: 99));
}
`;

export const KEY = hexToBytes('0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318');

export interface PackagedModel {
  readonly program: Program;
  readonly file: Uint8Array;
  readonly hash: Uint8Array;
  readonly record: Uint8Array;
  readonly bytecode: Uint8Array;
}

export const packaged = (text: string): PackagedModel => {
  const { program } = unwrap(parseMrl(text, { file: 'model.mrl' }));
  const source = { format: 'mrl', file: 'model.mrl', sha256: toHex(sha256(text)), compilerVersion: 'test' };
  const words = { name: 'model', author: '', description: '', licence: '', version: '' };
  const file = unwrap(encodePackage({ program, metadata: { ...words, source } }));
  const { record, bytecode, modelHash } = unwrap(decodePackage(file));
  return { program, file, hash: modelHash, record, bytecode };
};

/** A chain of one node, in memory. */
export class TestChain {
  readonly cvm: Cvm;
  readonly engine: LocalEngine;
  readonly packages: Map<string, Uint8Array>;
  readonly inputs: Map<string, Uint8Array>;
  readonly sender = createAddressFromPrivateKey(KEY);
  block = 1n;
  private nonce = 0n;

  private constructor(cvm: Cvm, engine: LocalEngine, packages: Map<string, Uint8Array>, inputs: Map<string, Uint8Array>) {
    this.cvm = cvm;
    this.engine = engine;
    this.packages = packages;
    this.inputs = inputs;
  }

  static async create(hardfork: Hardfork = Hardfork.Cancun): Promise<TestChain> {
    const packages = new Map<string, Uint8Array>();
    const inputs = new Map<string, Uint8Array>();
    const backend = unwrap(await loadBackend('reference', { selfTest: false }));
    const source = {
      package: (hash: Uint8Array) => {
        const file = packages.get(toHex(hash));
        return Promise.resolve(file === undefined ? undefined : bytesSource(file));
      },
      input: (hash: Uint8Array) => Promise.resolve(inputs.get(toHex(hash))),
    };
    const engine = createEngine({ source, backend });
    const common = createCustomCommon({ chainId: 1337 }, Mainnet, { hardfork });
    const cvm = await Cvm.create({ common, engine });
    const chain = new TestChain(cvm, engine, packages, inputs);
    await cvm.vm.stateManager.putAccount(chain.sender, new Account(0n, 10n ** 24n));
    await cvm.installRegistry(CORTEX_UPLOADS);
    return chain;
  }

  header(): ReturnType<typeof createBlock> {
    return createBlock(
      {
        header: {
          number: this.block,
          gasLimit: 10n ** 9n,
          timestamp: 1_700_000_000n + this.block,
          coinbase: COINBASE,
          ...(this.cvm.vm.common.isActivatedEIP(1559) ? { baseFeePerGas: 7n } : {}),
        },
      },
      { common: this.cvm.vm.common, skipConsensusFormatValidation: true },
    );
  }

  /** Sends a transaction; contracts are created by leaving `to` out. */
  async send(data: Uint8Array, to?: Address, gasLimit = 20_000_000n): Promise<RunTxResult> {
    const tx = createLegacyTx(
      { nonce: this.nonce, gasLimit, gasPrice: 10n, data, ...(to === undefined ? {} : { to }) },
      { common: this.cvm.vm.common },
    ).sign(KEY);
    const result = await this.cvm.runTx({ tx, block: this.header(), skipBlockGasLimitValidation: true });
    this.nonce++;
    return result;
  }

  /** Puts a contract into the state. */
  async contract(code: Uint8Array, address = new Address(hexToBytes('0x00000000000000000000000000000000000a11ce'))): Promise<Address> {
    await this.cvm.vm.stateManager.putAccount(address, new Account());
    await this.cvm.vm.stateManager.putCode(address, code);
    return address;
  }
}

export const COINBASE = new Address(hexToBytes('0x00000000000000000000000000000000c01dba5e'));
