import { randomBytes } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type ByteSource, diagnostic, fail, joinBytes, ok, type Result, toHex } from '../../../support/index.ts';
import type { Transport, Wanted } from '../contract.ts';
import { SizeChoice } from '../size-choice.ts';
import { checkSignal, reasonOf, TransferError } from '../transfer.ts';
import { bytesOf } from './bencode.ts';
import { Download } from './download.ts';
import { type Magnet, magnetOf, makeTorrent, readMagnet, type Torrent, torrentFile } from './metainfo.ts';
import { Session, type SessionOptions, type Swarm } from './session.ts';

/** Connections at most, those that come and those that are made. */
const MAX_SESSIONS = 64;
/** Torrents and peers of a package that are tried at most: hints are written by anyone. */
const MAX_TORRENTS = 4;
const MAX_PEERS = 16;
const STALL_MS = 20_000;
/** Peers that are quiet for so long are let go; a client that waits says so every two minutes. */
const IDLE_MS = 180_000;

export interface BitTorrentOptions {
  readonly host: string;
  readonly port: number;
  /** HOST:PORT under which others reach this node, for magnet links; where it listens, if left out. */
  readonly address?: string | undefined;
  /** How long a peer may leave a request unanswered; 20 s unless it says otherwise. */
  readonly stallMs?: number;
}

/** BitTorrent as a transport, and the files that other clients need. */
export interface BitTorrent extends Transport {
  /** The .torrent of a package that is offered. @param announce - a tracker to name in it */
  readonly torrentFile: (hash: Uint8Array, announce?: string) => Uint8Array | undefined;
  readonly port: number;
}

interface Offer extends Swarm {
  readonly torrent: Torrent;
}

class Engine implements BitTorrent {
  readonly name = 'bittorrent';
  readonly port: number;
  private readonly server: Server;
  private readonly options: BitTorrentOptions;
  private readonly session: SessionOptions;
  private readonly stallMs: number;
  private readonly sessions = new Set<Session>();
  private readonly offers = new Map<string, Offer>();
  private readonly downloads = new Map<string, Download>();
  private readonly sizes = new SizeChoice();

  constructor(server: Server, port: number, options: BitTorrentOptions) {
    this.server = server;
    this.port = port;
    this.options = options;
    this.stallMs = options.stallMs ?? STALL_MS;
    this.session = {
      peerId: joinBytes([bytesOf('-CX0100-'), new Uint8Array(randomBytes(12))]),
      handshakeMs: this.stallMs,
      idleMs: IDLE_MS,
      find: (infoHash) => this.downloads.get(toHex(infoHash)) ?? this.offers.get(toHex(infoHash)),
      ended: (session) => this.sessions.delete(session),
    };
    server.on('connection', (socket) => this.came(socket));
  }

  private came(socket: Socket): void {
    if (this.sessions.size >= MAX_SESSIONS) return void socket.destroy();
    this.sessions.add(new Session(socket, `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`, this.session));
  }

  async offer(hash: Uint8Array, file: ByteSource): Promise<readonly string[]> {
    const torrent = await makeTorrent(hash, file);
    const holding = { torrent, has: () => true, read: (offset: number, length: number) => Promise.resolve(file.read(offset, length)) };
    await this.withdraw(hash);
    this.offers.set(toHex(torrent.infoHash), { torrent, infoHash: torrent.infoHash, holding: () => holding });
    const host = this.options.host.includes(':') ? `[${this.options.host}]` : this.options.host;
    return [magnetOf(torrent, [this.options.address ?? `${host}:${this.port}`])];
  }

  withdraw(hash: Uint8Array): Promise<void> {
    for (const [key, { torrent }] of this.offers) if (toHex(torrent.hash) === toHex(hash)) this.offers.delete(key);
    return Promise.resolve();
  }

  torrentFile(hash: Uint8Array, announce?: string): Uint8Array | undefined {
    for (const { torrent } of this.offers.values()) if (toHex(torrent.hash) === toHex(hash)) return torrentFile(torrent, announce);
    return undefined;
  }

  sizeOf({ hash, size, hints }: Wanted): Promise<number | undefined> {
    return Promise.resolve(
      this.sizes.choose(
        hash,
        size,
        hints.flatMap((hint) => readMagnet(hint)?.size ?? []),
      ),
    );
  }

  async fetch(...[wanted, draft, signal]: Parameters<Transport['fetch']>): Promise<void> {
    const swarms = new Map<string, Magnet[]>();
    for (const magnet of wanted.hints.flatMap((hint) => readMagnet(hint) ?? [])) {
      if (magnet.size !== undefined && magnet.size !== wanted.size) continue;
      const key = toHex(magnet.infoHash);
      swarms.set(key, [...(swarms.get(key) ?? []), magnet]);
    }
    if (swarms.size === 0) throw new TransferError(`no hint is a magnet link of a file of ${wanted.size} bytes`);
    const problems: string[] = [];
    for (const [key, magnets] of [...swarms].slice(0, MAX_TORRENTS)) {
      checkSignal(signal);
      const [first] = magnets;
      if (first === undefined || this.downloads.has(key)) continue;
      try {
        return await this.download(new Download(first.infoHash, wanted, draft, this.stallMs), key, magnets, signal);
      } catch (error) {
        // a full disk is no reason to try another torrent
        if (!(error instanceof TransferError)) throw error;
        problems.push(`torrent ${key}: ${reasonOf(error)}`);
      }
    }
    checkSignal(signal);
    this.sizes.failed(wanted.hash, wanted.size);
    throw new TransferError(problems.join('; ') || 'the torrents of the hints are being fetched already');
  }

  private async download(download: Download, key: string, magnets: readonly Magnet[], signal: AbortSignal): Promise<void> {
    this.downloads.set(key, download);
    const stop = (): void => download.end(new TransferError(`the transfer was stopped: ${reasonOf(signal.reason)}`));
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) stop();
      const addresses = new Map(magnets.flatMap((m) => m.peers).map((p) => [`${p.host}:${p.port}`, p]));
      for (const [address, { host, port }] of [...addresses].slice(0, MAX_PEERS)) this.dial(download, address, host, port);
      download.giveUp();
      await download.done;
    } finally {
      signal.removeEventListener('abort', stop);
      this.downloads.delete(key);
    }
  }

  private dial(download: Download, address: string, host: string, port: number): void {
    if (this.sessions.size >= MAX_SESSIONS) return download.problem(`${address}: ${MAX_SESSIONS} connections are open`);
    download.connecting++;
    const socket = connect({ host, port });
    const failed = (why: string): void => {
      clearTimeout(clock);
      socket.destroy();
      download.connecting--;
      download.problem(`${address}: ${why}`);
      download.giveUp();
    };
    const refused = (error: Error): void => failed(reasonOf(error));
    const clock = setTimeout(() => failed(`no connection within ${this.stallMs / 1000} s`), this.stallMs);
    socket.once('error', refused);
    socket.once('connect', () => {
      clearTimeout(clock);
      socket.off('error', refused);
      // it counts as being opened until it has shaken hands or is gone
      this.sessions.add(new Session(socket, address, this.session, this.greeting(download)));
    });
  }

  /** The download as a peer sees it that was dialled: until it joins or leaves, the fetch does not end for lack of peers. */
  private greeting(download: Download): Swarm {
    let open = true;
    const settled = (): void => {
      if (open) download.connecting--;
      open = false;
    };
    return {
      infoHash: download.infoHash,
      holding: () => download.holding(),
      joined: (session) => {
        settled();
        download.joined(session);
      },
      metadataSize: (session, size) => download.metadataSize(session, size),
      metadata: (session, index, bytes) => download.metadata(session, index, bytes),
      changed: (session) => download.changed(session),
      block: (session, request, bytes) => download.block(session, request, bytes),
      left: (session, why) => {
        settled();
        download.left(session, why);
      },
    };
  }

  async close(): Promise<void> {
    for (const download of this.downloads.values()) download.end(new TransferError('the node ends'));
    const closed = new Promise<void>((done) => this.server.close(() => done()));
    for (const session of this.sessions) session.close('the node ends');
    await closed;
  }
}

/** Listens for peers of BitTorrent. No distributed table, no discovery, no tracker, no mapping of ports: only peers that hints name, and those that come. Errors: NOD0041 */
export const createBitTorrent = async (options: BitTorrentOptions): Promise<Result<BitTorrent>> => {
  const server = createServer();
  server.maxConnections = MAX_SESSIONS;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, options.host, () => resolve());
    });
  } catch (error) {
    return fail(
      diagnostic('NOD0041', `BitTorrent cannot listen on ${options.host}:${options.port}: ${reasonOf(error)}`, {
        notes: ['Take any free port: --torrent 0.'],
      }),
    );
  }
  server.on('error', () => {});
  const address = server.address();
  return ok(new Engine(server, typeof address === 'object' && address !== null ? address.port : options.port, options));
};
