import { createHash } from 'node:crypto';
import { type ByteSource, fromHex, joinBytes, toHex } from '../../../support/index.ts';
import { bencode, type Bencoded, bytesOf, readBencode } from './bencode.ts';

const LEAST_PIECE = 2 ** 18;
const MOST_PIECES = 4096;
const SHA1_BYTES = 20;

export const sha1 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha1').update(bytes).digest());

/** Bytes of a piece: the least power of two from 256 KiB up that makes 4096 pieces or fewer. */
export const pieceLengthOf = (size: number): number => {
  let length = LEAST_PIECE;
  while (length * MOST_PIECES < size) length *= 2;
  return length;
};

/** The torrent of a package: all of it but the digests of the pieces follows from the model hash and the size. */
export interface Torrent {
  readonly infoHash: Uint8Array;
  /** The info dictionary, whose SHA-1 is the infohash. */
  readonly info: Uint8Array;
  readonly hash: Uint8Array;
  readonly size: number;
  readonly pieceLength: number;
  readonly pieceCount: number;
  readonly piece: (index: number) => Uint8Array;
}

const infoOf = (hash: Uint8Array, size: number, pieces: Uint8Array): Uint8Array =>
  bencode(
    new Map<string, Bencoded>([
      ['length', size],
      ['name', bytesOf(`${toHex(hash)}.cvm`)],
      ['piece length', pieceLengthOf(size)],
      ['pieces', pieces],
    ]),
  );

const torrentOf = (hash: Uint8Array, size: number, pieces: Uint8Array): Torrent => {
  const info = infoOf(hash, size, pieces);
  return {
    infoHash: sha1(info),
    info,
    hash,
    size,
    pieceLength: pieceLengthOf(size),
    pieceCount: pieces.length / SHA1_BYTES,
    piece: (index) => pieces.subarray(index * SHA1_BYTES, (index + 1) * SHA1_BYTES),
  };
};

/** Bytes of the info dictionary of a package of this size: what a peer sends is as long or is none. */
export const infoLength = (size: number): number =>
  infoOf(new Uint8Array(32), size, new Uint8Array(0)).length -
  '0:'.length +
  bencode(new Uint8Array(Math.ceil(size / pieceLengthOf(size)) * SHA1_BYTES)).length;

/** Makes the torrent of a file; reads all of it once, and lets other work of the process go on. */
export const makeTorrent = async (hash: Uint8Array, file: ByteSource): Promise<Torrent> => {
  const length = pieceLengthOf(file.size);
  const pieces: Uint8Array[] = [];
  const room = file.inMemory ? undefined : new Uint8Array(length);
  for (let offset = 0; offset < file.size; offset += length) {
    pieces.push(sha1(file.read(offset, Math.min(length, file.size - offset), room)));
    await new Promise((next) => setImmediate(next));
  }
  return torrentOf(hash, file.size, joinBytes(pieces));
};

/** Takes an info dictionary that has been checked against the infohash of a hint. @returns undefined where it is not the one that packages have */
export const readTorrent = (info: Uint8Array, hash: Uint8Array, size: number): Torrent | undefined => {
  const read = readBencode(info);
  if (read === undefined || !(read.value instanceof Map)) return undefined;
  const pieces: unknown = read.value.get('pieces');
  if (!(pieces instanceof Uint8Array) || pieces.length !== Math.ceil(size / pieceLengthOf(size)) * SHA1_BYTES) return undefined;
  const torrent = torrentOf(hash, size, pieces.slice());
  return toHex(torrent.info) === toHex(info) ? torrent : undefined;
};

/** A .torrent file, for clients that take no magnet links. @param announce - a tracker, if there is one */
export const torrentFile = (torrent: Torrent, announce?: string): Uint8Array => {
  const front = announce === undefined ? 'd' : `d8:announce${bytesOf(announce).length}:${announce}`;
  return joinBytes([bytesOf(`${front}4:info`), torrent.info, bytesOf('e')]);
};

export interface Magnet {
  readonly infoHash: Uint8Array;
  /** Bytes of the file, as the link says. */
  readonly size: number | undefined;
  readonly peers: readonly { readonly host: string; readonly port: number }[];
}

export const magnetOf = ({ infoHash, hash, size }: Torrent, addresses: readonly string[]): string =>
  `magnet:?xt=urn:btih:${toHex(infoHash)}&dn=${toHex(hash)}.cvm&xl=${size}${addresses.map((a) => `&x.pe=${a}`).join('')}`;

/** Ports below are those of services of the system; no package comes from there, and no hint makes a node knock at them. */
const LEAST_PORT = 1024;
/** Length of a link that is looked at. */
const MAX_MAGNET = 4096;

/** An address HOST:PORT; IPv6 in brackets. */
export const readAddress = (address: string): { readonly host: string; readonly port: number } | undefined => {
  const match = /^(?:\[([0-9a-fA-F:]{2,39})\]|([A-Za-z0-9.-]{1,253})):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || port < LEAST_PORT || port > 65_535 ? undefined : { host, port };
};

/** Reads a magnet link as anyone may have written it: infohash and addresses of peers. Trackers in it are not asked. */
export const readMagnet = (link: string): Magnet | undefined => {
  if (link.length > MAX_MAGNET || !link.startsWith('magnet:?')) return undefined;
  const fields = new URLSearchParams(link.slice('magnet:?'.length));
  const match = fields.getAll('xt').flatMap((xt) => /^urn:btih:([0-9a-fA-F]{40})$/.exec(xt) ?? []);
  if (match[1] === undefined) return undefined;
  const size = /^\d{1,15}$/.exec(fields.get('xl') ?? '')?.[0];
  return {
    infoHash: fromHex(match[1]),
    size: size === undefined ? undefined : Number(size),
    peers: fields.getAll('x.pe').flatMap((address) => readAddress(address) ?? []),
  };
};
