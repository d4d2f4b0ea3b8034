import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../data.ts';
import { builtFolder, vectorFolder } from './device-folder.ts';
import type { Compiled, Expected } from './device-prepare.ts';
import type { NetworkName } from './networks/architectures.ts';

export type Job =
  | { readonly kind: 'compile'; readonly name: NetworkName; readonly batch: number; readonly absent?: true }
  | { readonly kind: 'emit'; readonly name: NetworkName; readonly batch: number }
  | { readonly kind: 'expect'; readonly name: NetworkName };

/** Threads of the CPU backend: only its bytes are wanted. */
const EXPECT_THREADS = 4;

const wordsOf = (job: Job, cores: number): readonly string[] => {
  switch (job.kind) {
    case 'compile':
      // what no device here can load lies beside what it can
      return job.absent
        ? [job.kind, job.name, String(job.batch), `${builtFolder(job)}-absent`, 'absent']
        : [job.kind, job.name, String(job.batch), builtFolder(job)];
    case 'emit':
      return [job.kind, job.name, String(job.batch)];
    case 'expect':
      return [job.kind, job.name, vectorFolder(job), String(Math.min(EXPECT_THREADS, cores))];
  }
};

export type Outcome = { readonly facts: Compiled | Expected } | { readonly problem: string };

const runJob = (job: Job, cores: number, signal: AbortSignal, env: NodeJS.ProcessEnv): Promise<Outcome> =>
  new Promise((resolve) => {
    const main = join(ROOT, 'dist', 'bench', 'gpu', 'device-prepare.js');
    // a group of its own, so that its compilers end with it
    const child = spawn('nice', ['-n', '5', process.execPath, '--max-old-space-size=8192', main, ...wordsOf(job, cores)], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, complaint] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (complaint = (complaint + data.toString()).slice(-4000)));
    child.on('error', (error) => resolve({ problem: error.message }));
    const stop = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    signal.addEventListener('abort', stop, { once: true });
    process.once('exit', stop);
    child.on('close', (code) => {
      signal.removeEventListener('abort', stop);
      process.off('exit', stop);
      if (code === 0) resolve({ facts: JSON.parse(out) as Compiled | Expected });
      else if (signal.aborted) resolve({ problem: 'preparing took longer than it may' });
      else
        resolve({ problem: /^\w*Error\b[^:]*: (.*)$/m.exec(complaint)?.[1] ?? complaint.trim().split('\n').at(-1) ?? `exit code ${code}` });
    });
  });

export interface JobOptions {
  readonly cores: number;
  /** When what is not done is given up. */
  readonly deadline: number;
  readonly env: NodeJS.ProcessEnv;
  readonly done: (job: Job, outcome: Outcome) => void;
}

/** Each compiles its units side by side, so a few at a time use all cores; the first ones end first. */
const CORES_PER_JOB = 3;

/** Runs jobs in their order, several at a time. */
export const runJobs = async (jobs: readonly Job[], { cores, deadline, env, done }: JobOptions): Promise<void> => {
  const stopper = new AbortController();
  const timer = setTimeout(() => stopper.abort(), Math.max(0, deadline - performance.now()));
  const queue = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift())
      done(job, stopper.signal.aborted ? { problem: 'preparing took longer than it may' } : await runJob(job, cores, stopper.signal, env));
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.floor(cores / CORES_PER_JOB)) }, work));
  clearTimeout(timer);
};
