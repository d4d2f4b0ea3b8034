import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bytesSource, toHex, unwrap } from '../../../support/index.ts';
import type { Wanted } from '../contract.ts';
import { hostilePeer, TORRENT_LIES, type TorrentLie } from '../testing/hostile-torrent.ts';
import { syntheticPackage } from '../testing/synthetic-package.ts';
import { memoryDraft } from '../testing/test-draft.ts';
import { bencode, type Bencoded, bytesOf, readBencode } from './bencode.ts';
import { infoLength, magnetOf, makeTorrent, pieceLengthOf, readAddress, readMagnet, readTorrent } from './metainfo.ts';
import { type BitTorrent, createBitTorrent } from './transport.ts';

const open: { readonly close: () => unknown }[] = [];
const node = async (stallMs = 2000): Promise<BitTorrent> => {
  const transport = unwrap(await createBitTorrent({ host: '127.0.0.1', port: 0, stallMs }));
  open.push(transport);
  return transport;
};
afterAll(async () => {
  for (const transport of open) await transport.close();
});

const model = syntheticPackage(3_300_000, 1);
const other = syntheticPackage(3_300_000, 2);
const wantedOf = (hints: readonly string[], { hash, bytes } = model): Wanted => ({ hash, size: bytes.length, hints });
const never = new AbortController().signal;
const reason = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

describe('bencode', () => {
  test('what is written is read', () => {
    const value: fc.Arbitrary<Bencoded> = fc.letrec<{ value: Bencoded }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.integer({ min: -(10 ** 14), max: 10 ** 14 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.array(fc.tuple(fc.stringMatching(/^[a-z _]{0,9}$/), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
      ),
    })).value;
    fc.assert(
      fc.property(value, (v) => {
        const bytes = bencode(v);
        const read = readBencode(bytes);
        expect(read?.end).toBe(bytes.length);
        expect(toHex(bencode(read?.value ?? 0))).toBe(toHex(bytes));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test.each(['i01e', 'i-0e', 'ie', '5:abc', 'd1:a', 'l', 'd3:abce', '99999999999999999:a', 'l'.repeat(100_000), 'i1234567890123456e'])(
    '%#: no bencode',
    (words) => {
      expect(readBencode(bytesOf(words))).toBeUndefined();
    },
  );

  test('any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void readBencode(bytes)),
      { seed: 2, numRuns: 500 },
    );
  });
});

describe('the torrent of a package', () => {
  test('follows from the bytes', async () => {
    const [a, b] = [
      await makeTorrent(model.hash, bytesSource(model.bytes)),
      await makeTorrent(model.hash, bytesSource(model.bytes.slice())),
    ];
    expect(toHex(a.infoHash)).toBe(toHex(b.infoHash));
    expect(infoLength(model.bytes.length)).toBe(a.info.length);
    expect(readTorrent(a.info, model.hash, model.bytes.length)?.pieceCount).toBe(Math.ceil(model.bytes.length / 2 ** 18));
    expect(readTorrent(a.info, other.hash, model.bytes.length)).toBeUndefined();
    expect(readTorrent(a.info, model.hash, model.bytes.length + 1)).toBeUndefined();
  });

  test('has 4096 pieces at most', () => {
    for (const size of [1, 2 ** 30, 2 ** 30 + 1, 2 ** 33, 2 ** 33 + 12345])
      expect(Math.ceil(size / pieceLengthOf(size))).toBeLessThanOrEqual(4096);
    expect(pieceLengthOf(2 ** 30)).toBe(2 ** 18);
    expect(pieceLengthOf(2 ** 30 + 1)).toBe(2 ** 19);
  });

  test('magnet links', async () => {
    const torrent = await makeTorrent(model.hash, bytesSource(model.bytes));
    const link = magnetOf(torrent, ['127.0.0.1:6881', '[::1]:7000']);
    expect(readMagnet(link)).toEqual({
      infoHash: torrent.infoHash,
      size: model.bytes.length,
      peers: [
        { host: '127.0.0.1', port: 6881 },
        { host: '::1', port: 7000 },
      ],
    });
    expect(['127.0.0.1:22', '127.0.0.1:99999', 'a b:6881', ':6881', '127.0.0.1'].map(readAddress)).toEqual(Array.from({ length: 5 }));
    expect(readMagnet('magnet:?xt=urn:btih:00')).toBeUndefined();
    expect(readMagnet(`magnet:?xt=urn:btih:${'0'.repeat(40)}${'&x.pe=1.1.1.1:2000'.repeat(1000)}`)).toBeUndefined();
  });
});

describe('two peers', () => {
  test('a package comes byte for byte, and from one who has not all of it', async () => {
    const [sender, receiver, third] = [await node(), await node(), await node()];
    const hints = await sender.offer(model.hash, bytesSource(model.bytes));
    const draft = memoryDraft(model.hash, model.bytes.length);
    await receiver.fetch(wantedOf(hints), draft, never);
    expect(Buffer.compare(draft.bytes(), model.bytes)).toBe(0);
    expect(await draft.finish()).toBeUndefined();

    // what is there is looked at and not asked for again
    const half = memoryDraft(model.hash, model.bytes.length);
    await half.write(0, model.bytes.subarray(0, 2_000_000));
    const before = half.written();
    await third.fetch(wantedOf(hints), half, never);
    expect(Buffer.compare(half.bytes(), model.bytes)).toBe(0);
    expect(half.written() - before).toBeLessThan(model.bytes.length - 2_000_000 + 2 ** 18);
  });

  test('a seeder that leaves with the last piece has done its work', async () => {
    const torrent = await makeTorrent(model.hash, bytesSource(model.bytes));
    const [receiver, seeder] = [await node(), await hostilePeer(torrent, model.bytes, 'leaves with the last block')];
    open.push(seeder);
    const draft = memoryDraft(model.hash, model.bytes.length);
    // the disk is slower than the peer
    const slow = {
      ...draft,
      write: async (offset: number, bytes: Uint8Array) => (await new Promise((next) => setTimeout(next, 30)), draft.write(offset, bytes)),
    };
    await receiver.fetch(wantedOf([seeder.magnet]), slow, never);
    expect(Buffer.compare(draft.bytes(), model.bytes)).toBe(0);
  });

  test('bytes in the draft that are wrong are fetched anew', async () => {
    const [sender, receiver] = [await node(), await node()];
    const hints = await sender.offer(model.hash, bytesSource(model.bytes));
    const draft = memoryDraft(model.hash, model.bytes.length);
    await draft.write(0, new Uint8Array(model.bytes.length));
    await receiver.fetch(wantedOf(hints), draft, never);
    expect(Buffer.compare(draft.bytes(), model.bytes)).toBe(0);
  });

  test('a torrent of another package is found out', async () => {
    const [sender, receiver] = [await node(), await node()];
    // the bytes of another package under the name of the one that is wanted, and as many
    const [lie = ''] = await sender.offer(model.hash, bytesSource(other.bytes));
    expect(other.bytes.length).toBe(model.bytes.length);
    const draft = memoryDraft(model.hash, model.bytes.length);
    expect(await reason(receiver.fetch(wantedOf([lie]), draft, never))).toContain(`holds something else: package ${toHex(other.hash)}`);
    // another hint is tried, and heals what the first one left
    const [truth = ''] = await (await node()).offer(model.hash, bytesSource(model.bytes));
    await receiver.fetch(wantedOf([lie, truth]), draft, never);
    expect(Buffer.compare(draft.bytes(), model.bytes)).toBe(0);
  });

  test('a signal ends it, and what came is there', async () => {
    const [sender, receiver] = [await node(), await node()];
    const hints = await sender.offer(model.hash, bytesSource(model.bytes));
    const stop = new AbortController();
    const draft = memoryDraft(model.hash, model.bytes.length);
    const { write } = draft;
    const slow = {
      ...draft,
      write: (offset: number, bytes: Uint8Array) => (offset > 0 ? stop.abort(new Error('the node ends')) : undefined, write(offset, bytes)),
    };
    expect(await reason(receiver.fetch(wantedOf(hints), slow, stop.signal))).toBe('the transfer was stopped: the node ends');
    expect(draft.present().length).toBeGreaterThan(0);
  });

  test('no hint, a silent address, a node that does not offer it', async () => {
    const [sender, receiver] = [await node(), await node()];
    const draft = memoryDraft(model.hash, model.bytes.length);
    expect(await reason(receiver.fetch(wantedOf(['http://127.0.0.1/x', '/ip4/127.0.0.1/tcp/1']), draft, never))).toBe(
      `no hint is a magnet link of a file of ${model.bytes.length} bytes`,
    );
    const torrent = await makeTorrent(model.hash, bytesSource(model.bytes));
    expect(await reason(receiver.fetch(wantedOf([magnetOf(torrent, ['127.0.0.1:1025'])]), draft, never))).toContain('ECONNREFUSED');
    expect(await reason(receiver.fetch(wantedOf([magnetOf(torrent, [`127.0.0.1:${sender.port}`])]), draft, never))).toContain(
      'closed the connection',
    );
    expect(await reason(receiver.fetch(wantedOf([magnetOf(torrent, [`127.0.0.1:${receiver.port}`])]), draft, never))).toMatch(
      /closed the connection|leads back to this node/,
    );
  });
});

const WORDS: Record<TorrentLie, RegExp> = {
  'other metadata': /its info dictionary has the digest [0-9a-f]{40}, not that of the hint/,
  'metadata of another size': /its info dictionary has 10000000 bytes but that of a package of \d+ bytes has \d+/,
  'has all, sends nothing': /nothing came for 0.4 s/,
  'corrupted pieces': /piece 0 has another digest/,
  'closes within a piece': /closed the connection/,
  'longer blocks': /a block of 16385 bytes came where 16384 were asked for/,
  'message of 4 GB': /a message says to have 4294967295 bytes/,
  'no handshake': /no handshake came within 0.4 s/,
  'not BitTorrent': /no handshake of BitTorrent/,
  'never unchokes': /nothing came for 0.4 s/,
};

describe('a hostile peer', () => {
  test.each(TORRENT_LIES)('%s: it is told, and another peer is asked', async (lie) => {
    const torrent = await makeTorrent(model.hash, bytesSource(model.bytes));
    const liar = await hostilePeer(torrent, model.bytes, lie);
    open.push(liar);
    const [sender, receiver, alone] = [await node(), await node(), await node(WORDS[lie].source.includes('0.4 s') ? 400 : 5000)];
    const draft = memoryDraft(model.hash, model.bytes.length);
    expect(await reason(alone.fetch(wantedOf([liar.magnet]), draft, never))).toMatch(WORDS[lie]);
    const honest = await sender.offer(model.hash, bytesSource(model.bytes));
    const both = memoryDraft(model.hash, model.bytes.length);
    await receiver.fetch(wantedOf([liar.magnet, ...honest]), both, never);
    expect(Buffer.compare(both.bytes(), model.bytes)).toBe(0);
  });
});
