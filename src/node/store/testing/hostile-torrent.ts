import { createServer, type Server } from 'node:net';
import { bytesOf } from '../bittorrent/bencode.ts';
import { magnetOf, type Torrent } from '../bittorrent/metainfo.ts';
import { BLOCK_BYTES, Wire } from '../bittorrent/wire.ts';

/** What a hostile peer does, all of which looks right at first. */
export const TORRENT_LIES = [
  'other metadata',
  'metadata of another size',
  'has all, sends nothing',
  'corrupted pieces',
  'closes within a piece',
  'longer blocks',
  'message of 4 GB',
  'no handshake',
  'not BitTorrent',
  'never unchokes',
] as const;
export type TorrentLie = (typeof TORRENT_LIES)[number];

export interface HostilePeer {
  readonly magnet: string;
  /** Blocks that it was asked for. */
  readonly asked: () => number;
  readonly close: () => void;
}

/** A peer that has the package and does one thing wrong. @param bytes - the package */
export const hostilePeer = async (
  torrent: Torrent,
  bytes: Uint8Array,
  lie: TorrentLie | 'leaves with the last block',
): Promise<HostilePeer> => {
  let asked = 0;
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES);
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    if (lie === 'no handshake') return;
    if (lie === 'not BitTorrent') return void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n'.repeat(4));
    const wire: Wire = new Wire(
      socket,
      {
        handshake: (infoHash) => {
          wire.sendHandshake(infoHash, bytesOf('-XX0000-hostile-peer'));
          if (lie === 'message of 4 GB') socket.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 7));
          wire.sendExtensions(lie === 'metadata of another size' ? 10_000_000 : torrent.info.length);
          wire.sendBitfield(torrent.pieceCount, () => true);
          if (lie !== 'never unchokes') wire.sendUnchoke();
          return true;
        },
        extensions: () => {},
        choked: () => {},
        has: () => {},
        have: () => {},
        block: () => {},
        metadata: () => {},
        serveMetadata: (index) => {
          const part = torrent.info.slice(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES);
          if (lie === 'other metadata') part[part.length - 2] = (part[part.length - 2] ?? 0) ^ 1;
          return { bytes: part, total: torrent.info.length };
        },
        serve: ({ piece, offset, length }) => {
          asked++;
          const start = piece * torrent.pieceLength + offset;
          const block = bytes.slice(start, start + length);
          if (lie === 'has all, sends nothing') return Promise.resolve(undefined);
          if (lie === 'corrupted pieces') block[0] = (block[0] ?? 0) ^ 1;
          if (lie === 'leaves with the last block' && asked === blocks) setTimeout(() => socket.end(), 10);
          if (lie === 'closes within a piece' && asked > 5) socket.destroy();
          return Promise.resolve(lie === 'longer blocks' ? new Uint8Array(length + 1) : block);
        },
        closed: () => {},
      },
      60_000,
      60_000,
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { magnet: magnetOf(torrent, [`127.0.0.1:${port}`]), asked: () => asked, close: () => server.close() };
};
