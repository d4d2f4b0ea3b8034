import { Address, bytesToHex, type PrefixedHexString } from '@ethereumjs/util';
import { BYTECODE_VERSION } from '../../cvm-bytecode/index.ts';
import { OPERATIONS_PER_ENDORPHIN } from '../../ir/index.ts';
import { sha256 } from '../../support/index.ts';
import type { Chain } from '../chain/chain.ts';
import { REGISTRY_CODE } from '../contracts/registry.ts';
import { SCORES_CODE } from '../contracts/scores.ts';
import { MAX_FEE } from '../evm/meta.ts';
import { MAX_TEST_SET_BYTES } from '../evm/score.ts';
import { quantity } from './fields.ts';

/** What nodes of a chain have to agree on, by name; addresses, numbers and hashes after 0x, the hard fork by its name. */
export type Parameters = Readonly<Record<string, string>>;

const text = (value: unknown): string => {
  if (value instanceof Address) return value.toString();
  return typeof value === 'bigint' || typeof value === 'number' ? quantity(value) : String(value);
};

const codeHash = (code: string): PrefixedHexString => bytesToHex(sha256(code));

/** In the order of their names, which is that of code units. */
const sorted = (entries: readonly (readonly [string, string])[]): Parameters =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

/** Everything that the results of a chain depend on, besides the rules of the hard fork. Whatever is added to `CvmParams` is in it. */
export const parametersOf = (chain: Chain, genesis: Uint8Array): Parameters => {
  const { chainId, gasLimit, uploads } = chain.options;
  return sorted([
    ...Object.entries(chain.cvm.params).map(([name, value]) => [name, text(value)] as const),
    ...Object.entries(uploads).map(([name, value]) => [name, text(value)] as const),
    ['chainId', text(chainId)],
    ['genesis', bytesToHex(genesis)],
    ['hardfork', chain.common.hardfork()],
    ['gasLimit', text(gasLimit)],
    ['bytecodeVersion', text(BYTECODE_VERSION)],
    ['operationsPerEndorphin', text(OPERATIONS_PER_ENDORPHIN)],
    ['maxFee', text(MAX_FEE)],
    ['maxTestSetBytes', text(MAX_TEST_SET_BYTES)],
    ['registryCode', codeHash(REGISTRY_CODE)],
    ['scoresCode', codeHash(SCORES_CODE)],
  ]);
};

/** SHA-256 of a line `name=value` for each parameter: two nodes whose digests differ are not of one chain. */
export const parametersDigest = (parameters: Parameters): PrefixedHexString =>
  bytesToHex(
    sha256(
      Object.entries(parameters)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    ),
  );
