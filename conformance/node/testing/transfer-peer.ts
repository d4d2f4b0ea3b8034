/**
 * One end of a transfer, in a process of its own: send ENGINE FILE HASH, or receive ENGINE FILE HASH SIZE HINTS. Tells what happens as lines of JSON: the sender its hints,
 * both the memory that they took. The sender ends when its standard input does.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Transport } from '../../../src/node/store/contract.ts';
import { fileDraft, fileSource } from '../../../src/node/store/testing/test-draft.ts';
import { createTransports } from '../../../src/node/store/transports.ts';
import { fromHex, unwrap } from '../../../src/support/index.ts';

export const ENGINES = ['ipfs', 'bittorrent'] as const;
export type EngineName = (typeof ENGINES)[number];

const start = async (engine: string): Promise<Transport> => {
  const { all } = unwrap(
    await createTransports(
      engine === 'ipfs' ? { ipfs: { listen: '/ip4/127.0.0.1/tcp/0', peers: [] } } : { torrent: { host: '127.0.0.1', port: 0 } },
    ),
  );
  const [transport] = all;
  if (transport === undefined) throw new TypeError(`there is no engine ${engine}`);
  return transport;
};

const MB = 10 ** 6;
const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

/** Most memory so far, in bytes. getrusage would begin with that of the process that started this one. */
const peak = (): number => {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1]) * 1024;
};

/** Megabytes of memory above those of the process when it was ready. */
const above = (idle: number): number => Math.round((peak() - idle) / MB);

const main = async ([role = '', engine = '', file = '', hash = '', size = '', ...hints]: readonly string[]): Promise<void> => {
  const transport = await start(engine);
  const idle = process.memoryUsage.rss();
  if (role === 'send') {
    say({ hints: await transport.offer(fromHex(hash), fileSource(file, statSync(file).size)) });
    for await (const _ of process.stdin);
    say({ rss: above(idle), idle: Math.round(idle / MB) });
  } else {
    const draft = fileDraft(file, fromHex(hash), Number(size));
    const began = performance.now();
    await transport.fetch({ hash: fromHex(hash), size: Number(size), hints }, draft, new AbortController().signal);
    say({ ms: Math.round(performance.now() - began), rss: above(idle), idle: Math.round(idle / MB) });
    await draft.close();
  }
  await transport.close();
};

if (process.argv[1]?.endsWith('transfer-peer.js') === true) await main(process.argv.slice(2));
