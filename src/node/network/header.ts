import type { Block } from '@ethereumjs/block';
import { bytesToHex } from '@ethereumjs/util';
import type { Chain } from '../chain/chain.ts';

const text = (value: unknown): string => (value instanceof Uint8Array ? bytesToHex(value) : String(value));

/**
 * Why no node of this chain makes a block with such a header behind the head; undefined: it may be one. What running the block gives
 * (roots, gas, bloom) is checked by running it.
 */
export const headerProblem = (
  chain: Pick<Chain, 'nextHeader' | 'head'>,
  { header, uncleHeaders, withdrawals }: Block,
): string | undefined => {
  const rules = chain.nextHeader();
  const fields = [
    ['number', rules.number, header.number],
    ['gas limit', rules.gasLimit, header.gasLimit],
    ['base fee', rules.baseFeePerGas, header.baseFeePerGas],
    ['mix hash', rules.mixHash, header.mixHash],
    ['parent beacon root', rules.parentBeaconBlockRoot, header.parentBeaconBlockRoot],
    ['difficulty', 0n, header.difficulty],
    ['extra data', new Uint8Array(0), header.extraData],
    ['number of uncles', 0, uncleHeaders.length],
    ['number of withdrawals', 0, withdrawals?.length ?? 0],
  ] as const;
  for (const [name, expected, found] of fields)
    if (text(expected) !== text(found)) return `${name} is ${text(found)}, but the chain has ${text(expected)}`;
  const parent = chain.head.header.timestamp;
  return header.timestamp > parent ? undefined : `timestamp ${header.timestamp} is not after that of its parent, ${parent}`;
};
