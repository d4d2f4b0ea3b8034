/**
 * Conformance cases and random programs on the CUDA backend with the driver without a GPU: npm run gpu-conformance -- [--ops A,B]
 * [--sample N] [--programs N] [--seed N] [--jobs N] [--json]. Its kernels run on the CPU (src/backends/gpu/shim); needs a C++ compiler
 * and koffi. Without options: every case, and 2000 programs, which takes some ten minutes of two cores.
 * Exit status: 0 all are equal to the reference, 1 some are not, 2 wrong use or nothing to run them with.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readVectors, selectCases, selectOps, type VectorCase } from '../../src/conformance/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { repositoryRoot } from '../mutations/plant.ts';
import { checkWork, emptyTally, type Tally, type Work } from './part.ts';

const DEFAULT_PROGRAMS = 2000;
/** Most nodes of a random program. */
const NODES = 8;
/** Uses of ops that stay in one process: what is compiled together. */
const SHAPES_EACH = 24;
/** Problems told; the count has all. */
const MOST_TOLD = 40;

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const FOLDER = join(repositoryRoot(), 'build', 'gpu-conformance');

interface Arguments {
  readonly ops: readonly string[] | undefined;
  readonly sample: number | undefined;
  readonly programs: number;
  readonly seed: number;
  readonly jobs: number;
  readonly json: boolean;
  /** This process's number of how many, in a process that another one started. */
  readonly part: readonly [number, number] | undefined;
}

/** @returns undefined where an argument is not right */
const argumentsOf = (args: readonly string[]): Arguments | undefined => {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { ops: text, sample: text, programs: text, seed: text, jobs: text, json: { type: 'boolean' }, part: text },
    });
    const number = (value: string | undefined, otherwise: number): number => (value === undefined ? otherwise : Number(value));
    const [part = 0, of = 1] = (values.part ?? '0/1').split('/').map(Number);
    const read = {
      ops: values.ops?.split(','),
      sample: values.sample === undefined ? undefined : Number(values.sample),
      programs: number(values.programs, DEFAULT_PROGRAMS),
      seed: number(values.seed, 1),
      jobs: Math.max(number(values.jobs, availableParallelism()), 1),
      json: values.json === true,
      part: values.part === undefined ? undefined : ([part, of] as const),
    };
    const numbers = [read.sample ?? 0, read.programs, read.seed, read.jobs, part, of];
    return numbers.every((n) => Number.isSafeInteger(n) && n >= 0) && selectOps(read.ops).unknown.length === 0 ? read : undefined;
  } catch {
    return undefined;
  }
};

/** The cases of a part: whole shape classes, in turns. */
const casesOfPart = (cases: readonly VectorCase[], part: number, of: number): readonly VectorCase[] => {
  const shapes = new Map<string, number>();
  return cases.filter(({ shape }) => {
    const key = `${shape.op}/${shape.name}`;
    const known = shapes.get(key) ?? shapes.size;
    shapes.set(key, known);
    return Math.floor(known / SHAPES_EACH) % of === part;
  });
};

const workOf = ({ ops, sample, programs, seed }: Arguments, part: number, of: number): Work => {
  const set = unwrap(readVectors());
  return {
    cases: casesOfPart(selectCases(set, selectOps(ops).ops, sample).cases, part, of),
    digests: set.digests,
    programs: Array.from({ length: programs }, (_, i) => i).filter((i) => i % of === part),
    fuzz: { seed, nodes: NODES },
  };
};

/** Runs one part in another process. @returns its last line, which is its tally as JSON */
const runPart = async (part: number, of: number): Promise<Tally> => {
  const script = fileURLToPath(import.meta.url);
  const env = { ...process.env, CORTEXC_CACHE: join(FOLDER, `cache-${part}`) };
  const child: ChildProcess = spawn(process.execPath, [script, ...process.argv.slice(2), '--part', `${part}/${of}`], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const status = await new Promise((resolve) => child.on('close', resolve));
  const line = output.trim().split('\n').at(-1) ?? '';
  if (status === 0 && line.startsWith('{')) return JSON.parse(line) as Tally;
  return { ...emptyTally(), problems: [`part ${part} of ${of} ended with status ${String(status)}`] };
};

const joined = (tallies: readonly Tally[]): Tally =>
  tallies.reduce(
    (a, b) => ({
      cases: a.cases + b.cases,
      passed: a.passed + b.passed,
      refused: a.refused + b.refused,
      programs: a.programs + b.programs,
      problems: [...a.problems, ...b.problems],
    }),
    emptyTally(),
  );

const report = (tally: Tally, json: boolean): void => {
  if (json) process.stdout.write(`${JSON.stringify(tally)}\n`);
  else {
    for (const problem of tally.problems.slice(0, MOST_TOLD)) say(problem);
    const { cases, passed, refused, programs, problems } = tally;
    process.stdout.write(
      `${cases} cases: ${passed} passed, ${refused} refused; ${programs} random programs; ${problems.length} problems\n`,
    );
  }
};

const main = async (): Promise<number> => {
  const args = argumentsOf(process.argv.slice(2));
  if (args === undefined) {
    say('usage: npm run gpu-conformance -- [--ops A,B] [--sample N] [--programs N] [--seed N] [--jobs N] [--json]');
    return 2;
  }
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  if (args.part !== undefined) {
    const [part, of] = args.part;
    const work = workOf(args, part, of);
    const tell = ({ cases, programs, problems }: Tally): void => {
      const done = `${cases} of ${work.cases.length} cases, ${programs} of ${work.programs.length} programs`;
      say(`part ${part}: ${done}, ${problems.length} problems`);
    };
    process.stdout.write(`${JSON.stringify(await checkWork(work, FOLDER, tell))}\n`);
    return 0;
  }
  try {
    const parts = Array.from({ length: args.jobs }, (_, part) => runPart(part, args.jobs));
    const tally = joined(await Promise.all(parts));
    report(tally, args.json);
    return tally.problems.length === 0 ? 0 : 1;
  } finally {
    rmSync(FOLDER, { recursive: true, force: true });
  }
};

process.exitCode = await main();
