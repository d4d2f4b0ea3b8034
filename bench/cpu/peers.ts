import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { at } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import type { Contender } from './interleave.ts';

const MINUTES = 60_000;
const START_MS = 5 * MINUTES;
/** A peer has this long for the runs of one request. */
const ANSWER_MS = MINUTES;

/** What bench/peers/provide.sh installs. */
export type PeerName = 'onnxruntime' | 'quantizer' | 'web' | 'tract' | 'tflite' | 'tvm';

/** How a peer is started, or why it cannot be. */
export type Provided = { readonly words: readonly string[] } | { readonly missing: string };

const known = new Map<PeerName, Provided>();

const install = (name: PeerName): Provided => {
  if (process.env['CORTEXC_PEERS'] === 'off') return { missing: 'not installed: CORTEXC_PEERS=off' };
  const made = spawnSync('sh', [join(ROOT, 'bench', 'peers', 'provide.sh'), name], { encoding: 'utf8', timeout: 30 * MINUTES });
  if (made.status === 0) return { words: made.stdout.trim().split('\n') };
  const reason = made.error?.message ?? made.stderr.trim().split('\n').at(-1) ?? `status ${made.status}`;
  return { missing: `not installed: bench/peers/provide.sh ${name}: ${reason.slice(0, 160)}` };
};

/** Installs a peer if need be. */
export const providePeer = (name: PeerName): Provided => {
  const found = known.get(name) ?? install(name);
  known.set(name, found);
  return found;
};

export interface PeerRun {
  readonly model: string;
  readonly threads: number;
  readonly batch: number;
  /** File of float32 elements; absent: whatever the peer takes. */
  readonly input?: string;
}

/** A peer in a process of its own that runs a model on request (protocol: bench/peers/cpu/serve.py). */
export class Peer implements Contender {
  readonly name: string;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  /** What it said on stderr last. */
  private readonly complaint: () => string;

  private constructor(name: string, child: ChildProcessWithoutNullStreams, lines: AsyncIterator<string>, complaint: () => string) {
    this.name = name;
    this.child = child;
    this.lines = lines;
    this.complaint = complaint;
  }

  /** @throws {Error} when the peer cannot run the model, with its last words */
  static async start(words: readonly string[], { model, threads, batch, input }: PeerRun): Promise<Peer> {
    const options = ['--threads', String(threads), '--batch', String(batch), ...(input === undefined ? [] : ['--input', input])];
    const child = spawn(at(words, 0), [...words.slice(1), model, ...options]);
    let complaint = '';
    child.stderr.on('data', (data: Buffer) => {
      complaint = (complaint + data.toString()).slice(-4000);
    });
    // a peer that ended does not read any more; what it said is told where its line is missed
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => {
      complaint = error.message;
    });
    let late = false;
    const patience = setTimeout(() => {
      late = true;
      child.kill();
    }, START_MS);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    try {
      const first = await lines.next();
      if (first.done === true) throw new Error(late ? `not ready in ${START_MS / MINUTES} minutes` : lastWords(complaint));
      const { peer } = JSON.parse(first.value) as { readonly peer: string };
      return new Peer(peer, child, lines, () => complaint);
    } catch (error) {
      child.kill();
      throw error;
    } finally {
      clearTimeout(patience);
    }
  }

  readonly times = async (runs: number): Promise<readonly number[]> => {
    let late = false;
    const patience = setTimeout(() => {
      late = true;
      this.child.kill();
    }, ANSWER_MS);
    try {
      this.child.stdin.write(`${runs}\n`);
      const line = await this.lines.next();
      if (line.done === true) throw new Error(late ? `no answer in ${ANSWER_MS / 1000} s` : lastWords(this.complaint()));
      return JSON.parse(line.value) as readonly number[];
    } finally {
      clearTimeout(patience);
    }
  };

  close(): void {
    this.child.stdin.end();
    this.child.kill();
  }
}

/** The line that names the error; backtraces follow or precede it, by language. */
const lastWords = (text: string): string => {
  const lines = text
    .split('\n')
    .map((l) => l.trim())
    .filter((l) => l !== '');
  return (lines.find((l) => /^Error:|Error: /.test(l)) ?? lines.at(-1) ?? 'ended without a word').slice(0, 160);
};
