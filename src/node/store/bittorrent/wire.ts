import type { Socket } from 'node:net';
import { joinBytes, toHex } from '../../../support/index.ts';
import { reasonOf, TransferError } from '../transfer.ts';
import { bencode, type Bencoded, bytesOf, readBencode } from './bencode.ts';

/** Bytes of a block that peers ask for. Source: BEP 3; more than 16 KiB is refused by clients. */
export const BLOCK_BYTES = 2 ** 14;
/** Longest message that is taken: a block with its head takes a little more than 16 KiB, and some clients send lists of extensions. */
const MAX_MESSAGE_BYTES = 2 ** 17;
/** A bit for each piece of the longest torrent that is made here. */
const MAX_BITFIELD_BYTES = 512;
/** Requests that a peer may have open; who has more is left. */
const MAX_REQUESTS = 1024;
/** Bytes that wait in a socket before the next block is read. */
const MAX_WAITING_BYTES = 2 ** 18;
/** A bitfield, haves and pieces of what was taken back are no reason to close; a flood of them is. */
const MAX_IDLE_MESSAGES = 100_000;

const PROTOCOL = bytesOf('\u0013BitTorrent protocol');
const HANDSHAKE_BYTES = 68;
/** Number of the message of BEP 9 on our side. */
const OUR_METADATA = 1;

const ID = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  extended: 20,
} as const;

export interface BlockRequest {
  readonly piece: number;
  readonly offset: number;
  readonly length: number;
}

/** What a peer does, as it comes; each may throw {@link TransferError} to leave the peer. */
export interface WireEvents {
  /** @returns false when there is nothing for this infohash here */
  readonly handshake: (infoHash: Uint8Array, peerId: Uint8Array) => boolean;
  readonly extensions: (metadataSize: number | undefined) => void;
  readonly choked: (choked: boolean) => void;
  readonly has: (pieces: (index: number) => boolean) => void;
  readonly have: (piece: number) => void;
  readonly block: (piece: number, offset: number, bytes: Uint8Array) => void;
  readonly metadata: (index: number, bytes: Uint8Array | undefined) => void;
  /** Looks up what is asked for. @returns undefined where it is not there */
  readonly serve: (request: BlockRequest) => Promise<Uint8Array | undefined>;
  readonly serveMetadata: (index: number) => { readonly bytes: Uint8Array; readonly total: number } | undefined;
  readonly closed: (why: string) => void;
}

const word = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
const words = (...values: readonly number[]): Uint8Array => joinBytes(values.map(word));
const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * The peer protocol of BitTorrent (BEP 3) with the extension protocol (BEP 10) and metadata (BEP 9) over a socket. The length of a message is looked at before anything of it
 * is kept; blocks are read when the socket has sent those before.
 */
export class Wire {
  private readonly socket: Socket;
  private readonly events: WireEvents;
  private buffered: Uint8Array[] = [];
  private bufferedBytes = 0;
  private shaken = false;
  private ended = false;
  private messages = 0;
  private theirMetadata = 0;
  private extends = false;
  private readonly requests: BlockRequest[] = [];
  private serving = false;

  constructor(socket: Socket, events: WireEvents, handshakeMs: number, idleMs: number) {
    this.socket = socket;
    this.events = events;
    const clock = setTimeout(() => this.close(`no handshake came within ${handshakeMs / 1000} s`), handshakeMs);
    socket.setNoDelay(true);
    socket.setTimeout(idleMs, () => this.close(`nothing came or went for ${idleMs / 1000} s`));
    socket.on('data', (bytes: Uint8Array) => {
      if (this.ended) return;
      try {
        this.take(bytes);
        if (this.shaken) clearTimeout(clock);
      } catch (error) {
        this.close(reasonOf(error));
      }
    });
    socket.on('error', (error) => this.close(reasonOf(error)));
    socket.on('close', () => {
      clearTimeout(clock);
      this.close('the peer closed the connection');
    });
    socket.on('drain', () => void this.serve());
  }

  close(why: string): void {
    if (this.ended) return;
    this.ended = true;
    this.buffered = [];
    this.requests.length = 0;
    this.socket.destroy();
    this.events.closed(why);
  }

  get isOpen(): boolean {
    return !this.ended;
  }

  private send(...parts: readonly Uint8Array[]): void {
    if (!this.ended) this.socket.write(joinBytes(parts));
  }

  private message(id: number, ...parts: readonly Uint8Array[]): void {
    const length = parts.reduce((n, p) => n + p.length, 1);
    this.send(word(length), Uint8Array.of(id), ...parts);
  }

  sendHandshake(infoHash: Uint8Array, peerId: Uint8Array): void {
    const reserved = new Uint8Array(8);
    reserved[5] = 0x10;
    this.send(PROTOCOL, reserved, infoHash, peerId);
  }

  /** Says that metadata can be asked for. @param total - of ours; left out when there is none yet */
  sendExtensions(total: number | undefined): void {
    const fields = new Map<string, Bencoded>([['m', new Map([['ut_metadata', OUR_METADATA]])]]);
    if (total !== undefined) fields.set('metadata_size', total);
    if (this.extends) this.message(ID.extended, Uint8Array.of(0), bencode(fields));
  }

  sendBitfield(count: number, has: (index: number) => boolean): void {
    const bits = new Uint8Array(Math.ceil(count / 8));
    for (let i = 0; i < count; i++) if (has(i)) bits[i >> 3] = (bits[i >> 3] ?? 0) | (0x80 >> (i & 7));
    this.message(ID.bitfield, bits);
  }

  sendUnchoke(): void {
    this.message(ID.unchoke);
  }
  sendInterested(): void {
    this.message(ID.interested);
  }
  sendHave(piece: number): void {
    this.message(ID.have, word(piece));
  }
  sendRequest({ piece, offset, length }: BlockRequest): void {
    this.message(ID.request, words(piece, offset, length));
  }

  /** @returns false when the peer does not answer such */
  askMetadata(index: number): boolean {
    if (this.theirMetadata === 0) return false;
    this.message(
      ID.extended,
      Uint8Array.of(this.theirMetadata),
      bencode(
        new Map([
          ['msg_type', 0],
          ['piece', index],
        ]),
      ),
    );
    return true;
  }

  private take(bytes: Uint8Array): void {
    this.buffered.push(bytes);
    this.bufferedBytes += bytes.length;
    for (;;) {
      if (this.ended) return;
      if (!this.shaken) {
        if (this.bufferedBytes < PROTOCOL.length) return;
        const front = this.peek(Math.min(this.bufferedBytes, HANDSHAKE_BYTES));
        if (toHex(front.subarray(0, PROTOCOL.length)) !== toHex(PROTOCOL))
          throw new TransferError('what came is no handshake of BitTorrent');
        if (front.length < HANDSHAKE_BYTES) return;
        const shake = this.shift(HANDSHAKE_BYTES).slice();
        this.shaken = true;
        this.extends = ((shake[25] ?? 0) & 0x10) !== 0;
        if (!this.events.handshake(shake.subarray(28, 48), shake.subarray(48)))
          throw new TransferError('the peer asks for another torrent');
        continue;
      }
      if (this.bufferedBytes < 4) return;
      const length = view(this.peek(4)).getUint32(0);
      if (length > MAX_MESSAGE_BYTES)
        throw new TransferError(`a message says to have ${length} bytes but at most ${MAX_MESSAGE_BYTES} are taken`);
      if (this.bufferedBytes < 4 + length) return;
      this.shift(4);
      if (length > 0) this.handle(this.shift(length));
    }
  }

  private peek(count: number): Uint8Array {
    if ((this.buffered[0]?.length ?? 0) < count) this.buffered = [joinBytes(this.buffered)];
    return (this.buffered[0] ?? new Uint8Array(0)).subarray(0, count);
  }

  private shift(count: number): Uint8Array {
    const bytes = this.peek(count);
    const rest = (this.buffered[0] ?? bytes).subarray(count);
    if (rest.length === 0) this.buffered.shift();
    else this.buffered[0] = rest;
    this.bufferedBytes -= count;
    return bytes;
  }

  private handle(message: Uint8Array): void {
    const id = message[0];
    const body = message.subarray(1);
    const numbers = (count: number): readonly number[] => {
      if (body.length < 4 * count) throw new TransferError(`message ${id} has ${body.length} bytes but needs ${4 * count}`);
      return Array.from({ length: count }, (_, i) => view(body).getUint32(4 * i));
    };
    if (id !== ID.piece && id !== ID.request && ++this.messages > MAX_IDLE_MESSAGES)
      throw new TransferError(`the peer sent ${this.messages} messages that bring nothing`);
    switch (id) {
      case ID.choke:
      case ID.unchoke:
        return this.events.choked(id === ID.choke);
      case ID.have:
        return this.events.have(numbers(1)[0] ?? 0);
      case ID.bitfield: {
        const bits = body.slice();
        if (body.length > MAX_BITFIELD_BYTES)
          throw new TransferError(`a bitfield of ${body.length} bytes but torrents here have ${MAX_BITFIELD_BYTES}`);
        return this.events.has((i) => ((bits[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0);
      }
      case ID.request: {
        const [piece = 0, offset = 0, length = 0] = numbers(3);
        if (length > 8 * BLOCK_BYTES || length === 0) throw new TransferError(`the peer asks for a block of ${length} bytes`);
        if (this.requests.length >= MAX_REQUESTS) throw new TransferError(`the peer has more than ${MAX_REQUESTS} requests open`);
        this.requests.push({ piece, offset, length });
        void this.serve();
        return;
      }
      case ID.cancel: {
        const [piece, offset, length] = numbers(3);
        const open = this.requests.findIndex((r) => r.piece === piece && r.offset === offset && r.length === length);
        if (open >= 0) this.requests.splice(open, 1);
        return;
      }
      case ID.piece: {
        const [piece = 0, offset = 0] = numbers(2);
        return this.events.block(piece, offset, body.subarray(8));
      }
      case ID.extended:
        return this.extended(body);
      default:
      // interest is taken for granted, and what is not known is passed over
    }
  }

  private extended(body: Uint8Array): void {
    const read = readBencode(body.subarray(1));
    if (read === undefined || !(read.value instanceof Map)) throw new TransferError('an extension message is no dictionary');
    const fields = read.value as ReadonlyMap<string, Bencoded>;
    const number = (from: ReadonlyMap<string, Bencoded>, key: string): number | undefined => {
      const value = from.get(key);
      return typeof value === 'number' ? value : undefined;
    };
    if (body[0] === 0) {
      const known = fields.get('m');
      const their = known instanceof Map ? number(known as ReadonlyMap<string, Bencoded>, 'ut_metadata') : undefined;
      this.theirMetadata = their !== undefined && their > 0 && their < 256 ? their : 0;
      return this.events.extensions(this.theirMetadata === 0 ? undefined : number(fields, 'metadata_size'));
    }
    if (body[0] !== OUR_METADATA) return;
    const index = number(fields, 'piece') ?? 0;
    const kind = number(fields, 'msg_type');
    if (kind === 0) {
      const served = this.events.serveMetadata(index);
      const answer = new Map<string, Bencoded>([
        ['msg_type', served === undefined ? 2 : 1],
        ['piece', index],
      ]);
      if (served !== undefined) answer.set('total_size', served.total);
      if (this.theirMetadata > 0 && this.socket.writableLength <= MAX_WAITING_BYTES)
        this.message(ID.extended, Uint8Array.of(this.theirMetadata), bencode(answer), served?.bytes ?? new Uint8Array(0));
    } else if (kind === 1 || kind === 2) this.events.metadata(index, kind === 1 ? body.subarray(1 + read.end) : undefined);
  }

  private async serve(): Promise<void> {
    if (this.serving) return;
    this.serving = true;
    try {
      while (!this.ended && this.socket.writableLength <= MAX_WAITING_BYTES) {
        const request = this.requests.shift();
        if (request === undefined) return;
        const bytes = await this.events.serve(request);
        if (bytes !== undefined) this.message(ID.piece, words(request.piece, request.offset), bytes);
      }
    } catch (error) {
      this.close(reasonOf(error));
    } finally {
      this.serving = false;
    }
  }
}
