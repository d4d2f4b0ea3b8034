import type { IncomingStreamData, Libp2p, PeerId, Stream } from '@libp2p/interface';
import type { BlockName } from '../../../cvm-bytecode/index.ts';
import { sha256, toHex } from '../../../support/index.ts';
import { reasonOf, TransferError } from '../transfer.ts';
import { framed, HeldBytes, unframed } from './framing.ts';
import { type BitswapMessage, decodeMessage, encodeBlock, encodePresence, encodeWants } from './message.ts';

const PROTOCOL = '/ipfs/bitswap/1.2.0';
/** Streams that a peer may have open here. */
const MAX_STREAMS = 8;
/** Bytes of unfinished messages over all peers. */
const MAX_HELD_BYTES = 2 ** 26;
/** Blocks that a peer may have asked for and not got; who asks for more is left. */
const MAX_WANTS = 4096;
/** Digests that are remembered of what a peer sent, so that a block that comes twice is no lie. */
const MAX_RECENT = 256;
const WANTS_PER_MESSAGE = 64;
/** How long a stream stays open for what may follow. */
const LINGER_MS = 500;

/** Looks a block up. @returns undefined where it is not there or damaged */
export type BlockReader = (name: BlockName) => Uint8Array | undefined;

interface Pending {
  readonly name: BlockName;
  readonly settle: (block: Uint8Array | undefined) => void;
  readonly refuse: (error: TransferError) => void;
}

/** What goes on with one peer. */
interface Peer {
  readonly id: PeerId;
  /** What is wanted of it, by digest. */
  readonly pending: Map<string, Pending>;
  readonly recent: Set<string>;
  /** Wants and cancels that are to be told. */
  readonly outgoing: { readonly name: BlockName; readonly cancel: boolean }[];
  /** What it wants, by digest and kind. */
  readonly wanted: Map<string, { readonly name: BlockName; readonly haveOnly: boolean; readonly tellAbsent: boolean }>;
  sending: boolean;
  /** Tells the open stream that there is more to send. */
  wake: (() => void) | undefined;
}

/**
 * Bitswap between peers that were named: wants go to one peer at a time, so that who lies is known; blocks are read when the stream takes them, one for each peer, so
 * that whoever wants a whole package takes the memory of a block.
 */
export class Bitswap {
  private readonly libp2p: Libp2p;
  private readonly read: BlockReader;
  private readonly idleMs: number;
  private readonly peers = new Map<string, Peer>();
  private readonly held = new HeldBytes(MAX_HELD_BYTES);

  /** @param idleMs - how long a peer may leave a stream as it is */
  constructor(libp2p: Libp2p, read: BlockReader, idleMs: number) {
    this.libp2p = libp2p;
    this.read = read;
    this.idleMs = idleMs;
  }

  async start(): Promise<void> {
    const onStream = (data: IncomingStreamData): void => void this.receive(data).catch(() => {});
    await this.libp2p.handle(PROTOCOL, onStream, { maxInboundStreams: MAX_STREAMS, maxOutboundStreams: MAX_STREAMS });
    this.libp2p.addEventListener('peer:disconnect', (event) => this.forget(event.detail, 'the peer closed the connection'));
  }

  /** Asks a peer for a block. @returns undefined when it says that it has none. Rejects with {@link TransferError} when it lies or goes; never by itself when it is silent */
  want(id: PeerId, name: BlockName): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      const peer = this.peerOf(id);
      peer.pending.set(toHex(name.digest), { name, settle: resolve, refuse: reject });
      this.tell(peer, name, false);
    });
  }

  /** Wants a block no longer. */
  cancel(id: PeerId, name: BlockName): void {
    const peer = this.peers.get(id.toString());
    if (peer?.pending.delete(toHex(name.digest)) === true) this.tell(peer, name, true);
  }

  private peerOf(id: PeerId): Peer {
    const key = id.toString();
    const known = this.peers.get(key);
    if (known !== undefined) return known;
    const peer: Peer = { id, pending: new Map(), recent: new Set(), outgoing: [], wanted: new Map(), sending: false, wake: undefined };
    this.peers.set(key, peer);
    return peer;
  }

  private forget(id: PeerId, why: string): void {
    const peer = this.peers.get(id.toString());
    if (peer === undefined) return;
    this.peers.delete(id.toString());
    peer.wake?.();
    for (const { refuse } of peer.pending.values()) refuse(new TransferError(why));
  }

  /** Ends what waits. */
  stop(): void {
    for (const peer of this.peers.values()) this.forget(peer.id, 'the node ends');
  }

  /** Leaves a peer that does what peers do not. */
  private leave(id: PeerId, why: string): void {
    this.forget(id, why);
    void this.libp2p.hangUp(id).catch(() => {});
  }

  private tell(peer: Peer, name: BlockName, cancel: boolean): void {
    peer.outgoing.push({ name, cancel });
    void this.send(peer);
  }

  private async receive({ stream, connection }: IncomingStreamData): Promise<void> {
    const id = connection.remotePeer;
    try {
      await stream.closeWrite();
      for await (const bytes of unframed(stream.source, this.held)) {
        const message = decodeMessage(bytes);
        if (message === undefined) throw new TransferError('the peer sent what is no message of Bitswap');
        this.take(id, message);
      }
    } catch (error) {
      stream.abort(error instanceof Error ? error : new TransferError(reasonOf(error)));
      if (error instanceof TransferError) this.leave(id, error.message);
    }
  }

  private take(id: PeerId, message: BitswapMessage): void {
    const peer = this.peerOf(id);
    for (const block of message.blocks) this.takeBlock(peer, block);
    for (const { digest } of message.absent) {
      const key = toHex(digest);
      peer.pending.get(key)?.settle(undefined);
      peer.pending.delete(key);
    }
    if (message.full) peer.wanted.clear();
    for (const { name, cancel, haveOnly, tellAbsent } of message.wants) {
      const key = `${haveOnly ? 'have' : 'block'} ${name.kind} ${toHex(name.digest)}`;
      if (cancel) peer.wanted.delete(key);
      else peer.wanted.set(key, { name, haveOnly, tellAbsent });
    }
    if (peer.wanted.size > MAX_WANTS) throw new TransferError(`the peer wants ${peer.wanted.size} blocks at once, more than ${MAX_WANTS}`);
    void this.send(peer);
  }

  private takeBlock(peer: Peer, block: Uint8Array): void {
    if (peer.pending.size === 0 && peer.recent.size === 0) throw new TransferError('the peer sent a block without being asked');
    const key = toHex(sha256(block));
    const pending = peer.pending.get(key);
    if (pending === undefined) {
      // a want that was taken back, or told twice, may still be answered
      if (peer.recent.has(key)) return;
      throw new TransferError(`the peer sent a block of ${block.length} bytes with the digest ${key}, which was not asked for`);
    }
    peer.pending.delete(key);
    this.remember(peer, key);
    pending.settle(block);
  }

  private remember(peer: Peer, key: string): void {
    peer.recent.add(key);
    const [oldest] = peer.recent;
    if (peer.recent.size > MAX_RECENT && oldest !== undefined) peer.recent.delete(oldest);
  }

  /** Sends what there is to send, over a stream that ends with it. */
  private async send(peer: Peer): Promise<void> {
    peer.wake?.();
    if (peer.sending) return;
    peer.sending = true;
    let stream: Stream | undefined;
    let clock: ReturnType<typeof setTimeout> | undefined;
    // no AbortSignal.timeout: what listens to one is held until its time has come, blocks with it
    let opening = new AbortController();
    const wind = (): void => {
      clearTimeout(clock);
      clock = setTimeout(() => {
        opening.abort();
        stream?.abort(new TransferError(`the peer took nothing for ${this.idleMs / 1000} s`));
      }, this.idleMs);
      // it ends what hangs, and is no reason for the process to stay
      clock.unref();
    };
    try {
      while (peer.outgoing.length > 0 || peer.wanted.size > 0) {
        opening = new AbortController();
        wind();
        stream = await this.libp2p.dialProtocol(peer.id, PROTOCOL, { signal: opening.signal });
        await stream.closeRead();
        await stream.sink(this.messages(peer, wind));
        await stream.close();
      }
    } catch (error) {
      stream?.abort(error instanceof Error ? error : new TransferError(reasonOf(error)));
      this.leave(peer.id, `the peer takes no messages: ${reasonOf(error)}`);
    } finally {
      clearTimeout(clock);
      peer.sending = false;
    }
  }

  /** Waits a little for more to send: a stream for each message would be one for each block. @returns whether there is */
  private async more(peer: Peer): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resume) => {
      peer.wake = resume;
      timer = setTimeout(resume, LINGER_MS).unref();
    });
    clearTimeout(timer);
    peer.wake = undefined;
    return this.peers.get(peer.id.toString()) === peer && (peer.outgoing.length > 0 || peer.wanted.size > 0);
  }

  /** The muxer asks for the next message when the peer has room for it. */
  private async *messages(peer: Peer, wind: () => void): AsyncGenerator<Uint8Array> {
    for (;;) {
      wind();
      if (peer.outgoing.length > 0) {
        const wants = peer.outgoing.splice(0, WANTS_PER_MESSAGE);
        for (const { name, cancel } of wants) if (cancel) this.remember(peer, toHex(name.digest));
        yield framed(encodeWants(wants));
        continue;
      }
      const [next] = peer.wanted;
      if (next === undefined) {
        if (await this.more(peer)) continue;
        return;
      }
      const [key, { name, haveOnly, tellAbsent }] = next;
      peer.wanted.delete(key);
      const block = this.read(name);
      if (block !== undefined) yield framed(haveOnly ? encodePresence(name, true) : encodeBlock(name, block));
      else if (tellAbsent) yield framed(encodePresence(name, false));
      // other work of the process gets its turn between blocks
      await new Promise((resume) => setImmediate(resume));
    }
  }
}
