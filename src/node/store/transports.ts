import { join } from 'node:path';
import { ok, type Result } from '../../support/index.ts';
import { type BitTorrent, createBitTorrent } from './bittorrent/transport.ts';
import type { Transport } from './contract.ts';
import { createKubo } from './ipfs/kubo.ts';
import { createIpfs } from './ipfs/transport.ts';

export interface TransportsOptions {
  /** Bitswap between nodes. */
  readonly ipfs?: { readonly listen: string; readonly peers: readonly string[] } | undefined;
  /** A Kubo daemon. */
  readonly kubo?: { readonly api: string; readonly peers: readonly string[] } | undefined;
  readonly torrent?: { readonly host: string; readonly port: number; readonly address?: string | undefined } | undefined;
  /** Where the key of this node among IPFS peers is kept; a new one each time when left out. */
  readonly folder?: string | undefined;
}

export interface Transports {
  /** In the order in which they are tried. */
  readonly all: readonly Transport[];
  readonly torrent: BitTorrent | undefined;
  /** Multiaddresses of this node among IPFS peers. */
  readonly addresses: readonly string[];
  readonly close: () => Promise<void>;
}

/** Starts the ways to other stores that are asked for. Errors: NOD0040 when a package is not installed, NOD0041 when an address is taken; nothing is left open then. */
export const createTransports = async ({ ipfs, kubo, torrent, folder }: TransportsOptions): Promise<Result<Transports>> => {
  const all: Transport[] = [];
  const close = async (): Promise<void> => {
    for (const transport of all) await transport.close();
  };
  const keyFile = folder === undefined ? undefined : join(folder, 'ipfs.key');
  const host = ipfs === undefined ? undefined : await createIpfs({ ...ipfs, keyFile });
  if (host !== undefined) {
    if (!host.ok) return host;
    all.push(host.value);
  }
  const swarm = torrent === undefined ? undefined : await createBitTorrent(torrent);
  if (swarm !== undefined) {
    if (!swarm.ok) {
      await close();
      return swarm;
    }
    all.push(swarm.value);
  }
  if (kubo !== undefined) all.push(createKubo(kubo));
  return ok({ all, torrent: swarm?.value, addresses: host?.value.addresses() ?? [], close });
};
