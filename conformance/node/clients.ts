/**
 * The development node with the tools that people have: npm run node-clients -- [--only viem,ethers,cast,hardhat,wallet] [--json]. Starts
 * a node of the built command line, puts a model on its chain, and lets each client deploy a contract, write, read, find logs, decode
 * refusals, infer, and meet its own mistakes. `wallet` makes the calls of MetaMask. cast and Hardhat are fetched from the registry into
 * build/node-clients, without install scripts; what cannot be fetched is skipped, and said so.
 * Exit status: 0 all as it should be, 1 something is not, 2 wrong use.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Hex } from 'viem';
import { cortexc, HERE, ROOT } from '../../examples/contracts/toolkit.ts';
import { tryCast } from './clients/cast.ts';
import { tryEthers } from './clients/ethers.ts';
import { tryHardhat } from './clients/hardhat.ts';
import { CHECKS, compiled, Missed, type Room, Sheet } from './clients/room.ts';
import { tryViem } from './clients/viem.ts';
import { tryWallet } from './clients/wallet.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
/** A page of the web that the node is told to allow. */
const PAGE = 'https://wallet.example';
const START_MS = 60_000;

const CLIENTS: Readonly<Record<string, (room: Room, sheet: Sheet) => Promise<string | undefined | void>>> = {
  viem: tryViem,
  ethers: tryEthers,
  cast: tryCast,
  hardhat: tryHardhat,
  wallet: (room, sheet) => tryWallet(room, PAGE, sheet),
};

/** A node in a process of its own. */
const begin = async (): Promise<{ readonly url: string; readonly child: ChildProcess }> => {
  const words = [MAIN, 'node', '--dev', '--port', '0', '--allow-origin', PAGE];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = createInterface({ input: child.stderr });
  const seen: string[] = [];
  const url = await new Promise<string>((done, fail) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      fail(new Missed(`the node did not begin: ${seen.join('\n')}`));
    }, START_MS);
    lines.on('line', (line) => {
      seen.push(line);
      const [here] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (here === undefined) return;
      clearTimeout(late);
      done(here);
    });
    child.once('exit', (code) => fail(new Missed(`the node ended with ${String(code)}: ${seen.join('\n')}`)));
  });
  return { url, child };
};

const table = (names: readonly string[], { outcomes }: Sheet): string => {
  const wide = Math.max(...CHECKS.map((c) => c.length)) + 2;
  const rows = [['', ...names], ...CHECKS.map((check) => [check, ...names.map((n) => {
    const found = outcomes.find((o) => o.client === n && o.check === check);
    return found === undefined ? '-' : found.problem === undefined ? 'ok' : 'MISS';
  })])]; // biome-ignore format: short
  return rows.map(([first = '', ...cells]) => first.padEnd(wide) + cells.map((c) => c.padEnd(9)).join('')).join('\n');
};

const main = async (only: readonly string[], json: boolean): Promise<number> => {
  const cache = join(ROOT, 'build', 'node-clients');
  mkdirSync(cache, { recursive: true });
  const file = join(cache, 'creature.cvm');
  await cortexc('compile', join(HERE, 'creature.mrl'), '-o', file);
  await cortexc('bind', file, '-o', join(cache, 'bindings'), '--name', 'CreatureModel', '--force');
  const contract = compiled(join(cache, 'bindings'));
  const { url, child } = await begin();
  const sheet = new Sheet();
  const skipped: Record<string, string> = {};
  try {
    const { address: model } = JSON.parse(await cortexc('publish', file, '--rpc', url, '--json')) as { readonly address: Hex };
    for (const name of only) {
      process.stderr.write(`${name} …\n`);
      const why = await CLIENTS[name]?.({ url, model, cache, ...contract }, sheet);
      if (typeof why === 'string') skipped[name] = why;
    }
  } finally {
    child.kill('SIGTERM');
    await new Promise((done) => (child.exitCode === null ? child.once('exit', done) : done(undefined)));
  }
  const missed = sheet.outcomes.filter((o) => o.problem !== undefined);
  if (json) process.stdout.write(`${JSON.stringify({ outcomes: sheet.outcomes, skipped })}\n`);
  else process.stdout.write(`${table(only, sheet)}\n`);
  for (const [name, why] of Object.entries(skipped)) process.stderr.write(`SKIPPED ${name}: ${why}\n`);
  for (const { client, check, problem } of missed) process.stderr.write(`MISS ${client}, ${check}: ${problem}\n`);
  // a client that made fewer checks than there are made them wrong
  const short = only.filter((n) => skipped[n] === undefined && sheet.outcomes.filter((o) => o.client === n).length !== CHECKS.length);
  for (const name of short) process.stderr.write(`MISS ${name} did not make all checks\n`);
  return missed.length + short.length === 0 ? 0 : 1;
};

const usage = (problem: string): void => {
  process.stderr.write(`${problem}\nusage: npm run node-clients -- [--only ${Object.keys(CLIENTS).join(',')}] [--json]\n`);
  process.exitCode = 2;
};

try {
  const { values } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'boolean', default: false } } });
  const only = values.only?.split(',') ?? Object.keys(CLIENTS);
  const unknown = only.find((n) => CLIENTS[n] === undefined);
  if (unknown === undefined) process.exitCode = await main(only, values.json);
  else usage(`there is no client '${unknown}'`);
} catch (error) {
  if (error instanceof TypeError && 'code' in error) usage(error.message);
  else {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
