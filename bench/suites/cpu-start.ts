import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { encodeNpy } from '../../src/frontend/tensors/index.ts';
import { isStaticType, Philox, randomTensor, typeOf } from '../../src/ir/index.ts';
import type { ChildReport } from '../cpu/child.ts';
import { ARCHITECTURES, type ArchitectureName, onnxOf } from '../cpu/networks/architectures.ts';
import { absence, type Target, TARGETS } from '../cpu/ours.ts';
import { modelFile, packageOf, programOf } from '../cpu/prepare.ts';
import { ROOT } from '../data.ts';
import { attempt, type Bench, median, timed } from '../rows.ts';

/** Milliseconds from a package on disk to its first result. */
const START_GOALS: Readonly<Record<Target, number>> = { native: 60, wasm: 150 };
/** What Node itself may take. */
const NODE_BYTES = 80e6;
const MB = 1e6;
const RUNS_FOR_MEMORY = 3;

const packageFor = (name: ArchitectureName): string => packageOf(modelFile(`models/${name}.onnx`, () => onnxOf(name).bytes));

/** Opens and runs a package in a process of its own. */
const inFreshProcess = (target: Target, path: string, runs: number): ChildReport => {
  const child = join(ROOT, 'dist', 'bench', 'cpu', 'child.js');
  const ran = spawnSync(process.execPath, [child, target, path, String(runs)], { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(ran.stderr.trim().split('\n').at(-1) ?? `status ${ran.status}`);
  return JSON.parse(ran.stdout) as ChildReport;
};

/** The installed command line (scripts/bundle.mjs). */
const PROGRAM = join(ROOT, 'dist', 'src', 'cli', 'cortexc.cjs');

/** Loaded before the program: tells on stderr how long it takes from its first statement to the end of the process, in milliseconds. */
const CLOCK = `const began = performance.now();
process.on('exit', () => process.stderr.write(\`clock \${performance.now() - began}\`));
`;

/** Loaded before the program: tells on stderr how much memory the process had at most, in KiB. Not what it got from its parent, as maxRSS would. */
const PEAK = `process.on('exit', () => {
  const [, peak] = /^VmHWM:\\s*(\\d+) kB$/m.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'));
  process.stderr.write(\`peak \${peak}\`);
});
`;

/** One call of the command line in a cache of its own. */
interface Start {
  /** Of the whole process, as its parent sees it. */
  readonly ms: number;
  /** From the first statement of the program on, with the clock. */
  readonly mainMs: number | undefined;
  readonly peakBytes: number | undefined;
  readonly digest: string;
}

const startOnce = (words: readonly string[], nodeOptions: readonly string[] = []): Start => {
  const env = { ...process.env, CORTEXC_CACHE: join(ROOT, 'build', 'bench-cpu', 'start-cache') };
  const [ran, ms] = timed(() =>
    spawnSync(process.execPath, [...nodeOptions, PROGRAM, 'run', ...words, '--json'], { encoding: 'utf8', env, maxBuffer: 2 ** 26 }),
  );
  if (ran.status !== 0) throw new Error(`${ran.stderr}${ran.stdout}`.trim().slice(0, 300));
  const told = (what: string): number | undefined => {
    const [, number] = new RegExp(`${what} ([\\d.]+)$`).exec(ran.stderr) ?? [];
    return number === undefined ? undefined : Number(number);
  };
  const { outputs } = JSON.parse(ran.stdout) as { readonly outputs: readonly { readonly digest: string }[] };
  const peak = told('peak');
  const digest = outputs.map((o) => o.digest).join();
  return { ms, mainMs: told('clock'), peakBytes: peak === undefined ? undefined : peak * 1024, digest };
};

const bareNode = (): number => timed(() => spawnSync(process.execPath, ['-e', '0']))[1];

/** Inputs of a package as .npy files: real numbers, as users have them. */
const inputFiles = (name: ArchitectureName, path: string): readonly string[] => {
  const program = programOf(path);
  return program.inputs.map(({ value }, i) => {
    const type = typeOf(program, value);
    if (!isStaticType(type)) throw new Error('an input has symbolic dimensions');
    const tensor = randomTensor({ dtype: 'f32', shape: type.shape }, new Philox(i), -1, 1);
    return modelFile(`inputs/${name}-${i}-${type.shape.join('x')}.npy`, () => encodeNpy(tensor));
  });
};

/**
 * `cortexc run x.cvm input.npy` of a package that was run once before, in fresh processes, in turn with Node itself: the time of the whole
 * process, and the part that is not Node's own start. The first run compiles, and is compared with the reference where there is a goal; all give its digest.
 */
const starts = (bench: Bench, name: ArchitectureName, target: Target, goal: number | undefined): void => {
  const path = packageFor(name);
  const words = [path, ...inputFiles(name, path), '--backend', target, '--no-fallback'];
  const clock = modelFile('start-clock.cjs', () => new TextEncoder().encode(CLOCK));
  // the reference takes minutes for the larger one
  const first = startOnce([...words, ...(goal === undefined ? [] : ['--verify'])]);
  startOnce(words);
  const rounds = Array.from({ length: bench.quick ? 7 : 15 }, () => ({
    node: bareNode(),
    whole: startOnce(words),
    clocked: startOnce(words, ['--require', clock]),
  }));
  if (rounds.some((r) => r.whole.digest !== first.digest || r.clocked.digest !== first.digest)) throw new Error('the results differ');
  const of = (value: (round: (typeof rounds)[number]) => number): number => median(rounds.map(value));
  const ms = of((r) => r.whole.ms);
  const parts = `Node itself ${of((r) => r.node).toFixed(0)}, from the first statement on ${of((r) => r.clocked.mainMs ?? Number.NaN).toFixed(0)}`;
  bench.row({
    name: `cold start, ${ARCHITECTURES[name].title}, ${target}, a package that was run before`,
    value: ms,
    unit: 'ms',
    peer: `medians: ${parts}; the first run, which compiles${goal === undefined ? '' : ' and compares'}, ${first.ms.toFixed(0)}`,
    ...(goal === undefined ? {} : { goal: `<= ${goal}`, met: ms <= goal }),
  });
};

/** From a package on disk to the first result, each time in a fresh process of the installed command line. */
export const coldStart = async (bench: Bench): Promise<void> => {
  bench.row({ name: 'cold start, Node itself', value: median(Array.from({ length: 7 }, bareNode)), unit: 'ms' });
  for (const target of TARGETS) {
    const missing = absence(target);
    if (missing !== undefined) {
      bench.row({ name: `cold start, SqueezeNet 1.1, ${target}`, unit: 'ms', goal: `<= ${START_GOALS[target]}`, skipped: missing });
      continue;
    }
    await attempt(bench, `cold start, ${target}`, async () => starts(bench, 'squeezenet', target, START_GOALS[target]));
    await attempt(bench, `cold start of ResNet-50, ${target}`, async () => starts(bench, 'resnet50', target, undefined));
  }
};

/** A row for what a process had at most beyond the program's own. */
const memoryRow = (bench: Bench, name: string, peakBytes: number, { parameters = 0, arena = 0 }: Partial<ChildReport>): void => {
  const rest = peakBytes - parameters - arena;
  bench.row({
    name: `memory, ${name}: peak beyond parameters and arena`,
    value: rest / MB,
    unit: 'MB',
    peer: `peak ${(peakBytes / MB).toFixed(0)} MB, parameters ${(parameters / MB).toFixed(1)}, arena ${(arena / MB).toFixed(1)}`,
    goal: `<= ${NODE_BYTES / MB}`,
    met: rest <= NODE_BYTES,
  });
};

/** The first run, which decodes, verifies, proves and compiles, and a run after it. */
const remember = (bench: Bench, name: ArchitectureName, target: Target): void => {
  const path = packageFor(name);
  const report = inFreshProcess(target, path, RUNS_FOR_MEMORY);
  const title = `${ARCHITECTURES[name].title}, ${target}`;
  memoryRow(bench, `${title}, compiled in the process`, report.peakBytes, report);
  const words = [path, ...inputFiles(name, path), '--backend', target, '--no-fallback'];
  const peak = modelFile('start-peak.cjs', () => new TextEncoder().encode(PEAK));
  const [, , last] = Array.from({ length: 3 }, () => startOnce(words, ['--require', peak]));
  if (last?.peakBytes !== undefined) memoryRow(bench, `${title}, a package that was run before`, last.peakBytes, report);
};

/** Peak resident memory of fresh processes that run a package. */
export const memory = async (bench: Bench): Promise<void> => {
  const node = spawnSync(process.execPath, ['-e', 'console.log(process.resourceUsage().maxRSS)'], { encoding: 'utf8' });
  bench.row({ name: 'memory, Node itself', value: (Number(node.stdout) * 1024) / MB, unit: 'MB' });
  const networks: readonly ArchitectureName[] = bench.quick ? ['squeezenet', 'resnet50'] : ['squeezenet', 'resnet50', 'vgg19'];
  for (const target of TARGETS) {
    const missing = absence(target);
    for (const name of networks) {
      const row = `memory, ${ARCHITECTURES[name].title}, ${target}`;
      if (missing === undefined) await attempt(bench, row, async () => remember(bench, name, target));
      else bench.row({ name: row, unit: 'MB', goal: `<= ${NODE_BYTES / MB}`, skipped: missing });
    }
  }
};
