import { spawn } from 'node:child_process';
import { ARCHITECTURES } from '../cpu/networks/architectures.ts';
import { NATIVE_CACHE } from '../cpu/prepare.ts';
import { durationText, runSteps, type Step } from '../cpu/steps.ts';
import { attempt, type Bench, type Row, type Suite } from '../rows.ts';
import { layerSteps } from './cpu-layers.ts';
import { preparationSteps } from './cpu-prepare.ts';
import { scalingSteps } from './cpu-scaling.ts';
import { coldStart, memory } from './cpu-start.ts';
import { tellLeftOut, tfliteSteps } from './cpu-tflite.ts';
import { networksFor, throughputSteps } from './cpu-throughput.ts';

/** A run of --quick from a prepared cache ends within this. */
const QUICK_GOAL_SECONDS = 300;

/** The parts that are not networks, by the name that --only selects; those first that start processes of their own, while this one is small. */
const PARTS: Readonly<Record<string, (bench: Bench) => readonly Step[]>> = {
  'cold-start': (bench) => [{ name: 'cold start', seconds: bench.quick ? 12 : 25, run: coldStart }],
  memory: (bench) => [{ name: 'memory', seconds: bench.quick ? 6 : 20, run: memory }],
  layers: layerSteps,
  scaling: scalingSteps,
};

const prepare = async (bench: Bench, parts: readonly string[]): Promise<void> => {
  const seconds = await runSteps(bench, 'preparing', preparationSteps(bench, parts));
  bench.row({
    name: 'preparation: what the cache lacked',
    value: seconds,
    unit: 's',
    peer: 'models, packages, reference, libraries, peers',
  });
};

/** Prepares in a process of its own: this one is to start others, whose memory and start are measured, before it has grown. */
const prepareApart = async (bench: Bench): Promise<void> => {
  const flags = process.argv.slice(2).filter((word) => word === '--quick' || word.startsWith('--only='));
  const child = spawn(process.execPath, [process.argv[1] ?? '', 'cpu', '--prepare', '--json', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pieces: Buffer[] = [];
  for await (const piece of child.stdout) pieces.push(Buffer.from(piece));
  const rows = JSON.parse(Buffer.concat(pieces).toString()) as readonly Row[];
  for (const row of rows) bench.row(row);
};

const run = async (bench: Bench): Promise<void> => {
  // native libraries of the bench are kept beside what else it keeps: their common cache has a limit, and others use it
  process.env['CORTEXC_CACHE'] ??= NATIVE_CACHE;
  const parts = Object.keys(PARTS).filter((name) => bench.wants(name));
  if (bench.onlyPrepare) return prepare(bench, parts);
  await attempt(bench, 'preparation', () => prepareApart(bench));
  for (const name of networksFor(bench).left) bench.row({ name: ARCHITECTURES[name].title, unit: '', skipped: '--quick' });
  tellLeftOut(bench);
  const steps = [...parts.flatMap((name) => PARTS[name]?.(bench) ?? []), ...throughputSteps(bench), ...tfliteSteps(bench)];
  const seconds = await runSteps(bench, 'step', steps);
  const goal = bench.quick ? { goal: `<= ${QUICK_GOAL_SECONDS}`, met: seconds <= QUICK_GOAL_SECONDS } : {};
  bench.row({ name: 'measurement, all steps', value: seconds, unit: 's', peer: durationText(seconds), ...goal });
};

export const cpu: Suite = {
  name: 'cpu',
  summary: 'native and WebAssembly side by side with onnxruntime, onnxruntime-web, TensorFlow Lite, tract and TVM',
  run,
};
