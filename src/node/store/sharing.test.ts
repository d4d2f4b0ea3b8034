import { expect, test } from '@jest/globals';
import { bytesSource, unwrap } from '../../support/index.ts';
import type { Transport } from './contract.ts';
import { Sharing } from './sharing.ts';
import { syntheticPackage } from './testing/synthetic-package.ts';
import { memoryDraft } from './testing/test-draft.ts';
import { createTransports } from './transports.ts';

const model = syntheticPackage(1_200_000, 1);
const broken: Transport = {
  name: 'broken',
  offer: () => Promise.reject(new Error('out of order')),
  withdraw: () => Promise.reject(new Error('out of order')),
  fetch: () => Promise.reject(new Error('out of order')),
  close: () => Promise.resolve(),
};

test('what is offered is found by its hints, whatever else does not work', async () => {
  const options = { torrent: { host: '127.0.0.1', port: 0 }, ipfs: { listen: '/ip4/127.0.0.1/tcp/0', peers: [] } };
  const here = unwrap(await createTransports(options));
  const there = unwrap(await createTransports(options));
  const told: string[] = [];
  const sharing = new Sharing({ transports: [broken, ...here.all], tell: (line) => told.push(line) });
  await sharing.offer(model.hash, () => Promise.resolve(bytesSource(model.bytes)));
  await sharing.offer(new Uint8Array(32), () => Promise.reject(new Error('no such file')));
  expect(told).toEqual([expect.stringMatching(/^broken does not offer package [0-9a-f]{64}: out of order$/), 'no such file']);
  const hints = sharing.hints(model.hash);
  expect(hints.map((hint) => hint.replace(/[^a-z].*/, ''))).toEqual(['', 'magnet']);
  for (const transport of there.all) {
    const draft = memoryDraft(model.hash, model.bytes.length);
    await transport.fetch({ hash: model.hash, size: model.bytes.length, hints }, draft, new AbortController().signal);
    expect(Buffer.compare(draft.bytes(), model.bytes)).toBe(0);
  }
  await sharing.withdraw(model.hash);
  expect(sharing.hints(model.hash)).toEqual([]);
  expect(told.at(-1)).toMatch(/^broken goes on to offer package/);
  for (const transport of there.all) {
    const fetched = transport.fetch(
      { hash: model.hash, size: model.bytes.length, hints },
      memoryDraft(model.hash, model.bytes.length),
      AbortSignal.timeout(3000),
    );
    await expect(fetched).rejects.toThrow(/no peer/);
  }
  await here.close();
  await there.close();
});

test('an address that is taken is told, and nothing stays open', async () => {
  const first = unwrap(await createTransports({ torrent: { host: '127.0.0.1', port: 0 } }));
  const port = first.torrent?.port ?? 0;
  const second = await createTransports({ ipfs: { listen: '/ip4/127.0.0.1/tcp/0', peers: [] }, torrent: { host: '127.0.0.1', port } });
  expect(second.ok ? '' : second.diagnostics[0]?.message).toMatch(/^BitTorrent cannot listen on 127.0.0.1:\d+: listen EADDRINUSE/);
  const third = await createTransports({ ipfs: { listen: `/ip4/127.0.0.1/tcp/${port}`, peers: [] } });
  expect(third.ok ? '' : third.diagnostics[0]?.code).toBe('NOD0041');
  const fourth = await createTransports({ ipfs: { listen: '127.0.0.1:4001', peers: [] } });
  expect(fourth.ok ? '' : fourth.diagnostics[0]?.code).toBe('NOD0041');
  await first.close();
});
