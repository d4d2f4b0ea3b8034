/**
 * Mutation fuzzer of the decoders: npm run fuzz -- [--target onnx|mrl|cvm|all] [--count N] [--seed S] [--seconds T]
 * [--only INDEX] [--out FOLDER]. A run is a function of the seed; `--only` decodes one input again, in this process.
 * Each target runs in a worker that is watched, so that a hang or an exhausted heap is a finding and not the end.
 * Exit status: 0 nothing found, 1 findings (their inputs are written to the folder), 2 wrong use.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, Worker } from 'node:worker_threads';
import { addTally, emptyTally, type Finding, inputAt, MAX_FINDINGS, runInputs, SLOW_MS, type Tally } from './fuzz/engine.ts';
import { createTarget, TARGET_NAMES, type TargetName } from './fuzz/targets.ts';
import { answerBatches, type Batch } from './fuzz/worker.ts';

const BATCH = 1000;
/** An input that runs for this long is taken to hang; its worker is ended. */
const HANG_MS = 10 * SLOW_MS;

interface Options {
  readonly targets: readonly TargetName[];
  readonly count: number;
  readonly seed: number;
  readonly seconds: number;
  readonly only: number | undefined;
  readonly out: string;
}

const USAGE = `usage: npm run fuzz -- [--target ${TARGET_NAMES.join('|')}|all] [--count N] [--seed S] [--seconds T] [--only INDEX] [--out FOLDER]\n`;

const whole = (text: string | undefined, fallback: number): number =>
  text === undefined ? fallback : /^\d+$/.test(text) ? Number(text) : Number.NaN;

/** @returns undefined when the command line is wrong */
const readOptions = (args: readonly string[]): Options | undefined => {
  const text = { type: 'string' } as const;
  let values: Partial<Record<'target' | 'count' | 'seed' | 'seconds' | 'only' | 'out', string>>;
  try {
    ({ values } = parseArgs({ args: [...args], options: { target: text, count: text, seed: text, seconds: text, only: text, out: text } }));
  } catch {
    return undefined;
  }
  const targets = TARGET_NAMES.filter((name) => values.target === undefined || values.target === 'all' || values.target === name);
  const options = {
    targets,
    count: whole(values.count, 100_000),
    seed: whole(values.seed, 1),
    seconds: whole(values.seconds, Number.POSITIVE_INFINITY),
    only: values.only === undefined ? undefined : whole(values.only, 0),
    out: values.out ?? 'tmp/fuzz',
  };
  const numbers = [options.count, options.seed, options.seconds, options.only ?? 0];
  return targets.length === 0 || numbers.some(Number.isNaN) ? undefined : options;
};

/** A worker for one target; `current` and `since` (ms) tell what it decodes. */
class Watched {
  private readonly target: TargetName;
  private readonly shared = new Float64Array(new SharedArrayBuffer(16));
  private worker: Worker | undefined;

  constructor(target: TargetName) {
    this.target = target;
  }

  /** Runs a batch; a hang or the worker's death is a finding and ends the batch at that input. */
  run(batch: Batch): Promise<{ readonly tally: Tally; readonly next: number }> {
    const worker = (this.worker ??= new Worker(fileURLToPath(import.meta.url), {
      workerData: { target: this.target, shared: this.shared },
      resourceLimits: { maxOldGenerationSizeMb: 2048 },
      execArgv: process.execArgv,
    }));
    this.shared[0] = batch.from;
    this.shared[1] = Date.now();
    return new Promise((resolve) => {
      const finish = (tally: Tally, next: number): void => {
        clearInterval(timer);
        worker.off('message', onMessage);
        worker.off('error', onError);
        worker.off('exit', onExit);
        resolve({ tally, next });
      };
      const broken = (kind: Finding['kind'], message: string): void => {
        const index = this.shared[0] ?? batch.from;
        const tally = { ...emptyTally(), inputs: index + 1 - batch.from };
        tally.findings.push({ target: this.target, index, kind, message });
        this.worker = undefined;
        finish(tally, index + 1);
        worker.on('error', () => undefined);
        void worker.terminate();
      };
      const onMessage = (tally: Tally): void => finish(tally, batch.to);
      const onError = (error: Error): void => broken('exit', String(error));
      const onExit = (code: number): void => broken('exit', `the worker ended with status ${code}`);
      const timer = setInterval(() => {
        if (Date.now() - (this.shared[1] ?? 0) > HANG_MS) broken('hang', `no end after ${HANG_MS} ms`);
      }, 500);
      worker.on('message', onMessage);
      worker.on('error', onError);
      worker.on('exit', onExit);
      worker.postMessage(batch);
    });
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(0)} s`;

const progress = (target: string, tally: Tally, total: number, elapsedMs: number): void => {
  const rate = tally.inputs / (elapsedMs / 1000);
  const left = ((total - tally.inputs) / rate) * 1000;
  const line = `${target}: ${tally.inputs} of ${total} inputs, ${rate.toFixed(0)}/s, ${seconds(left)} left, ${tally.findings.length} findings`;
  process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${line}` : `${line}\n`);
};

const fuzzTarget = async (
  name: TargetName,
  options: Options,
  deadline: number,
): Promise<{ readonly tally: Tally; readonly ms: number }> => {
  const sum = emptyTally();
  const watched = new Watched(name);
  const start = Date.now();
  let told = 0;
  for (let next = 0; next < options.count && Date.now() < deadline && sum.findings.length < MAX_FINDINGS; ) {
    const done = await watched.run({ seed: options.seed, from: next, to: Math.min(next + BATCH, options.count) });
    addTally(sum, done.tally);
    next = done.next;
    if (Date.now() - told < (process.stderr.isTTY ? 500 : 10_000)) continue;
    told = Date.now();
    progress(name, sum, options.count, told - start);
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  await watched.close();
  return { tally: sum, ms: Date.now() - start };
};

const summaryLine = (cells: readonly string[]): string => cells.map((c, i) => (i === 0 ? c.padEnd(8) : c.padStart(14))).join('');

const commonCodes = (tally: Tally): string =>
  [...tally.codes]
    .filter(([code]) => code !== 'accepted')
    .sort((a, b) => b[1] - a[1])
    .slice(0, 12)
    .map(([code, n]) => `${code} ${n}`)
    .join(', ');

const writeFindings = (options: Options, findings: readonly Finding[]): void => {
  mkdirSync(options.out, { recursive: true });
  for (const { target, index, kind, message } of findings) {
    const name = TARGET_NAMES.find((t) => t === target);
    if (name === undefined) continue;
    const path = join(options.out, `${target}-${options.seed}-${index}.bin`);
    writeFileSync(path, inputAt(createTarget(name), options.seed, index));
    process.stdout.write(`\n${kind} in ${target}, input ${index} (${path})\n${message}\n`);
    process.stdout.write(`again: npm run fuzz -- --target ${target} --seed ${options.seed} --only ${index}\n`);
  }
};

const runOnly = (options: Options, index: number): number => {
  let found = 0;
  for (const name of options.targets) {
    const tally = runInputs(createTarget(name), { seed: options.seed, from: index, to: index + 1 });
    const outcome = [...tally.codes.keys()].join(', ');
    process.stdout.write(`${name} ${index}: ${outcome}, ${tally.slowestMs.toFixed(1)} ms, ${tally.bytes} bytes\n`);
    for (const finding of tally.findings) process.stdout.write(`${finding.kind}: ${finding.message}\n`);
    found += tally.findings.length;
  }
  return found > 0 ? 1 : 0;
};

const main = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  if (options.only !== undefined) return runOnly(options, options.only);
  const findings: Finding[] = [];
  const rows = [summaryLine(['target', 'inputs', 'accepted', 'codes', 'inputs/s', 'slowest ms', 'at input', 'most MiB', 'findings'])];
  const notes: string[] = [];
  const end = Date.now() + options.seconds * 1000;
  for (const [i, name] of options.targets.entries()) {
    // What is left of the time is shared evenly by the targets that are left.
    const share = (end - Date.now()) / (options.targets.length - i);
    const { tally, ms } = await fuzzTarget(name, options, Date.now() + share);
    findings.push(...tally.findings);
    rows.push(
      summaryLine([
        name,
        String(tally.inputs),
        String(tally.accepted),
        String(tally.codes.size),
        (tally.inputs / (ms / 1000)).toFixed(0),
        tally.slowestMs.toFixed(0),
        String(tally.slowestIndex),
        (tally.mostMemory / 2 ** 20).toFixed(1),
        String(tally.findings.length),
      ]),
    );
    notes.push(`${name}: ${commonCodes(tally)}`);
  }
  process.stdout.write(`${rows.join('\n')}\n\nseed ${options.seed}; most frequent codes:\n${notes.join('\n')}\n`);
  if (findings.length > 0) writeFindings(options, findings);
  return findings.length > 0 ? 1 : 0;
};

if (isMainThread) process.exitCode = await main();
else answerBatches();
