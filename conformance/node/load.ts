/**
 * A crowd at the RPC of a development node: npm run node-load -- [--clients 2000] [--seconds 600] [--hostile 5] [--json]. Clients run in
 * processes of their own, so many percent of them hostile. Exit status: 0 the node served; 1 it crashed, gave a wrong answer, left
 * honest clients without one, or grew; 2 wrong use.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { decodePackage, encodePackage } from '../../src/cvm-bytecode/index.ts';
import { parseMrl } from '../../src/frontend/mrl/index.ts';
import { modelCalls } from '../../src/node/index.ts';
import { sha256, toHex, unwrap } from '../../src/support/index.ts';
import { type ClientReport, type KindStats, median, quantile, sum } from './load-stats.ts';
import { type LoadTask, NoAnswer, pause, request } from './load-task.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const CLI = join(HERE, '../../src/cli/main.js');

/** Growth that is no leak: blocks of a chain in memory, and what a collector of garbage leaves. */
const GROWTH_SHARE = 0.25;
const BYTES_PER_BLOCK = 65_536;
/** Requests of honest clients that may end without an answer. */
const LOST_SHARE = 0.001;
/** Of those that are told to ask again later. */
const BUSY_SHARE = 0.01;

/** y: each element plus 1, at most 127; z: the first two sums. */
const MODEL = `mrl 1;
model crowd {
  input x: i8[1, 40];
  param one: i32[] = 1;
  let sum = add(cast(x, dtype: i32), one);
  output y = cast(clamp(sum, lo: -128, hi: 127), dtype: i8);
  output z = slice(reshape(sum, shape: [40]), starts: [0], sizes: [2], steps: [1]);
}
`;

const packaged = () => {
  const { program } = unwrap(parseMrl(MODEL, { file: 'crowd.mrl' }));
  const source = { format: 'mrl', file: 'crowd.mrl', sha256: toHex(sha256(MODEL)), compilerVersion: 'load' };
  const file = unwrap(
    encodePackage({ program, metadata: { name: 'crowd', author: '', description: '', licence: '', version: '', source } }),
  );
  return { file, ...unwrap(decodePackage(file)) };
};

const rpc = async <T>(url: string, method: string, ...params: readonly unknown[]): Promise<T> => {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: request(1, method, params) });
  const { result, error } = (await response.json()) as { readonly result: T; readonly error?: { readonly message: string } };
  if (error !== undefined) throw new NoAnswer(`${method}: ${error.message}`);
  return result;
};

interface RunningNode {
  readonly child: ChildProcess;
  readonly url: string;
  readonly text: () => string;
}

const startNode = async (): Promise<RunningNode> => {
  const child = spawn(process.execPath, [CLI, 'node', '--dev', '--port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (piece: string) => (text = (text + piece).slice(-20_000)));
  for (let i = 0; i < 600; i++) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
    if (url !== undefined) return { child, url, text: () => text };
    if (child.exitCode !== null) break;
    await pause(100);
  }
  child.kill();
  throw new NoAnswer(`the node did not start: ${text}`);
};

/** Registers the model; its address. */
const publish = async (url: string): Promise<Pick<LoadTask, 'model' | 'precompile' | 'scorePrecompile'>> => {
  const { file, record, bytecode } = packaged();
  const p = await rpc<{ registry: string; inferPrecompile: string; scorePrecompile: string }>(url, 'cortex_parameters');
  const [from] = await rpc<string[]>(url, 'eth_accounts');
  await rpc(url, 'cortex_putPackage', `0x${toHex(file)}`);
  const send = async (data: string): Promise<{ logs: { topics: string[] }[] }> => {
    const hash = await rpc(url, 'eth_sendTransaction', { from, to: p.registry, data });
    return rpc(url, 'eth_getTransactionReceipt', hash);
  };
  const model = `0x${(await send(modelCalls.register(0, record, bytecode))).logs[0]?.topics[1]?.slice(-40) ?? ''}`;
  await send(modelCalls.upload(model));
  await rpc(url, 'evm_mine');
  return { model, precompile: p.inferPrecompile, scorePrecompile: p.scorePrecompile };
};

interface Sample {
  readonly second: number;
  readonly rss: number;
  readonly handles: number;
}

/** Memory and open files of a process, where the system tells. */
const look = (pid: number, second: number): Sample | undefined => {
  if (!existsSync(`/proc/${pid}/status`)) return undefined;
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return { second, rss: kilobytes * 1024, handles: readdirSync(`/proc/${pid}/fd`).length };
};

const mb = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;
const ms = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

const table = (kinds: Readonly<Record<string, KindStats>>, seconds: number): string => {
  const rows = Object.entries(kinds).sort(([a], [b]) => (a < b ? -1 : 1));
  const line = (name: string, k: KindStats): string =>
    `${name.padEnd(24)}${String(k.count).padStart(9)}${(k.count / seconds).toFixed(1).padStart(9)}${ms(quantile(k, 0.5)).padStart(9)}${ms(quantile(k, 0.99)).padStart(9)}${String(k.busy).padStart(7)}${String(k.errors).padStart(8)}`;
  const header = `${'honest requests'.padEnd(24)}${'answers'.padStart(9)}${'a second'.padStart(9)}${'p50 ms'.padStart(9)}${'p99 ms'.padStart(9)}${'busy'.padStart(7)}${'errors'.padStart(8)}`;
  return [header, ...rows.map(([name, k]) => line(name, k)), line('all', sum(rows.map(([, k]) => k)))].join('\n');
};

/** What is wrong, in words; none: the node served. */
const verdict = (
  report: ClientReport,
  samples: readonly Sample[],
  rest: { readonly handles: number; readonly blocks: number },
  first: Sample | undefined,
): readonly string[] => {
  const problems = report.wrong.map((w) => `wrong answer: ${w}`);
  const all = sum(Object.values(report.kinds));
  if (all.count === 0) problems.push('no honest request was answered');
  if (all.errors > LOST_SHARE * all.count) problems.push(`${all.errors} honest requests got no answer: ${JSON.stringify(report.errors)}`);
  if (all.busy > BUSY_SHARE * all.count) problems.push(`${all.busy} honest requests were told to ask later`);
  // the first half is for warming up
  const steady = samples.slice(samples.length >> 1);
  const part = (a: number, b: number): number =>
    median(steady.slice(Math.floor(a * steady.length), Math.ceil(b * steady.length)).map((s) => s.rss));
  const [before, after] = [part(0, 0.25), part(0.75, 1)];
  if (after > before * (1 + GROWTH_SHARE) + rest.blocks * BYTES_PER_BLOCK)
    problems.push(`memory grew from ${mb(before)} to ${mb(after)} over the second half`);
  if (first !== undefined && rest.handles > first.handles + 10)
    problems.push(`${rest.handles} files are open after the crowd, ${first.handles} were before it`);
  return problems;
};

const start = (file: string, task: LoadTask, told: (message: unknown) => void): ChildProcess => {
  const child = fork(join(HERE, file), [JSON.stringify(task)]);
  child.on('message', told);
  return child;
};

const gone = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null ? Promise.resolve(child.exitCode) : new Promise((done) => child.once('exit', done));

const main = async (): Promise<number> => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { clients: text, seconds: text, hostile: text, json: { type: 'boolean' } } });
  const [clients, seconds, hostile] = [Number(values.clients ?? 2000), Number(values.seconds ?? 600), Number(values.hostile ?? 5)];
  if (!(clients >= 1 && seconds >= 5 && hostile >= 0 && hostile <= 100)) {
    process.stderr.write('use: npm run node-load -- [--clients 2000] [--seconds 600] [--hostile 5] [--json]\n');
    return 2;
  }
  const node = await startNode();
  try {
    return await crowd(node, { clients, seconds, hostile, json: values.json === true });
  } finally {
    if (node.child.exitCode === null) node.child.kill('SIGKILL');
  }
};

interface Crowd {
  readonly clients: number;
  readonly seconds: number;
  readonly hostile: number;
  readonly json: boolean;
}

const crowd = async (node: RunningNode, { clients, seconds, hostile, json }: Crowd): Promise<number> => {
  const pid = node.child.pid ?? 0;
  const bad = Math.round((clients * hostile) / 100);
  const task: LoadTask = { url: node.url, clients: clients - bad, seconds, ...(await publish(node.url)) };
  const first = look(pid, 0);
  let report: ClientReport = { kinds: {}, wrong: [], errors: {} };
  let attempts: Readonly<Record<string, number>> = {};
  const children = [
    start('load-honest.js', task, (m) => (report = m as ClientReport)),
    start('load-hostile.js', { ...task, clients: bad }, (m) => ({ attempts } = m as { attempts: Readonly<Record<string, number>> })),
  ];
  const samples: Sample[] = [];
  const began = performance.now();
  const watch = setInterval(() => {
    const second = Math.round((performance.now() - began) / 1000);
    const sample = node.child.exitCode === null ? look(pid, second) : undefined;
    if (sample !== undefined) samples.push(sample);
    if (second % 10 === 0) {
      const all = sum(Object.values(report.kinds));
      process.stderr.write(
        `${second} s  ${all.count} answers, ${all.busy} busy, ${all.errors} errors  ${sample === undefined ? '' : `${mb(sample.rss)}, ${sample.handles} files`}\n`,
      );
    }
  }, 1000);
  const codes = await Promise.race([Promise.all(children.map(gone)), gone(node.child).then(() => undefined)]);
  clearInterval(watch);
  const problems: string[] = [];
  if (codes === undefined) problems.push(`the node ended: ${node.child.exitCode ?? node.child.signalCode} ${node.text()}`);
  else if (codes.some((c) => c !== 0)) problems.push('a process of clients failed');
  for (const child of children) child.kill();
  let blocks = 0;
  if (codes !== undefined) {
    // connections that nobody uses end by themselves
    await pause(12_000);
    blocks = Number(await rpc<string>(node.url, 'eth_blockNumber'));
  }
  const last = node.child.exitCode === null ? look(pid, seconds) : undefined;
  problems.push(...verdict(report, samples, { handles: last?.handles ?? 0, blocks }, first));
  const ended = gone(node.child);
  node.child.kill('SIGTERM');
  await Promise.race([ended, pause(10_000)]);
  if (node.child.exitCode === null) node.child.kill('SIGKILL');
  const memory =
    samples.length === 0
      ? 'memory: this system does not tell (skipped)'
      : `memory ${mb(first?.rss ?? 0)} at first, at most ${mb(Math.max(...samples.map((s) => s.rss)))}, ${mb(last?.rss ?? 0)} after the crowd; files ${first?.handles ?? 0}, at most ${Math.max(...samples.map((s) => s.handles))}, ${last?.handles ?? 0}`;
  if (json)
    process.stdout.write(
      `${JSON.stringify({ clients, hostile: bad, seconds, blocks, kinds: Object.fromEntries(Object.entries(report.kinds).map(([k, v]) => [k, { answers: v.count, busy: v.busy, errors: v.errors, p50: quantile(v, 0.5), p99: quantile(v, 0.99) }])), attempts, samples, problems })}\n`,
    );
  else
    process.stdout.write(
      `${clients - bad} honest and ${bad} hostile clients for ${seconds} s, ${blocks} blocks\n${table(report.kinds, seconds)}\n${memory}\nattacks ${Object.entries(
        attempts,
      )
        .map(([k, n]) => `${k} ${n}`)
        .join(', ')}\n${problems.length === 0 ? 'ok' : problems.join('\n')}\n`,
    );
  return problems.length === 0 ? 0 : 1;
};

process.exitCode = await main();
