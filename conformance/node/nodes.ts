/**
 * Nodes that agree: npm run node-agreement -- [--blocks 1000] [--seed N] [--backends reference,wasm,wasm:2,native] [--kill N]
 * [--data FOLDER]. Starts a node of the built command line for each backend (with a number of threads), of which the first makes random
 * blocks and the others follow it; compares hash and state root of every block; then begins one follower from nothing and lets it catch
 * up. With --kill the nodes keep their chains on disk, and so many times one of them is killed (SIGKILL) at a random point and begun
 * again. Exit status: 0 all agree, 1 they do not, 2 wrong use.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common';
import { RandomBlocks, Rng } from './testing/random-blocks.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const START_MS = 120_000;
/** Blocks that followers may be behind before the maker waits for them. */
const LAG = 16;
const WAIT_MS = 180_000;

interface View {
  readonly hash: string;
  readonly stateRoot: string;
}

const sleep = (ms: number): Promise<void> => new Promise((go) => setTimeout(go, ms));

/** What was to be so is not. */
class Missed extends Error {
  override readonly name = 'Missed';
}

/** A node in a process of its own. */
class Process {
  readonly name: string;
  private readonly args: readonly string[];
  private child: ChildProcess | undefined;
  private port = 0;
  private id = 0;
  private log = '';

  /** @param backend - name, and behind a colon the number of threads */
  constructor(backend: string, data: string | undefined, peer: string | undefined) {
    this.name = backend;
    const [name = '', threads = '1'] = backend.split(':');
    this.args = [
      'node', '--dev', '--workers', '0', '--no-metrics', '--log-level', 'error', '--backend', name, '--threads', threads,
      ...(data === undefined ? [] : ['--data', data]), ...(peer === undefined ? [] : ['--peer', peer, '--exit-on-mismatch', '--mismatch', join(tmpdir(), 'cortexc-mismatch')]),
    ]; // biome-ignore format: options
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    this.log = '';
    const child = spawn(process.execPath, [MAIN, ...this.args, '--port', String(this.port)], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (piece: string) => (this.log = (this.log + piece).slice(-20_000)));
    const end = Date.now() + START_MS;
    for (;;) {
      const port = /rpc +http:\/\/[^:\s]+:(\d+)/.exec(this.log)?.[1];
      if (port !== undefined) {
        this.port = Number(port);
        return;
      }
      if (child.exitCode !== null || Date.now() > end) throw new Missed(`${this.name} does not start: ${this.log}`);
      await sleep(20);
    }
  }

  kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((done) => {
      child.once('exit', () => done());
      child.kill('SIGKILL');
    });
  }

  /** What it said last. */
  get words(): string {
    return this.log;
  }
  get ended(): boolean {
    return this.child?.exitCode !== null;
  }

  async call(method: string, ...params: readonly unknown[]): Promise<unknown> {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: ++this.id, method, params }),
    });
    const { result, error } = (await response.json()) as { readonly result?: unknown; readonly error?: { readonly message: string } };
    if (error !== undefined) throw new Missed(`${this.name}: ${method}: ${error.message}`);
    return result;
  }

  async height(): Promise<number> {
    return Number(await this.call('eth_blockNumber'));
  }
  async block(n: number): Promise<View | null> {
    return (await this.call('eth_getBlockByNumber', `0x${n.toString(16)}`, false)) as View | null;
  }
}

/** Compares blocks of followers with those of the maker, up to a height. */
class Comparison {
  readonly compared = new Map<string, number>();
  private readonly roots: View[] = [];
  private readonly maker: Process;

  constructor(maker: Process) {
    this.maker = maker;
  }

  /** @throws when a follower has another block, or does not get there in time */
  async reach(follower: Process, height: number): Promise<void> {
    const end = Date.now() + WAIT_MS;
    let next = this.compared.get(follower.name) ?? 0;
    while (next <= height) {
      if (follower.ended) throw new Missed(`${follower.name} ended: ${follower.words}`);
      const there = await follower.height();
      for (; next <= Math.min(there, height); next++) {
        const [own, mine] = [await follower.block(next), (this.roots[next] ??= (await this.maker.block(next)) as View)];
        if (own?.hash !== mine.hash || own.stateRoot !== mine.stateRoot)
          throw new Missed(
            `block ${next} of ${follower.name} has root ${own?.stateRoot}, and that of ${this.maker.name} ${mine.stateRoot}`,
          );
        this.compared.set(follower.name, next + 1);
      }
      if (next <= height) {
        if (Date.now() > end) throw new Missed(`${follower.name} does not get to block ${height}, it has ${there}: ${follower.words}`);
        await sleep(20);
      }
    }
  }

  forget(follower: Process): void {
    this.compared.delete(follower.name);
  }
}

interface Options {
  readonly blocks: number;
  readonly seed: number;
  readonly backends: readonly string[];
  readonly kills: number;
  readonly data: string;
}

const main = async ({ blocks, seed, backends, kills, data }: Options): Promise<void> => {
  const folder = (name: string): string | undefined => (kills === 0 ? undefined : join(data, name.replace(':', '-')));
  const [first = 'reference', ...others] = backends;
  const maker = new Process(first, folder(first), undefined);
  const nodes: Process[] = [maker];
  try {
    await maker.start();
    const followers = others.map((name) => new Process(name, folder(name), maker.url));
    nodes.push(...followers);
    await Promise.all(followers.map((f) => f.start()));
    const comparison = new Comparison(maker);
    const common = createCustomCommon({ chainId: 1337, name: 'cortex-dev' }, Mainnet, { hardfork: Hardfork.Cancun });
    const random = new RandomBlocks((method, ...params) => maker.call(method, ...params), seed, common);
    await random.begin();
    const rng = new Rng(seed + 1);
    const started = Date.now();
    let killed = 0;
    const killOne = async (): Promise<void> => {
      const victim = rng.pick(nodes);
      await sleep(rng.below(200));
      await victim.kill();
      await victim.start();
      killed++;
      if (victim === maker) await random.resume();
    };
    while (random.counts.blocks < blocks) {
      const due = Math.floor((kills * (random.counts.blocks + 1)) / blocks);
      if (killed < due) {
        // in the middle of a block: what the maker was asked for may fail, and nothing else may
        const [made, done] = await Promise.allSettled([random.next(), killOne()]);
        if (done.status === 'rejected') throw done.reason;
        if (made.status === 'rejected') await random.resume();
      } else await random.next();
      const height = await maker.height();
      for (const follower of followers) await comparison.reach(follower, height - LAG);
      if (random.counts.blocks % 50 === 0)
        process.stderr.write(
          `${random.counts.blocks} of ${blocks} blocks, ${killed} kills, ${Math.round((Date.now() - started) / 1000)} s\n`,
        );
    }
    const height = await maker.height();
    for (const follower of followers) await comparison.reach(follower, height);
    const [one] = followers;
    if (one !== undefined) {
      // from nothing, in memory or in a folder of its own
      await one.kill();
      const fresh = new Process(one.name, kills === 0 ? undefined : join(data, 'fresh'), maker.url);
      nodes.push(fresh);
      comparison.forget(one);
      const since = Date.now();
      await fresh.start();
      await comparison.reach(fresh, height);
      process.stdout.write(`${fresh.name}, begun from nothing, has ${height} blocks after ${((Date.now() - since) / 1000).toFixed(1)} s\n`);
    }
    const { stateRoot } = (await maker.block(height)) as View;
    const facts = Object.entries(random.counts).map(([name, n]) => `${name} ${String(n)}`).join(', '); // biome-ignore format: short
    process.stdout.write(`${facts}\n`);
    process.stdout.write(
      `${backends.join(', ')}: the same hash and state root at each of ${height + 1} heights, ${killed} kills; last root ${stateRoot}\n`,
    );
  } finally {
    await Promise.all(nodes.map((n) => n.kill()));
  }
};

const run = async (): Promise<number> => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { blocks: text, seed: text, backends: text, kill: text, data: text } });
  const number = (given: string | undefined, fallback: number): number => (given === undefined ? fallback : Number(given));
  const [blocks, seed, kills] = [number(values.blocks, 1000), number(values.seed, 1), number(values.kill, 0)];
  if (![blocks, seed, kills].every(Number.isSafeInteger)) {
    process.stderr.write('use: npm run node-agreement -- [--blocks N] [--seed N] [--backends A,B:THREADS,…] [--kill N] [--data FOLDER]\n');
    return 2;
  }
  const data = values.data ?? mkdtempSync(join(tmpdir(), 'cortexc-nodes-'));
  try {
    await main({ blocks, seed, kills, data, backends: (values.backends ?? 'reference,wasm,wasm:2,native').split(',') });
    return 0;
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    if (values.data === undefined) rmSync(data, { recursive: true, force: true });
  }
};

process.exitCode = await run();
