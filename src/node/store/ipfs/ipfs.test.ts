import { afterAll, describe, expect, test } from '@jest/globals';
import { bytesSource, unwrap } from '../../../support/index.ts';
import type { Transport, Wanted } from '../contract.ts';
import { syntheticPackage } from '../testing/synthetic-package.ts';
import { memoryDraft } from '../testing/test-draft.ts';
import { createIpfs } from './transport.ts';
import { hostilePeer, IPFS_LIES, type IpfsLie } from '../testing/hostile-ipfs.ts';

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

const reason = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

test('what is there is not fetched again, and what is wrong is', async () => {
  const [sender, receiver] = [await ipfs(), await ipfs()];
  const hints = await sender.offer(plain.hash, bytesSource(plain.bytes));
  const draft = memoryDraft(plain.hash, plain.bytes.length);
  await draft.write(0, plain.bytes);
  await draft.write(3_000_000, Uint8Array.of(1, 2, 3));
  const before = draft.written();
  await receiver.fetch(wantedOf(plain, hints), draft, never);
  expect(Buffer.compare(draft.bytes(), plain.bytes)).toBe(0);
  // one chunk is wrong; header and root are written anew
  expect(draft.written() - before).toBeLessThan(1_300_000);
});

test('hints that lead nowhere', async () => {
  const [sender, receiver] = [await ipfs(), await ipfs(1000)];
  const draft = () => memoryDraft(plain.hash, plain.bytes.length);
  expect(await reason(receiver.fetch(wantedOf(plain, ['http://127.0.0.1', 'magnet:?x']), draft(), never))).toBe(
    'no hint is the address of an IPFS peer',
  );
  const [address = ''] = await sender.offer(compressed.hash, bytesSource(compressed.bytes));
  expect(await reason(receiver.fetch(wantedOf(plain, [address]), draft(), never))).toMatch(/^no peer has bafyrei/);
  // without the name of the storage record there is a plain file to be made, which is larger than the chain says
  const short = memoryDraft(compressed.hash, compressed.bytes.length);
  expect(await reason(receiver.fetch(wantedOf(compressed, [address]), short, never))).toMatch(
    /^plain: (no peer has|block \d+ of \d+ ends at byte)/,
  );
  expect(await reason((await ipfs(1000)).fetch(wantedOf(plain, [address.replace(/tcp\/\d+/, 'tcp/1025')]), draft(), never))).toContain(
    'no IPFS peer answers',
  );
  // the size is what the chain says, not what the package says
  await sender.offer(plain.hash, bytesSource(plain.bytes));
  const less = memoryDraft(plain.hash, plain.bytes.length - 1);
  expect(await reason(receiver.fetch({ ...wantedOf(plain, [address]), size: plain.bytes.length - 1 }, less, never))).toMatch(
    /ends at byte \d+ but the chain says \d+ bytes/,
  );
});

test('a signal ends it', async () => {
  const receiver = await ipfs();
  const liar = await hostilePeer(plain.bytes, 'silent');
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error('the node ends')), 300);
  expect(await reason(receiver.fetch(wantedOf(plain, [liar.address]), memoryDraft(plain.hash, plain.bytes.length), stop.signal))).toContain(
    'the transfer was stopped: the node ends',
  );
  await liar.close();
});

test('a damaged file is not sent', async () => {
  const [sender, receiver] = [await ipfs(), await ipfs(1000)];
  const damaged = plain.bytes.slice();
  damaged[3_000_000] = (damaged[3_000_000] ?? 0) ^ 1;
  const hints = await sender.offer(plain.hash, bytesSource(damaged));
  expect(await reason(receiver.fetch(wantedOf(plain, hints), memoryDraft(plain.hash, plain.bytes.length), never))).toMatch(
    /^plain: no peer has bafkrei/,
  );
});

const WORDS: Record<IpfsLie, RegExp> = {
  'corrupted blocks': /was left: the peer sent a block of \d+ bytes with the digest [0-9a-f]{64}, which was not asked for/,
  'says it has none': /no peer has bafkrei/,
  silent: /was left: .*nothing came for 0.4 s/,
  'message of 4 GB': /was left: a message says to have \d+ bytes or more, but at most 4194304 are taken/,
  'no Bitswap message': /was left: the peer sent what is no message of Bitswap/,
  'closes the connection': /was left: the peer closed the connection/,
  'other blocks than asked for': /which was not asked for/,
};

describe('a hostile peer', () => {
  test.each(IPFS_LIES)('%s: it is told, and another peer is asked', async (lie) => {
    const liar = await hostilePeer(plain.bytes, lie);
    const alone = await ipfs(lie === 'silent' ? 400 : 5000);
    expect(await reason(alone.fetch(wantedOf(plain, [liar.address]), memoryDraft(plain.hash, plain.bytes.length), never))).toMatch(
      WORDS[lie],
    );
    // slow machines are no liars
    const [sender, receiver] = [await ipfs(), await ipfs(lie === 'silent' ? 2000 : 5000)];
    const honest = await sender.offer(plain.hash, bytesSource(plain.bytes));
    const draft = memoryDraft(plain.hash, plain.bytes.length);
    await receiver.fetch(wantedOf(plain, [liar.address, ...honest]), draft, never);
    expect(Buffer.compare(draft.bytes(), plain.bytes)).toBe(0);
    await liar.close();
  });
});
