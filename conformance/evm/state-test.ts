import { createBlock } from '@ethereumjs/block';
import { type Common, createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common';
import { RLP } from '@ethereumjs/rlp';
import { createTxFromRLP } from '@ethereumjs/tx';
import { Account, Address, bytesToHex, hexToBytes, setLengthLeft } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { Cvm, DataUnavailable, type InferenceEngine } from '../../src/node/index.ts';

type Hex = `0x${string}`;

interface AccountState {
  readonly balance: Hex;
  readonly nonce: Hex;
  readonly code: Hex;
  readonly storage: Readonly<Record<Hex, Hex>>;
}

interface Post {
  /** State root. */
  readonly hash: Hex;
  /** keccak256 of the RLP of the logs. */
  readonly logs: Hex;
  readonly txbytes: Hex;
  readonly expectException?: string;
}

/** A test of ethereum/tests, in the form of GeneralStateTests. */
export interface StateTest {
  readonly env: Readonly<Record<string, Hex>>;
  readonly pre: Readonly<Record<Hex, AccountState>>;
  readonly post: Readonly<Record<string, readonly Post[]>>;
}

/** The hard forks that the tests name and that have INFER. */
export const FORKS = {
  Istanbul: Hardfork.Istanbul,
  Berlin: Hardfork.Berlin,
  London: Hardfork.London,
  Paris: Hardfork.Paris,
  Shanghai: Hardfork.Shanghai,
  Cancun: Hardfork.Cancun,
} as const;
export type Fork = keyof typeof FORKS;

/** No test has a model, so that nothing is ever run. */
const NO_ENGINE: InferenceEngine = {
  infer: ({ meta }) => Promise.reject(new DataUnavailable(meta.hash, 'model of a test of Ethereum')),
  readInput: (hash) => Promise.reject(new DataUnavailable(hash, 'input of a test of Ethereum')),
};

const bytes = (hex: Hex): Uint8Array => hexToBytes(hex.length % 2 === 0 ? hex : (`0x0${hex.slice(2)}` as Hex));

const fill = async (cvm: Cvm, pre: StateTest['pre']): Promise<void> => {
  const { stateManager: state } = cvm.vm;
  for (const [key, account] of Object.entries(pre) as [Hex, AccountState][]) {
    const address = new Address(bytes(key));
    await state.putAccount(address, new Account(BigInt(account.nonce), BigInt(account.balance)));
    await state.putCode(address, bytes(account.code));
    for (const [slot, value] of Object.entries(account.storage) as [Hex, Hex][]) {
      const stored = bytes(value);
      const first = stored.findIndex((b) => b !== 0);
      if (first >= 0) await state.putStorage(address, setLengthLeft(bytes(slot), 32), stored.slice(first));
    }
  }
};

const headerOf = (env: StateTest['env'], common: Common) => {
  const of = (name: string): Hex => env[name] ?? '0x0';
  return {
    number: of('currentNumber'),
    coinbase: of('currentCoinbase'),
    gasLimit: of('currentGasLimit'),
    timestamp: of('currentTimestamp'),
    ...(common.isActivatedEIP(4399) ? { mixHash: of('currentRandom') } : { difficulty: of('currentDifficulty') }),
    ...(common.isActivatedEIP(1559) ? { baseFeePerGas: of('currentBaseFee') } : {}),
    ...(common.isActivatedEIP(4844) ? { excessBlobGas: of('currentExcessBlobGas') } : {}),
  };
};

/**
 * Runs one case in an EVM that has INFER, INFERARRAY and the precompiles.
 * @returns what is wrong; undefined when root and logs are those of Ethereum
 */
export const runCase = async (test: StateTest, fork: Fork, post: Post): Promise<string | undefined> => {
  const common = createCustomCommon({ chainId: 1 }, Mainnet, { hardfork: FORKS[fork] });
  const cvm = await Cvm.create({ common, engine: NO_ENGINE });
  await fill(cvm, test.pre);
  const header = headerOf(test.env, common);
  let logs: Uint8Array = keccak_256(RLP.encode([]));
  let refused: string | undefined;
  try {
    const block = createBlock({ header }, { common, setHardfork: false, skipConsensusFormatValidation: true });
    const tx = createTxFromRLP(bytes(post.txbytes), { common });
    const { execResult } = await cvm.runTx({ tx, block });
    logs = keccak_256(RLP.encode(execResult.logs ?? []));
  } catch (error) {
    refused = error instanceof Error ? error.message : String(error);
  }
  if (refused !== undefined && post.expectException === undefined) return `the transaction was refused: ${refused}`;
  if (refused === undefined && post.expectException !== undefined) return `the transaction ran, but ${post.expectException} was expected`;
  const root = bytesToHex(await cvm.vm.stateManager.getStateRoot());
  if (root !== post.hash) return `state root is ${root}, expected ${post.hash}`;
  return bytesToHex(logs) === post.logs ? undefined : `hash of the logs is ${bytesToHex(logs)}, expected ${post.logs}`;
};
