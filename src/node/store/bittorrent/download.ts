import { PackageStream } from '../../../cvm-bytecode/index.ts';
import { toHex } from '../../../support/index.ts';
import type { PackageDraft, Wanted } from '../contract.ts';
import { hasRange, TransferError } from '../transfer.ts';
import { infoLength, readTorrent, sha1, type Torrent } from './metainfo.ts';
import type { Holding, Session, Swarm } from './session.ts';
import { BLOCK_BYTES, type BlockRequest } from './wire.ts';

/** Pieces that one peer brings at the same time. With the piece length and the peers, the bound of what is held. */
const PIECES_PER_PEER = 2;
/** Peers of a piece when there is no other left to ask for. */
const PEERS_PER_PIECE = 2;
/** Peers that bring pieces at the same time; others wait. */
const MAX_ACTIVE = 8;
const MAX_PROBLEMS = 16;

interface Coming {
  readonly bytes: Uint8Array;
  readonly started: number;
  missing: number;
}

interface Active {
  readonly pieces: Map<number, Coming>;
  /** Pieces that are being written. */
  writing: number;
}

/**
 * Fetches one torrent into a draft. A piece comes from one peer, so that it is known who sent a wrong one; what has come is held against the model hash as soon as the pieces before
 * it are there, so that a torrent of something else is found out at its beginning.
 */
export class Download implements Swarm {
  readonly infoHash: Uint8Array;
  readonly done: Promise<void>;
  private readonly wanted: Wanted;
  private readonly draft: PackageDraft;
  private readonly stallMs: number;
  private readonly active = new Map<Session, Active>();
  private readonly stream = new PackageStream();
  private readonly problems: string[] = [];
  private readonly clock: ReturnType<typeof setInterval>;
  private readonly settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
  private torrent: Torrent | undefined;
  private metadataFrom: { readonly session: Session; readonly parts: Uint8Array[] } | undefined;
  /** Peers that have the info dictionary, to be asked one after another. */
  private readonly metadataOffers = new Set<Session>();
  private had = new Uint8Array(0);
  private ready = false;
  private checking = false;
  private checked = 0;
  private progress = performance.now();
  private ended = false;
  /** Connections that are being opened. */
  connecting = 0;

  constructor(infoHash: Uint8Array, wanted: Wanted, draft: PackageDraft, stallMs: number) {
    this.infoHash = infoHash;
    this.wanted = wanted;
    this.draft = draft;
    this.stallMs = stallMs;
    let settle: typeof this.settle | undefined;
    this.done = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.settle = settle as unknown as typeof this.settle;
    this.clock = setInterval(() => this.look(), Math.max(50, stallMs / 4));
  }

  /** Ends the fetch; what has come stays in the draft. */
  end(error?: unknown): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.clock);
    for (const session of this.active.keys()) session.close('the transfer has ended');
    if (error === undefined) this.settle.resolve();
    else this.settle.reject(error);
  }

  problem(words: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(words);
  }

  /** Ends the fetch when there is nobody left to ask. */
  giveUp(): void {
    // seeders leave who has all pieces, which are still being checked then
    const complete = this.ready && this.had.every((state) => state !== 0);
    if (this.active.size === 0 && this.connecting === 0 && !this.ended && !complete)
      this.end(new TransferError(this.words('no peer is left')));
  }

  private words(front: string): string {
    return this.problems.length === 0 ? front : `${front}: ${this.problems.join('; ')}`;
  }

  holding(): Holding | undefined {
    const { torrent } = this;
    if (torrent === undefined || !this.ready) return undefined;
    return { torrent, has: (piece) => this.had[piece] === 1, read: (offset, length) => this.draft.read(offset, length) };
  }

  joined(session: Session): void {
    if (this.ended || this.active.size >= MAX_ACTIVE * 4) return session.close('there are peers enough');
    this.active.set(session, { pieces: new Map(), writing: 0 });
  }

  left(session: Session, why: string): void {
    this.active.delete(session);
    if (this.ended) return;
    this.problem(`${session.address}: ${why}`);
    this.metadataOffers.delete(session);
    if (this.metadataFrom?.session === session) this.metadataFrom = undefined;
    this.askMetadata();
    for (const other of this.active.keys()) this.changed(other);
    this.giveUp();
  }

  metadataSize(session: Session, size: number | undefined): void {
    if (this.torrent !== undefined || size === undefined) return;
    const expected = infoLength(this.wanted.size);
    if (size !== expected)
      throw new TransferError(`its info dictionary has ${size} bytes but that of a package of ${this.wanted.size} bytes has ${expected}`);
    this.metadataOffers.add(session);
    this.askMetadata();
  }

  private askMetadata(): void {
    const [session] = this.metadataOffers;
    if (this.torrent !== undefined || this.metadataFrom !== undefined || session === undefined) return;
    this.metadataOffers.delete(session);
    this.metadataFrom = { session, parts: [] };
    session.heard = performance.now();
    session.askMetadata(0);
  }

  metadata(session: Session, index: number, bytes: Uint8Array | undefined): void {
    const from = this.metadataFrom;
    if (from?.session !== session || this.torrent !== undefined) return;
    const expected = infoLength(this.wanted.size);
    const left = expected - index * BLOCK_BYTES;
    if (bytes === undefined || index !== from.parts.length || bytes.length !== Math.min(BLOCK_BYTES, left))
      throw new TransferError(`it does not send piece ${from.parts.length} of the info dictionary`);
    from.parts.push(bytes.slice());
    session.heard = performance.now();
    if (left > BLOCK_BYTES) return void session.askMetadata(index + 1);
    const info = new Uint8Array(expected);
    from.parts.forEach((part, i) => info.set(part, i * BLOCK_BYTES));
    this.metadataFrom = undefined;
    if (toHex(sha1(info)) !== toHex(this.infoHash))
      throw new TransferError(`its info dictionary has the digest ${toHex(sha1(info))}, not that of the hint`);
    const torrent = readTorrent(info, this.wanted.hash, this.wanted.size);
    if (torrent === undefined) return this.end(new TransferError('the torrent of the hint is not the one that packages have'));
    this.torrent = torrent;
    this.start(torrent).catch((error: unknown) => this.end(error));
  }

  /** Looks at what the draft has, piece by piece. */
  private async start(torrent: Torrent): Promise<void> {
    this.had = new Uint8Array(torrent.pieceCount);
    for (let piece = 0; piece < torrent.pieceCount && !this.ended; piece++) {
      const { start, length } = this.rangeOf(torrent, piece);
      if (!hasRange(this.draft, start, length)) continue;
      const bytes = await this.draft.read(start, length);
      if (bytes.length === length && toHex(sha1(bytes)) === toHex(torrent.piece(piece))) this.had[piece] = 1;
    }
    if (this.ended) return;
    this.ready = true;
    this.progress = performance.now();
    for (const session of this.active.keys()) {
      session.heard = this.progress;
      this.changed(session);
    }
    await this.check(torrent);
  }

  private rangeOf(torrent: Torrent, piece: number): { readonly start: number; readonly length: number } {
    const start = piece * torrent.pieceLength;
    return { start, length: Math.min(torrent.pieceLength, torrent.size - start) };
  }

  /** Gives a peer the next pieces to bring. */
  changed(session: Session): void {
    const { torrent } = this;
    const mine = this.active.get(session);
    if (torrent === undefined || !this.ready || this.ended || mine === undefined || !session.isReady) return;
    const busy = [...this.active.values()].filter((a) => a.pieces.size > 0).length;
    if (mine.pieces.size === 0 && busy >= MAX_ACTIVE) return;
    while (mine.pieces.size + mine.writing < PIECES_PER_PEER) {
      const piece = this.nextPiece(torrent, session, 1) ?? this.nextPiece(torrent, session, PEERS_PER_PIECE);
      if (piece === undefined) return;
      const { length } = this.rangeOf(torrent, piece);
      if (mine.pieces.size === 0) session.heard = performance.now();
      mine.pieces.set(piece, { bytes: new Uint8Array(length), started: performance.now(), missing: Math.ceil(length / BLOCK_BYTES) });
      session.ask(torrent, piece);
    }
  }

  /** The first piece that is missing, that the peer has, and that fewer than so many peers bring. */
  private nextPiece(torrent: Torrent, session: Session, peers: number): number | undefined {
    for (let piece = this.checked; piece < torrent.pieceCount; piece++) {
      if (this.had[piece] !== 0 || !session.has(piece)) continue;
      let bringing = 0;
      for (const { pieces } of this.active.values()) if (pieces.has(piece)) bringing++;
      if (bringing < peers && this.active.get(session)?.pieces.has(piece) !== true) return piece;
    }
    return undefined;
  }

  block(session: Session, { piece, offset }: BlockRequest, bytes: Uint8Array): void {
    const { torrent } = this;
    const mine = this.active.get(session);
    const coming = mine?.pieces.get(piece);
    if (torrent === undefined || mine === undefined || coming === undefined) return;
    coming.bytes.set(bytes, offset);
    if (--coming.missing > 0) return;
    mine.pieces.delete(piece);
    if (toHex(sha1(coming.bytes)) !== toHex(torrent.piece(piece))) throw new TransferError(`piece ${piece} has another digest`);
    if (this.had[piece] !== 0) return this.changed(session);
    this.had[piece] = 2;
    for (const [other, { pieces }] of this.active) if (pieces.delete(piece)) other.forget(piece);
    mine.writing++;
    this.draft
      .write(piece * torrent.pieceLength, coming.bytes)
      .then(() => {
        mine.writing--;
        this.had[piece] = 1;
        this.progress = performance.now();
        for (const other of this.active.keys()) {
          if (!other.has(piece)) other.tellHave(piece);
          this.changed(other);
        }
        return this.check(torrent);
      })
      .catch((error: unknown) => this.end(error));
  }

  /** Reads what has come without a gap against the model hash. */
  private async check(torrent: Torrent): Promise<void> {
    if (this.checking) return;
    this.checking = true;
    while (this.had[this.checked] === 1 && !this.ended) {
      const { start, length } = this.rangeOf(torrent, this.checked);
      const read = this.stream.push(await this.draft.read(start, length));
      const other = read.ok ? this.otherRoot() : read.diagnostics.map((d) => `${d.code} ${d.message}`).join('; ');
      if (other !== undefined) return this.end(new TransferError(`the torrent of the hint holds something else: ${other}`));
      this.checked++;
      await new Promise((next) => setImmediate(next));
    }
    this.checking = false;
    if (this.checked < torrent.pieceCount || this.ended) return;
    const whole = this.stream.finish();
    this.end(
      whole.ok ? undefined : new TransferError(`the torrent of the hint holds something else: ${whole.diagnostics[0]?.message ?? ''}`),
    );
  }

  private otherRoot(): string | undefined {
    const found = this.stream.front?.modelHash;
    return found === undefined || toHex(found) === toHex(this.wanted.hash) ? undefined : `package ${toHex(found)}`;
  }

  /** Leaves peers that do not bring what they say they have. */
  private look(): void {
    const now = performance.now();
    if (now - this.progress > 4 * this.stallMs)
      return this.end(new TransferError(this.words(`no piece came for ${(4 * this.stallMs) / 1000} s`)));
    // a disk that is slow is no fault of a peer, nor is the look at the draft
    if (this.torrent !== undefined && !this.ready) return;
    for (const [session, { pieces, writing }] of this.active) {
      if (writing > 0 || this.waits(session, pieces.size)) continue;
      const oldest = Math.min(now, ...[...pieces.values()].map((p) => p.started));
      if (now - session.heard > this.stallMs) session.close(`nothing came for ${this.stallMs / 1000} s`);
      else if (now - oldest > 3 * this.stallMs) session.close(`a piece took more than ${(3 * this.stallMs) / 1000} s`);
    }
  }

  /** Whether a peer brings nothing because it has not been asked: it is there when others fail. */
  private waits(session: Session, pieces: number): boolean {
    const { torrent } = this;
    if (torrent === undefined) return this.metadataOffers.has(session);
    if (pieces > 0 || !session.isReady) return false;
    for (let piece = this.checked; piece < torrent.pieceCount; piece++) if (this.had[piece] === 0 && session.has(piece)) return true;
    return false;
  }
}
