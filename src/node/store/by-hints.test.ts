import { expect, test } from '@jest/globals';
import { decodePackage, plainFileBytes } from '../../cvm-bytecode/index.ts';
import { bytesSource, unwrap } from '../../support/index.ts';
import { createFetcher } from './fetcher.ts';
import { memoryObjects } from './objects.ts';
import { fakeKubo } from './testing/fake-kubo.ts';
import { syntheticPackage } from './testing/synthetic-package.ts';
import { createKubo } from './ipfs/kubo.ts';
import { createTransports } from './transports.ts';

// The chain knows what the parameters take, not how long a file is: the size of the file comes by hints, which may lie.

const models = [
  ['plain', syntheticPackage(2_300_000, 1)],
  ['compressed', syntheticPackage(2_300_000, 2, true)],
] as const;
const LIES = [
  `magnet:?xt=urn:btih:${'0'.repeat(40)}&xl=2300001&x.pe=127.0.0.1:1025`,
  'ipfs://bafyreih7wcyykelxdazfii7tuelbai2gkfv7rt3glgbjaknruxgt6acatq?bytes=2300002',
];

test('the size of a plain file follows from its front', () => {
  const [[, { bytes }]] = models;
  const { record, modelString, bytecode } = unwrap(decodePackage(bytes));
  expect(plainFileBytes(record, new TextEncoder().encode(modelString).length, bytecode)).toEqual({ ok: true, value: bytes.length });
});

test.each(['ipfs', 'bittorrent', 'kubo'])('%s: the fetcher brings files of both forms, whatever hints say first', async (engine) => {
  const kubo = await fakeKubo();
  const make = async () =>
    engine === 'kubo'
      ? createKubo({ api: kubo.api, idleMs: 2000 })
      : unwrap(
          await createTransports(
            engine === 'ipfs' ? { ipfs: { listen: '/ip4/127.0.0.1/tcp/0', peers: [] } } : { torrent: { host: '127.0.0.1', port: 0 } },
          ),
        ).all[0]!;
  const [sender, receiver] = [await make(), await make()];
  for (const [, model] of models) {
    const hints = await sender.offer(model.hash, bytesSource(model.bytes));
    const store = memoryObjects();
    const fetcher = createFetcher({ store, transports: [receiver], rounds: 3, pause: () => Promise.resolve() });
    expect(await fetcher.want(model.hash, 2_300_000, [...LIES, ...hints])).toBe('there');
    const file = await store.package(model.hash);
    expect(Buffer.compare(file!.read(0, file!.size), model.bytes)).toBe(0);
    await fetcher.close();
  }
  await sender.close();
  await receiver.close();
  kubo.close();
});
