import type { Socket } from 'node:net';
import { toHex } from '../../../support/index.ts';
import { TransferError } from '../transfer.ts';
import type { Torrent } from './metainfo.ts';
import { type BlockRequest, BLOCK_BYTES, Wire } from './wire.ts';

/** What a node has of a torrent, whole or in part. */
export interface Holding {
  readonly torrent: Torrent;
  readonly has: (piece: number) => boolean;
  /** Bytes that are there. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
}

/** A torrent that is fetched or offered: what sessions ask and tell it. */
export interface Swarm {
  readonly infoHash: Uint8Array;
  /** Undefined as long as the info dictionary is not there. */
  readonly holding: () => Holding | undefined;
  readonly joined?: (session: Session) => void;
  readonly metadataSize?: (session: Session, size: number | undefined) => void;
  readonly metadata?: (session: Session, index: number, bytes: Uint8Array | undefined) => void;
  readonly changed?: (session: Session) => void;
  readonly block?: (session: Session, request: BlockRequest, bytes: Uint8Array) => void;
  readonly left?: (session: Session, why: string) => void;
}

export interface SessionOptions {
  readonly peerId: Uint8Array;
  readonly handshakeMs: number;
  readonly idleMs: number;
  /** Finds what an infohash stands for. */
  readonly find: (infoHash: Uint8Array) => Swarm | undefined;
  readonly ended: (session: Session) => void;
}

/** Blocks asked of a peer at the same time: 1 MiB. */
const MAX_IN_FLIGHT = 64;

const keyOf = ({ piece, offset }: BlockRequest): string => `${piece}:${offset}`;

/** A connection to a peer: it gets what it asks for, and what it has is asked for. */
export class Session {
  /** The address that it was reached at, or came from. */
  readonly address: string;
  /** When it last brought a block that was asked for, or joined; by the clock of the process. */
  heard = performance.now();
  private readonly wire: Wire;
  private swarm: Swarm | undefined;
  private choking = true;
  private pieces: (index: number) => boolean = () => false;
  private readonly extra = new Set<number>();
  private readonly queue: BlockRequest[] = [];
  private readonly inFlight = new Map<string, BlockRequest>();

  /** @param swarm - what is wanted of the peer; left out when it came by itself */
  constructor(socket: Socket, address: string, options: SessionOptions, swarm?: Swarm) {
    this.address = address;
    this.swarm = swarm;
    this.wire = new Wire(
      socket,
      {
        handshake: (infoHash, peerId) => this.shake(infoHash, peerId, options),
        extensions: (size) => this.swarm?.metadataSize?.(this, size),
        choked: (choked) => this.choked(choked),
        has: (pieces) => {
          this.pieces = pieces;
          this.swarm?.changed?.(this);
        },
        have: (piece) => {
          // there are no more pieces than a bitfield has bits
          if (piece < 4096) this.extra.add(piece);
          this.swarm?.changed?.(this);
        },
        block: (piece, offset, bytes) => this.block(piece, offset, bytes),
        metadata: (index, bytes) => this.swarm?.metadata?.(this, index, bytes),
        serve: (request) => this.serve(request),
        serveMetadata: (index) => this.serveMetadata(index),
        closed: (why) => {
          this.swarm?.left?.(this, why);
          options.ended(this);
        },
      },
      options.handshakeMs,
      options.idleMs,
    );
    if (swarm !== undefined) this.wire.sendHandshake(swarm.infoHash, options.peerId);
  }

  get isOpen(): boolean {
    return this.wire.isOpen;
  }
  /** Whether it has been asked for what it has not sent. */
  get owes(): boolean {
    return this.inFlight.size > 0;
  }
  get isReady(): boolean {
    return !this.choking && this.isOpen;
  }

  has(piece: number): boolean {
    return this.pieces(piece) || this.extra.has(piece);
  }

  close(why: string): void {
    this.wire.close(why);
  }

  askMetadata(index: number): boolean {
    return this.wire.askMetadata(index);
  }

  tellHave(piece: number): void {
    this.wire.sendHave(piece);
  }

  /** Asks for the blocks of a piece, as many at a time as is usual. */
  ask(torrent: Torrent, piece: number): void {
    const length = Math.min(torrent.pieceLength, torrent.size - piece * torrent.pieceLength);
    for (let offset = 0; offset < length; offset += BLOCK_BYTES)
      this.queue.push({ piece, offset, length: Math.min(BLOCK_BYTES, length - offset) });
    this.pump();
  }

  /** Wants a piece no longer; what is under way is passed over when it comes. */
  forget(piece: number): void {
    for (const [key, request] of this.inFlight) if (request.piece === piece) this.inFlight.delete(key);
    const rest = this.queue.filter((r) => r.piece !== piece);
    this.queue.splice(0, this.queue.length, ...rest);
    this.pump();
  }

  private shake(infoHash: Uint8Array, peerId: Uint8Array, { find, peerId: own }: SessionOptions): boolean {
    if (toHex(peerId) === toHex(own)) throw new TransferError('the address leads back to this node');
    const came = this.swarm === undefined;
    const swarm = this.swarm ?? find(infoHash);
    if (swarm === undefined || toHex(swarm.infoHash) !== toHex(infoHash)) return false;
    this.swarm = swarm;
    if (came) this.wire.sendHandshake(swarm.infoHash, own);
    const holding = swarm.holding();
    if (holding !== undefined) this.wire.sendBitfield(holding.torrent.pieceCount, holding.has);
    this.wire.sendExtensions(holding?.torrent.info.length);
    this.wire.sendUnchoke();
    if (swarm.joined !== undefined) this.wire.sendInterested();
    this.heard = performance.now();
    swarm.joined?.(this);
    return true;
  }

  private choked(choked: boolean): void {
    this.choking = choked;
    if (choked) {
      // what was asked for is not answered any more
      this.queue.unshift(...this.inFlight.values());
      this.inFlight.clear();
    } else this.pump();
    this.swarm?.changed?.(this);
  }

  private pump(): void {
    while (this.isReady && this.inFlight.size < MAX_IN_FLIGHT) {
      const next = this.queue.shift();
      if (next === undefined) return;
      this.inFlight.set(keyOf(next), next);
      this.wire.sendRequest(next);
    }
  }

  private block(piece: number, offset: number, bytes: Uint8Array): void {
    const key = keyOf({ piece, offset, length: bytes.length });
    const request = this.inFlight.get(key);
    // blocks of pieces that another peer brought first
    if (request === undefined) return;
    if (request.length !== bytes.length)
      throw new TransferError(`a block of ${bytes.length} bytes came where ${request.length} were asked for`);
    this.inFlight.delete(key);
    this.heard = performance.now();
    this.swarm?.block?.(this, request, bytes);
    this.pump();
  }

  private async serve({ piece, offset, length }: BlockRequest): Promise<Uint8Array | undefined> {
    const holding = this.swarm?.holding();
    if (holding === undefined || !holding.has(piece)) return undefined;
    const { pieceLength, size } = holding.torrent;
    const start = piece * pieceLength + offset;
    if (offset + length > pieceLength || start + length > size)
      throw new TransferError(`the peer asks for bytes ${start} to ${start + length} of ${size}`);
    const bytes = await holding.read(start, length);
    return bytes.length === length ? bytes : undefined;
  }

  private serveMetadata(index: number): { readonly bytes: Uint8Array; readonly total: number } | undefined {
    const info = this.swarm?.holding()?.torrent.info;
    if (info === undefined || index < 0 || index * BLOCK_BYTES >= info.length) return undefined;
    return { bytes: info.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES), total: info.length };
  }
}
