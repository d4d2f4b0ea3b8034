import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { ChildReport } from '../cpu/child.ts';
import { ARCHITECTURES, type ArchitectureName, onnxOf } from '../cpu/networks/architectures.ts';
import { absence, type Target, TARGETS } from '../cpu/ours.ts';
import { modelFile, packageOf } from '../cpu/prepare.ts';
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

const starts = (bench: Bench, name: ArchitectureName, target: Target, goal: number | undefined): void => {
  const path = packageFor(name);
  // fills the object cache and the file cache
  inFreshProcess(target, path, 1);
  const reports = Array.from({ length: bench.quick ? 5 : 11 }, () => inFreshProcess(target, path, 1));
  const of = (value: (r: ChildReport) => number): number => median(reports.map(value));
  const ms = of((r) => r.resultMs);
  const [load, open, compile] = [of((r) => r.importedMs), of((r) => r.openedMs - r.importedMs), of((r) => r.compiledMs - r.openedMs)];
  const parts = `code ${load.toFixed(0)}, package ${open.toFixed(0)}, compile ${compile.toFixed(0)}, run ${(ms - load - open - compile).toFixed(0)}`;
  bench.row({
    name: `cold start, ${ARCHITECTURES[name].title}, ${target}${target === 'native' ? ', warm object cache' : ''}`,
    value: ms,
    unit: 'ms',
    peer: `medians: ${parts}`,
    ...(goal === undefined ? {} : { goal: `<= ${goal}`, met: ms <= goal }),
  });
};

/** From a package on disk to the first result, each time in a fresh process. Node's own start is told apart. */
export const coldStart = async (bench: Bench): Promise<void> => {
  const node = median(Array.from({ length: 7 }, () => timed(() => spawnSync(process.execPath, ['-e', '0']))[1]));
  bench.row({ name: 'cold start, Node itself', value: node, unit: 'ms' });
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

const remember = (bench: Bench, name: ArchitectureName, target: Target): void => {
  const { peakBytes, parameters = 0, arena = 0 } = inFreshProcess(target, packageFor(name), RUNS_FOR_MEMORY);
  const rest = peakBytes - parameters - arena;
  bench.row({
    name: `memory, ${ARCHITECTURES[name].title}, ${target}: peak beyond parameters and arena`,
    value: rest / MB,
    unit: 'MB',
    peer: `peak ${(peakBytes / MB).toFixed(0)} MB, parameters ${(parameters / MB).toFixed(1)}, arena ${(arena / MB).toFixed(1)}`,
    goal: `<= ${NODE_BYTES / MB}`,
    met: rest <= NODE_BYTES,
  });
};

/** Peak resident memory of a fresh process that opens, compiles and runs a package. */
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
