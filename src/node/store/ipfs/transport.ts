import type { PeerId } from '@libp2p/interface';
import { blockCid, type BlockName, blockPlaces } from '../../../cvm-bytecode/index.ts';
import { type ByteSource, ok, type Result, toHex } from '../../../support/index.ts';
import type { Transport, Wanted } from '../contract.ts';
import { SizeChoice } from '../size-choice.ts';
import { checkSignal, reasonOf, TransferError, within } from '../transfer.ts';
import { assemble, fileSizes, MAX_BLOCK_BYTES, storageHint } from './assemble.ts';
import { Bitswap } from './bitswap.ts';
import { type P2p, type P2pOptions, startP2p } from './load.ts';
import { BlockShelf } from './shelf.ts';

/** Peers that are tried for a package at most: hints are written by anyone. */
const MAX_PEERS = 16;
const IDLE_MS = 20_000;
const DIAL_MS = 10_000;

export interface IpfsOptions extends P2pOptions {
  /** Multiaddresses with `/p2p/` that are asked for every package. */
  readonly peers?: readonly string[];
  /** How long a peer may leave a want unanswered before it is left; 20 s unless it says otherwise. */
  readonly idleMs?: number;
}

/** Addresses of peers, by TCP and with the peer's name: what is behind them is known to be that peer. */
export const PEER_ADDRESS = /^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+\/p2p\/[A-Za-z0-9]+$/;

interface Asked {
  readonly id: PeerId;
  readonly lacks: Set<string>;
  busy: number;
  /** When it last sent a block, by the clock of the process. */
  heard: number;
}

/** Asks peers for blocks; those that lie or are silent are left for the rest of the fetch. */
class Askers {
  private readonly bitswap: Bitswap;
  private readonly idleMs: number;
  private readonly peers: Asked[];
  readonly problems: string[] = [];

  constructor(bitswap: Bitswap, idleMs: number, ids: readonly PeerId[]) {
    this.bitswap = bitswap;
    this.idleMs = idleMs;
    this.peers = ids.map((id) => ({ id, lacks: new Set(), busy: 0, heard: 0 }));
  }

  async get(name: BlockName, atMost: number, signal: AbortSignal): Promise<Uint8Array> {
    const key = toHex(name.digest);
    for (;;) {
      checkSignal(signal);
      const able = this.peers.filter((p) => !p.lacks.has(key));
      const peer = able.reduce<Asked | undefined>((a, b) => (a === undefined || b.busy < a.busy ? b : a), undefined);
      if (peer === undefined)
        throw new TransferError(`no peer has ${blockCid(name)}${this.problems.length === 0 ? '' : `; ${this.problems.join('; ')}`}`);
      peer.busy++;
      try {
        const block = await this.answer(peer, this.bitswap.want(peer.id, name), signal);
        if (block === undefined) peer.lacks.add(key);
        else if (block.length <= atMost) return block;
        else throw new TransferError(`block ${blockCid(name)} has ${block.length} bytes but at most ${atMost} are taken`);
      } catch (error) {
        this.bitswap.cancel(peer.id, name);
        checkSignal(signal);
        this.drop(peer.id, reasonOf(error));
      } finally {
        peer.busy--;
      }
    }
  }

  /** A peer with much to send is not silent while other blocks of it come. */
  private async answer(peer: Asked, want: Promise<Uint8Array | undefined>, signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (let asked = performance.now(); ; asked = peer.heard) {
      try {
        const block = await within(want, this.idleMs, signal, `peer ${peer.id.toString()}`);
        peer.heard = performance.now();
        return block;
      } catch (error) {
        if (peer.heard <= asked || signal.aborted) throw error;
      }
    }
  }

  private drop(id: PeerId, why: string): void {
    const at = this.peers.findIndex((p) => p.id.equals(id));
    if (at < 0) return;
    this.peers.splice(at, 1);
    this.problems.push(`peer ${id.toString()} was left: ${why}`);
  }
}

/** IPFS as a transport, and where its peers reach it. */
export interface Ipfs extends Transport {
  readonly addresses: () => readonly string[];
}

class IpfsTransport implements Ipfs {
  readonly name = 'ipfs';
  private readonly p2p: P2p;
  private readonly options: IpfsOptions;
  private readonly shelf: BlockShelf;
  private readonly bitswap: Bitswap;
  private readonly idleMs: number;
  private readonly sizes = new SizeChoice();

  constructor(p2p: P2p, shelf: BlockShelf, bitswap: Bitswap, options: IpfsOptions) {
    this.p2p = p2p;
    this.shelf = shelf;
    this.bitswap = bitswap;
    this.options = options;
    this.idleMs = options.idleMs ?? IDLE_MS;
  }

  offer(hash: Uint8Array, file: ByteSource): Promise<readonly string[]> {
    const places = blockPlaces(file);
    const refuse = (why: string) =>
      Promise.reject<readonly string[]>(new TransferError(`${toHex(hash)} cannot be offered by IPFS: ${why}`));
    if (!places.ok) return refuse(places.diagnostics.map((d) => `${d.code} ${d.message}`).join('; '));
    const long = places.value.find((p) => p.length > MAX_BLOCK_BYTES);
    if (long !== undefined) return refuse(`a block has ${long.length} bytes but peers take ${MAX_BLOCK_BYTES}`);
    const [root, second] = places.value;
    if (root === undefined || toHex(root.name.digest) !== toHex(hash)) return refuse('its first block is another root');
    this.shelf.add(hash, file, places.value);
    const storage = second?.name.kind === 'record' ? [storageHint(second.name, file.size)] : [];
    return Promise.resolve([...this.addresses(), ...storage]);
  }

  withdraw(hash: Uint8Array): Promise<void> {
    this.shelf.remove(hash);
    return Promise.resolve();
  }

  private async ask(wanted: Wanted, signal: AbortSignal): Promise<Askers> {
    const addresses = [...new Set([...(this.options.peers ?? []), ...wanted.hints])]
      .filter((hint) => PEER_ADDRESS.test(hint))
      .slice(0, MAX_PEERS);
    const problems: string[] = [];
    const dialled = await Promise.all(
      addresses.map(async (address) => {
        try {
          const connection = await within(this.p2p.libp2p.dial(this.p2p.multiaddr(address), { signal }), DIAL_MS, signal, address);
          return [connection.remotePeer];
        } catch (error) {
          problems.push(`${address}: ${reasonOf(error)}`);
          return [];
        }
      }),
    );
    checkSignal(signal);
    const ids = new Map(dialled.flat().map((id) => [id.toString(), id]));
    if (ids.size === 0)
      throw new TransferError(
        addresses.length === 0 ? 'no hint is the address of an IPFS peer' : `no IPFS peer answers: ${problems.join('; ')}`,
      );
    return new Askers(this.bitswap, this.idleMs, [...ids.values()]);
  }

  async sizeOf(wanted: Wanted, signal: AbortSignal): Promise<number | undefined> {
    const askers = await this.ask(wanted, signal);
    const sizes = await fileSizes(wanted, (name, atMost, all) => askers.get(name, atMost, all), signal);
    return this.sizes.choose(wanted.hash, wanted.size, sizes);
  }

  async fetch(...[wanted, draft, signal]: Parameters<Transport['fetch']>): Promise<void> {
    const askers = await this.ask(wanted, signal);
    try {
      await assemble(wanted, draft, (name, atMost, all) => askers.get(name, atMost, all), signal);
    } catch (error) {
      this.sizes.failed(wanted.hash, wanted.size);
      throw error;
    }
  }

  addresses(): readonly string[] {
    return this.p2p.libp2p.getMultiaddrs().map((address) => address.toString());
  }

  async close(): Promise<void> {
    this.bitswap.stop();
    await this.p2p.libp2p.stop();
  }
}

/** Blocks by Bitswap from peers that are named, and to whoever asks. Errors: NOD0040, NOD0041 */
export const createIpfs = async (options: IpfsOptions): Promise<Result<Ipfs>> => {
  const p2p = await startP2p(options);
  if (!p2p.ok) return p2p;
  const shelf = new BlockShelf();
  const bitswap = new Bitswap(p2p.value.libp2p, (name) => shelf.read(name), options.idleMs ?? IDLE_MS);
  await bitswap.start();
  return ok(new IpfsTransport(p2p.value, shelf, bitswap, options));
};
