import { createTransports, type DevNode, Sharing, type StoredPackage, type Transport } from '../../../node/index.ts';
import { ok, type Result } from '../../../support/index.ts';
import type { TransportArgs } from '../../transport-options.ts';

/** Ways to other stores that are open. */
export interface Ways {
  readonly transports: readonly Transport[];
  /** What is told when the node starts. */
  readonly facts: readonly (readonly [string, string])[];
  readonly close: () => Promise<void>;
}

/**
 * Opens the ways that are asked for and offers what the node has, and what it gets from then on.
 * @param folder - of the packages: the node's key among IPFS peers is kept there. Errors: NOD0040, NOD0041
 */
export const openWays = async (
  args: TransportArgs,
  node: DevNode,
  folder: string | undefined,
  tell: (line: string) => void,
): Promise<Result<Ways>> => {
  const opened = await createTransports({ ...args, folder });
  if (!opened.ok) return opened;
  const { all, torrent, addresses, close } = opened.value;
  if (all.length === 0) return ok({ transports: all, facts: [], close });
  const sharing = new Sharing({ transports: all, tell });
  node.sharing = sharing;
  const stored: readonly StoredPackage[] = (await node.objects.packages?.()) ?? [];
  for (const { hash } of stored) void sharing.offer(hash, () => node.objects.package(hash));
  const facts: (readonly [string, string])[] = addresses.map((address, i) => [i === 0 ? 'ipfs' : '', address]);
  if (torrent !== undefined) facts.push(['torrent', `${args.torrent?.host ?? ''}:${torrent.port}`]);
  if (args.kubo !== undefined) facts.push(['ipfs api', args.kubo.api]);
  return ok({ transports: all, facts, close });
};
