import type { StateManagerInterface } from '@ethereumjs/common';
import { bytesToHex, type PrefixedHexString } from '@ethereumjs/util';
import type { Chain } from '../chain/chain.ts';
import type { CvmParams } from '../evm/params.ts';
import type { Log } from './events.ts';

/** What the catalog takes from a block. */
export interface CatalogBlock {
  readonly number: number;
  readonly hash: string;
  readonly logs: readonly Log[];
  /** Models that its transactions ran; undefined where that is not known any more. */
  readonly models: readonly PrefixedHexString[] | undefined;
}

/** A chain as the catalog sees it. */
export interface CatalogSource {
  readonly params: CvmParams;
  readonly head: () => { readonly number: number; readonly hash: string };
  /** Hash of the block with a number; undefined: there is none. */
  readonly hashOf: (number: number) => Promise<string | undefined>;
  readonly block: (number: number) => Promise<CatalogBlock | undefined>;
  /** Looks at the state of the head. */
  readonly look: <T>(work: (state: StateManagerInterface) => Promise<T>) => Promise<T>;
}

export const chainSource = (chain: Chain): CatalogSource => ({
  params: chain.cvm.params,
  head: () => ({ number: Number(chain.head.header.number), hash: bytesToHex(chain.head.hash()) }),
  hashOf: async (number) => {
    const block = await chain.block(number);
    return block === undefined ? undefined : bytesToHex(block.hash());
  },
  block: async (number) => {
    const block = await chain.block(number);
    if (block === undefined) return undefined;
    const mined = await chain.transactionsOf(block);
    return {
      number,
      hash: bytesToHex(block.hash()),
      logs: mined.flatMap((m) => m.logs),
      models: mined.some((m) => m.models === undefined) ? undefined : mined.flatMap((m) => m.models ?? []),
    };
  },
  look: (work) => chain.at(chain.head, (cvm) => work(cvm.vm.stateManager)),
});
