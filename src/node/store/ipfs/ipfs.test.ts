import { afterAll, describe, expect, test } from '@jest/globals';
import { bytesSource, unwrap } from '../../../support/index.ts';
import type { Transport, Wanted } from '../contract.ts';
import { syntheticPackage } from '../testing/synthetic-package.ts';
import { memoryDraft } from '../testing/test-draft.ts';
import { createIpfs } from './transport.ts';

const LISTEN = '/ip4/127.0.0.1/tcp/0';
const open: Transport[] = [];
const ipfs = async (idleMs = 5000): Promise<Transport> => {
  const transport = unwrap(await createIpfs({ listen: LISTEN, idleMs }));
  open.push(transport);
  return transport;
};
afterAll(async () => {
  for (const transport of open) await transport.close();
});

const never = new AbortController().signal;
const plain = syntheticPackage(5_300_000, 1);
const compressed = syntheticPackage(2_500_000, 2, true);

const wantedOf = ({ hash, bytes }: typeof plain, hints: readonly string[]): Wanted => ({ hash, size: bytes.length, hints });

describe('two peers', () => {
  test.each([
    ['plain', plain],
    ['compressed', compressed],
  ])('a %s package comes byte for byte', async (_form, model) => {
    const [sender, receiver] = [await ipfs(), await ipfs()];
    const hints = await sender.offer(model.hash, bytesSource(model.bytes));
    const draft = memoryDraft(model.hash, model.bytes.length);
    await receiver.fetch(wantedOf(model, hints), draft, never);
    expect(Buffer.compare(draft.bytes(), model.bytes)).toBe(0);
    expect(await draft.finish()).toBeUndefined();
  });
});
