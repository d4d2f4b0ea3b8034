import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeNpy } from '../../src/frontend/tensors/index.ts';
import { writeArchive } from './archive.ts';
import { evaluateBig } from './evaluate.ts';
import { bigModel, bigParameters, bigText } from './model.ts';

/**
 * Generates a model of any size, compiles and runs it with the command line in processes of their own, compares the result with
 * one that is computed apart, and tells time and peak memory:
 *
 *     node scripts/run.mjs bench/big/main.js --bytes 8e9 --folder /tmp/big [--keep] [--backends native,wasm]
 *
 * Takes twice the bytes on disk, and once more in the cache of the native backend (CORTEXC_CACHE, here the folder itself).
 */
const { values: options } = parseArgs({
  options: {
    bytes: { type: 'string', default: '8e9' },
    width: { type: 'string', default: '16384' },
    folder: { type: 'string', default: 'big-model' },
    backends: { type: 'string', default: 'native' },
    threads: { type: 'string', default: '2' },
    keep: { type: 'boolean', default: false },
  },
});

const CLI = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.js');
const GOAL_FACTOR = 1.3;
const GOAL_BASE = 1e9;
const POLL_MS = 20;

interface Ran {
  readonly seconds: number;
  /** Most resident bytes, and those of them that are no pages of mapped files. */
  readonly peak: number;
  readonly anonymous: number;
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Fields of /proc/PID/status, in bytes; 0 where there is none. */
const statusOf = (pid: number): { readonly peak: number; readonly anonymous: number } => {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
    return { peak: field('VmHWM'), anonymous: field('RssAnon') };
  } catch {
    return { peak: 0, anonymous: 0 };
  }
};

const run = async (folder: string, ...words: readonly string[]): Promise<Ran> => {
  const started = process.hrtime.bigint();
  const child = spawn(process.execPath, [CLI, ...words], { cwd: folder, env: { ...process.env, CORTEXC_CACHE: join(folder, 'cache') } });
  let [peak, anonymous, stdout, stderr] = [0, 0, '', ''];
  child.stdout.on('data', (text: unknown) => (stdout += String(text)));
  child.stderr.on('data', (text: unknown) => (stderr += String(text)));
  const poll = setInterval(() => {
    const now = statusOf(child.pid ?? 0);
    peak = Math.max(peak, now.peak);
    anonymous = Math.max(anonymous, now.anonymous);
  }, POLL_MS);
  const exit = await new Promise<number | null>((done) => child.on('close', done));
  clearInterval(poll);
  return { seconds: Number(process.hrtime.bigint() - started) / 1e9, peak, anonymous, exit, stdout, stderr };
};

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
const tell = (what: string, text: string): void => void process.stdout.write(`${what.padEnd(22)} ${text}\n`);
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const main = async (): Promise<number> => {
  const { folder } = options;
  const path = (name: string): string => join(folder, name);
  const model = bigModel(Number(options.bytes), Number(options.width));
  const largest = 2 * model.width ** 2;
  const goal = GOAL_FACTOR * largest + GOAL_BASE;
  mkdirSync(folder, { recursive: true });
  const token = 1234;
  if (!existsSync(path('big.npz'))) writeArchive(path('big.npz'), bigParameters(model));
  writeFileSync(path('big.mrl'), bigText(model));
  writeFileSync(path('token.npy'), encodeNpy({ dtype: 'i32', shape: [1], data: Int32Array.of(token) }));
  tell('parameters', `${statSync(path('big.npz')).size} bytes on disk, the largest ${largest}, ${model.layers} dense layers`);
  let problems = 0;
  const told = (what: string, ran: Ran, measured: number): void => {
    const met = measured <= goal;
    if (!met || ran.exit !== 0) problems++;
    const parts = [
      `exit ${ran.exit}`,
      `${ran.seconds.toFixed(1)} s`,
      `peak ${megabytes(ran.peak)}`,
      `anonymous ${megabytes(ran.anonymous)}`,
    ];
    tell(what, `${parts.join(', ')}; goal ${megabytes(goal)}: ${met ? 'met' : 'missed'}`);
    if (ran.exit !== 0) process.stdout.write(ran.stderr);
  };
  const compiled = await run(folder, 'compile', 'big.mrl', '-o', 'big.cvm', '--quiet');
  told('compile', compiled, compiled.peak);
  if (compiled.exit !== 0) return 1;
  const wanted = digestOf(new Uint8Array(evaluateBig(model, token).buffer));
  tell('expected', wanted);
  for (const backend of options.backends.split(',')) {
    for (const turn of ['cold', 'warm']) {
      const ran = await run(
        folder,
        'run',
        'big.cvm',
        'token.npy',
        '--backend',
        backend,
        '--threads',
        options.threads,
        '--json',
        '--top',
        '0',
      );
      // pages of the mapped parameter file are the system's cache, which it takes back at will
      told(`run ${backend}, ${turn}`, ran, ran.anonymous);
      if (ran.exit !== 0) break;
      const same = ran.stdout.includes(wanted);
      if (!same) problems++;
      tell('', same ? 'every byte as expected' : `another result: ${ran.stdout.slice(0, 400)}`);
    }
  }
  if (!options.keep) rmSync(folder, { recursive: true });
  return problems > 0 ? 1 : 0;
};

process.exitCode = await main();
