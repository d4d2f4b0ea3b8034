import { createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common';
import { diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { Pause } from './pause.ts';
import { Peer, PeerError } from './peer.ts';

/** What a node takes over from the chain that it is going to follow. */
export interface Joined {
  /** Seconds since 1970; all else of the genesis follows from parameters, and is compared when the node is there. */
  readonly genesisTime: number;
}

const LONGEST_WAIT_MS = 5_000;

/**
 * Asks peers for the time of their genesis until one answers.
 * @param signal - ends the waiting
 */
export const joinChain = async (
  urls: readonly string[],
  chainId: number,
  signal: AbortSignal,
  tell: (line: string) => void,
): Promise<Result<Joined | undefined>> => {
  const common = createCustomCommon({ chainId, name: 'cortex-dev' }, Mainnet, { hardfork: Hardfork.Cancun });
  const pause = new Pause();
  signal.addEventListener('abort', () => pause.wake());
  const told = new Map<string, string>();
  for (let wait = 100; !signal.aborted; wait = Math.min(LONGEST_WAIT_MS, 2 * wait)) {
    for (const url of urls)
      try {
        const peer = new Peer(url, signal);
        const { agreed } = await peer.describe();
        if (agreed['chain id'] !== String(chainId))
          return fail(
            diagnostic('NOD0051', `${url} is a node of another chain: chain id is ${chainId} here and ${String(agreed['chain id']).slice(0, 40)} there`, {
              notes: ['Give the number of its chain: --chain-id.'],
            }),
          ); // biome-ignore format: texts
        const [genesis] = (await peer.blocks({ common }, 0, 1)).blocks;
        if (genesis === undefined) throw new PeerError('lying', 'it has no genesis');
        return ok({ genesisTime: Number(genesis.header.timestamp) });
      } catch (error) {
        if (!(error instanceof PeerError)) throw error;
        if (signal.aborted) break;
        if (told.get(url) !== error.message) tell(`${url}: ${error.message}; it is asked again`);
        told.set(url, error.message);
      }
    await pause.wait(wait);
  }
  return ok(undefined);
};
