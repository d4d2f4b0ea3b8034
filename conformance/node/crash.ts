/**
 * A node that is killed at random points: npm run node-crash -- [--rounds 100] [--seed 1] [--data FOLDER] [--json]. Each round starts a
 * node on the same folder, checks what earlier rounds were promised, sends transactions, inferences and packages, and kills it
 * (SIGKILL), now and then while it starts. In the end a fresh node in memory runs all blocks again. What is done is a function of the
 * seed; when the kill hits is not. Exit status: 0 nothing was lost; 1 something was; 2 wrong use.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Dice, diceOf } from './crash-dice.ts';
import { Promises } from './crash-promises.ts';
import { replay } from './crash-replay.ts';
import { Sender } from './crash-sender.ts';
import { ask, Gone } from './crash-rpc.ts';

const CLI = join(dirname(fileURLToPath(import.meta.url)), '../../src/cli/main.js');
/** A node that says nothing for so long is taken to hang. */
const START_MS = 60_000;
/** Longest time from the start of the load to the kill. */
const LOAD_MS = 1_500;
/** One round in so many is killed while the node starts. */
const STARTS = 6;

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  readonly text: () => string;
}

const start = (data: string): Running => {
  const args = [CLI, 'node', '--dev', '--port', '0', '--backend', 'reference', '--workers', '0', '--data', data];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (piece: string) => (text = (text + piece).slice(-20_000)));
  const ended = new Promise((done) => child.once('exit', done));
  return { child, ended, text: () => text };
};

/** URL of a node when it serves; rejects when it ends before. */
const served = async ({ child, text }: Running): Promise<string> => {
  for (let waited = 0; waited < START_MS; waited += 20) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text())?.[0];
    if (url !== undefined) return url;
    if (child.exitCode !== null) break;
    await pause(20);
  }
  throw new Gone(`the node did not start (exit status ${child.exitCode ?? 'none'}): ${text()}`);
};

const kill = async ({ child, ended }: Running): Promise<void> => {
  child.kill('SIGKILL');
  await ended;
};

interface Outcome {
  readonly rounds: number;
  readonly killedWhileStarting: number;
  readonly told: readonly string[];
}

const rounds = async (count: number, data: string, dice: Dice, promises: Promises): Promise<Outcome> => {
  let killedWhileStarting = 0;
  const told: string[] = [];
  const sender = new Sender(promises, dice);
  let stop = false;
  // whoever ends it gets what there is until then
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (stop = true));
  let round = 0;
  for (; round < count && !stop; round++) {
    const node = start(data);
    try {
      if (round > 0 && dice(STARTS) === 0) {
        await pause(dice(1_200));
        killedWhileStarting++;
        continue;
      }
      const url = await served(node);
      // a tail that was given up is a loss, whatever else is right
      const lost = /NOD00\d\d.*|.*gave up.*/.exec(node.text())?.[0];
      if (lost !== undefined) told.push(`round ${round}: ${lost}`);
      await promises.check(url, dice);
      await sender.prepare(url, round);
      const load = sender.run(url);
      await pause(dice(LOAD_MS));
      await kill(node);
      await load;
    } finally {
      await kill(node);
    }
    if (process.stderr.isTTY || (round + 1) % 10 === 0)
      process.stderr.write(`round ${round + 1} of ${count}: ${promises.summary()}, ${promises.broken.length} broken\n`);
    if (promises.broken.length > 0) break;
  }
  return { rounds: round, killedWhileStarting, told };
};

const main = async (): Promise<number> => {
  const text = { type: 'string' } as const;
  let values: { rounds?: string; seed?: string; data?: string; json?: boolean };
  try {
    ({ values } = parseArgs({ options: { rounds: text, seed: text, data: text, json: { type: 'boolean' } } }));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  const [count, seed] = [Number(values.rounds ?? 100), Number(values.seed ?? 1)];
  if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
    process.stderr.write('usage: npm run node-crash -- [--rounds 100] [--seed 1] [--data FOLDER] [--json]\n');
    return 2;
  }
  const data = values.data ?? mkdtempSync(join(tmpdir(), 'cortexc-crash-'));
  const promises = new Promises();
  const outcome = await rounds(count, data, diceOf(seed), promises);
  const node = start(data);
  let blocks = 0;
  try {
    const url = await served(node);
    await ask(url, 'evm_mine');
    await promises.checkAll(url);
    if (promises.broken.length === 0) {
      const again = await replay(url, promises.packages());
      blocks = again.blocks;
      if (again.problem !== undefined) promises.broken.push(again.problem);
    }
  } finally {
    await kill(node);
  }
  const fine = promises.broken.length === 0 && outcome.told.length === 0;
  const result = { ...outcome, seed, blocks, ...promises.counts(), broken: promises.broken, fine };
  process.stdout.write(
    values.json === true
      ? `${JSON.stringify(result)}\n`
      : `${outcome.rounds} kills, ${outcome.killedWhileStarting} of them while the node started: ${promises.summary()}; ${blocks} blocks ran again in memory\n` +
          [...outcome.told, ...promises.broken].map((line) => `  ${line}\n`).join('') +
          `${fine ? 'nothing was lost' : `something was lost; the folder is ${data}`}\n`,
  );
  if (fine && values.data === undefined) rmSync(data, { recursive: true, force: true });
  return fine ? 0 : 1;
};

process.exitCode = await main();
