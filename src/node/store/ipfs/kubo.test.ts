import { afterAll, describe, expect, test } from '@jest/globals';
import { bytesSource, unwrap } from '../../../support/index.ts';
import { blockPlaces } from '../../../cvm-bytecode/index.ts';
import type { Wanted } from '../contract.ts';
import { type FakeKubo, fakeKubo } from '../testing/fake-kubo.ts';
import { syntheticPackage } from '../testing/synthetic-package.ts';
import { memoryDraft } from '../testing/test-draft.ts';
import { createKubo } from './kubo.ts';

const open: FakeKubo[] = [];
const daemon = async (): Promise<FakeKubo> => {
  const kubo = await fakeKubo();
  open.push(kubo);
  return kubo;
};
afterAll(() => {
  for (const kubo of open) kubo.close();
});

const never = new AbortController().signal;
const plain = syntheticPackage(2_300_000, 1);
const compressed = syntheticPackage(2_300_000, 2, true);
const wantedOf = ({ hash, bytes }: typeof plain, hints: readonly string[]): Wanted => ({ hash, size: bytes.length, hints });
const reason = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

describe('a Kubo daemon', () => {
  test.each([
    ['plain', plain],
    ['compressed', compressed],
  ])('a %s package goes in and comes out byte for byte', async (form, model) => {
    const kubo = await daemon();
    const transport = createKubo({ api: kubo.api, idleMs: 1000 });
    const hints = await transport.offer(model.hash, bytesSource(model.bytes));
    expect(hints[0]).toBe('/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWfake');
    const draft = memoryDraft(model.hash, model.bytes.length);
    await createKubo({ api: `${kubo.api}/`, idleMs: 1000 }).fetch(wantedOf(model, hints), draft, never);
    expect(Buffer.compare(draft.bytes(), model.bytes)).toBe(0);
    // Kubo waits for blocks that are nowhere when it pins a root that names them
    const blocks = new Set(unwrap(blockPlaces(bytesSource(model.bytes))).map((p) => Buffer.from(p.name.digest).toString('hex')));
    expect([...kubo.pins.values()]).toEqual(form === 'plain' ? ['recursive'] : Array.from({ length: blocks.size }, () => 'direct'));
    await transport.withdraw(model.hash);
    expect(kubo.pins.size).toBe(0);
  });

  test('what is there is not asked for again', async () => {
    const kubo = await daemon();
    const transport = createKubo({ api: kubo.api, idleMs: 1000 });
    await transport.offer(plain.hash, bytesSource(plain.bytes));
    const draft = memoryDraft(plain.hash, plain.bytes.length);
    const [, , , , second] = unwrap(blockPlaces(bytesSource(plain.bytes)));
    await draft.write(0, plain.bytes.subarray(0, second?.start));
    await transport.fetch(wantedOf(plain, []), draft, never);
    expect(Buffer.compare(draft.bytes(), plain.bytes)).toBe(0);
    expect(kubo.calls.filter((call) => call === 'block/get')).toHaveLength(1 + 2);
  });

  test('blocks that are wrong, too long, silent or not there', async () => {
    const kubo = await daemon();
    const transport = createKubo({ api: kubo.api, idleMs: 300 });
    await transport.offer(plain.hash, bytesSource(plain.bytes));
    const fetched = () => reason(transport.fetch(wantedOf(plain, []), memoryDraft(plain.hash, plain.bytes.length), never));
    kubo.lie = (bytes) => bytes.map((v, i) => (i === 0 ? v ^ 1 : v));
    expect(await fetched()).toMatch(/^the daemon sent \d+ bytes with the digest [0-9a-f]{64} for bafyrei/);
    kubo.lie = () => new Uint8Array(2 ** 22);
    expect(await fetched()).toBe('block/get: the answer has more than 2097152 bytes');
    kubo.lie = () => 'silence';
    expect(await fetched()).toBe('block/get: nothing came for 0.3 s');
    kubo.blocks.clear();
    expect(await fetched()).toBe('block/get: block was not found locally (offline): ipld: could not find it');
    kubo.close();
    expect(await fetched()).toContain(`the Kubo daemon at ${kubo.api} does not answer: connect ECONNREFUSED`);
  });
});
