import { afterAll, expect, test } from '@jest/globals';
import { createBitswap } from '@helia/bitswap';
import { CID } from 'multiformats/cid';
import { blockCid, type BlockName, blockPlaces } from '../../../cvm-bytecode/index.ts';
import { bytesSource, toHex, unwrap } from '../../../support/index.ts';
import { syntheticPackage } from '../testing/synthetic-package.ts';
import { memoryDraft } from '../testing/test-draft.ts';
import { startP2p } from './load.ts';
import { createIpfs } from './transport.ts';

// The same protocol by another implementation, Helia's: both directions.

const model = syntheticPackage(2_300_000, 1);
const never = new AbortController().signal;
const ends: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const end of ends) await end();
});

type Bitswap = ReturnType<typeof createBitswap>;
type Components = Parameters<typeof createBitswap>[0];
type Cid = Parameters<Bitswap['want']>[0];

// Helia reads the fields of a name and asks for no class
const cidOf = (name: BlockName): Cid => CID.parse(blockCid(name)) as unknown as Cid;

/** A peer of Helia with some blocks. */
const helia = async (blocks: ReadonlyMap<string, Uint8Array>) => {
  const { libp2p, multiaddr } = unwrap(await startP2p({ listen: '/ip4/127.0.0.1/tcp/0' }));
  const blockstore = {
    get: (cid: Cid) => {
      const block = blocks.get(toHex(cid.multihash.digest));
      return block === undefined ? Promise.reject(Object.assign(new Error('not here'), { name: 'NotFoundError' })) : Promise.resolve(block);
    },
  };
  const routing = { findProviders: async function* none() {} };
  const components = { libp2p, blockstore, routing, logger: (libp2p as unknown as { logger: unknown }).logger } as unknown as Components;
  const bitswap = createBitswap(components);
  await bitswap.start();
  ends.push(async () => {
    await bitswap.stop();
    await libp2p.stop();
  });
  return { libp2p, multiaddr, bitswap };
};

const places = unwrap(blockPlaces(bytesSource(model.bytes)));
const blocks = new Map(places.map((p) => [toHex(p.name.digest), model.bytes.slice(p.start, p.start + p.length)]));

test('Helia sends a package', async () => {
  const { libp2p } = await helia(blocks);
  const receiver = unwrap(await createIpfs({ listen: '/ip4/127.0.0.1/tcp/0', idleMs: 5000 }));
  ends.push(() => receiver.close());
  const draft = memoryDraft(model.hash, model.bytes.length);
  const hints = libp2p.getMultiaddrs().map((a) => a.toString());
  await receiver.fetch({ hash: model.hash, size: model.bytes.length, hints }, draft, never);
  expect(Buffer.compare(draft.bytes(), model.bytes)).toBe(0);
});

test('Helia fetches a package, all of its blocks at once', async () => {
  const { libp2p, multiaddr, bitswap } = await helia(new Map());
  const sender = unwrap(await createIpfs({ listen: '/ip4/127.0.0.1/tcp/0', idleMs: 5000 }));
  ends.push(() => sender.close());
  const [address = ''] = await sender.offer(model.hash, bytesSource(model.bytes));
  await libp2p.dial(multiaddr(address));
  const got = await Promise.all(places.map(({ name }) => bitswap.want(cidOf(name), { signal: AbortSignal.timeout(5000) })));
  got.forEach((block, i) => expect(Buffer.compare(block, blocks.get(toHex(places[i]!.name.digest))!)).toBe(0));
});
