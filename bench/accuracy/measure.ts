import { statSync } from 'node:fs';
import { type Accuracy, fastestCompile, measureAccuracy } from '../../src/cli/index.ts';
import { endorphinOf, type Program, programCost } from '../../src/ir/index.ts';
import { type Compile, measureSqnr, type QuantizedModel, quantizeInputs, quantizeProgram } from '../../src/passes/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { agreementOf, classifyQuantized } from '../classify.ts';
import type { LabelledModel, LabelledSet, Loaded } from '../labelled/index.ts';
import { type PeerPython, runPeers } from '../peers/peers.ts';
import { attempt, type Bench, processorTimed } from '../rows.ts';
import { type Column, COLUMNS, packageBytes } from './columns.ts';
import { peerRows, type Rival } from './peer-rows.ts';
import { percent, points } from './text.ts';

/** Test samples of a quick run. */
const QUICK_SAMPLES = 1000;
/** Calibration samples that the weakest layers are found on, and how many of these are told. */
const SQNR_SAMPLES = 16;
const TOLD_LAYERS = 3;
const MOST_NAME = 60;

/** A model under measurement. */
interface Case {
  readonly bench: Bench;
  readonly name: string;
  readonly program: Program;
  readonly set: LabelledSet;
  readonly compile: Compile;
  readonly float: Accuracy;
  readonly best: Rival | undefined;
}

/** Percent of top-1 by the name of what was measured. */
export type Scores = Map<string, number>;

/** In a set of fewer than 100 / `mayLose` samples one sample is more than that: it may go all the same. */
const allowance = (mayLose: number, samples: number): number => (mayLose === 0 ? 0 : Math.max(mayLose, 100 / samples));

/** The layers of least signal-to-noise ratio, where a goal was missed. */
const tellWeakest = ({ bench, name, set, compile }: Case, column: string, model: QuantizedModel): void => {
  const samples = set.calibration.slice(0, SQNR_SAMPLES).map((t) => [t]);
  const weakest = [...measureSqnr(model, samples, compile)].sort((a, b) => a.decibels - b.decibels).slice(0, TOLD_LAYERS);
  for (const { origin, op, decibels, range, clipped } of weakest) {
    bench.row({
      name: `${name}: ${column}, weak layer ${origin.slice(0, MOST_NAME)} (${op})`,
      value: decibels,
      unit: 'dB SQNR',
      peer: `range ${range.map((v) => v.toPrecision(3)).join(' to ')}, ${points(percent(clipped))} % clipped`,
    });
  }
};

const sizeRows = ({ bench, best }: Case, title: string, program: Program): void => {
  const peer = best === undefined ? '' : `onnxruntime ${best.bytes / 1000}`;
  bench.row({ name: `${title} package`, value: unwrap(packageBytes(program, 'plain')) / 1000, unit: 'KB', peer });
  bench.row({ name: `${title} package, compressed`, value: unwrap(packageBytes(program, 'compressed')) / 1000, unit: 'KB' });
  bench.row({ name: `${title} price`, value: endorphinOf(programCost(program)), unit: 'Endorphin' });
};

/** Samples that only the first gets right, and that only the second does. */
const onlyOne = (labels: readonly number[], first: readonly number[], second: readonly number[]): readonly [number, number] => {
  const right = (choices: readonly number[]): readonly boolean[] => labels.map((label, i) => choices[i] === label);
  const [a, b] = [right(first), right(second)];
  return [a.filter((r, i) => r && b[i] === false).length, b.filter((r, i) => r && a[i] === false).length];
};

/** Rows of what was reached; returns whether all goals were met. */
const scoreRows = ({ bench, float, best, set }: Case, column: Column, title: string, accuracy: Accuracy): boolean => {
  const reached = percent(accuracy.top1);
  const may = column.mayLose === undefined ? undefined : allowance(column.mayLose, float.samples);
  const met = may === undefined || percent(float.top1) - reached <= may + 1e-9;
  bench.row({
    name: `${title} top-1 of ${float.samples}`,
    value: reached,
    unit: '%',
    peer: `float ${points(percent(float.top1))}, same choice ${points(percent(agreementOf(accuracy, float)))} %`,
    ...(may === undefined ? {} : { goal: `>= float - ${points(may)}`, met }),
  });
  if (best === undefined || column.mayTrail === undefined) return met;
  const level = reached - best.top1 >= -column.mayTrail - 1e-9;
  const [ours, theirs] = onlyOne(set.labels, accuracy.predictions, best.choices);
  bench.row({
    name: `${title} against onnxruntime INT8`,
    value: reached - best.top1,
    unit: 'points',
    peer: `${points(best.top1)} (${best.method}, ${best.activations}): ${ours} only here right, ${theirs} only there`,
    goal: `>= ${column.mayTrail === 0 ? 0 : -column.mayTrail}`,
    met: level,
  });
  return met && level;
};

const measureColumn = (of: Case, column: Column, scores: Scores): void => {
  const { bench, name, program, set, compile, best } = of;
  const [quantized, seconds] = processorTimed(() => column.quantize(program, set, compile));
  const title = `${name}: ${column.name}`;
  if (!quantized.ok) {
    const reasons = quantized.diagnostics.map((d) => `${d.where ?? ''} ${d.message}`).join('; ');
    bench.row({ name: title, unit: '%', skipped: `no integer form: ${reasons.slice(0, 200)}` });
    return;
  }
  const accuracy = classifyQuantized(quantized.value, set, compile);
  scores.set(column.name, percent(accuracy.top1));
  const met = scoreRows(of, column, title, accuracy);
  if (!met) tellWeakest(of, column.name, quantized.value);
  sizeRows(of, title, quantized.value.program);
  const peer = best === undefined ? '' : `onnxruntime ${best.seconds.toFixed(1)}`;
  bench.row({ name: `${title} quantization`, value: seconds, unit: 's of processor', peer });
};

/** A model that its authors quantized keeps its scales: only its arithmetic becomes ours. */
const measureTwin = (bench: Bench, name: string, { twin, set }: Loaded, compile: Compile, scores: Scores): void => {
  if (twin === undefined) return;
  const model = unwrap(quantizeProgram(twin.program, { samples: [], compile }));
  const prepare = (sample: (typeof twin.samples)[number]): typeof sample => at(quantizeInputs(model, [sample]), 0);
  const accuracy = measureAccuracy({ run: compile(model.program) }, twin.samples, set.labels, { prepare });
  scores.set('twin', percent(accuracy.top1));
  bench.row({ name: `${name}: ${twin.name}, top-1 of ${accuracy.samples}`, value: percent(accuracy.top1), unit: '%' });
};

/** All columns of one model; undefined when its samples cannot be unpacked here. */
export const measureModel = async (bench: Bench, model: LabelledModel, python: PeerPython): Promise<Scores | undefined> => {
  const { name, path } = model;
  const loaded = model.load(bench.quick ? QUICK_SAMPLES : undefined);
  if (loaded === undefined) {
    bench.row({ name, unit: '%', skipped: 'tar with zstd is not on this machine' });
    return undefined;
  }
  const { program, set } = loaded;
  const compile = await fastestCompile();
  const scores: Scores = new Map();
  const float = measureAccuracy({ run: compile(program) }, set.samples, set.labels);
  scores.set('float', percent(float.top1));
  bench.row({ name: `${name}: float top-1 of ${float.samples}`, value: percent(float.top1), unit: '%', peer: model.published });
  bench.row({ name: `${name}: model file`, value: statSync(path).size / 1000, unit: 'KB' });
  await attempt(bench, `${name}: twin`, async () => measureTwin(bench, name, loaded, compile, scores));
  let best: Rival | undefined;
  if (!path.endsWith('.onnx')) bench.row({ name: `${name}: onnxruntime and MRT`, unit: '%', skipped: 'they read ONNX only' });
  else if ('missing' in python) bench.row({ name: `${name}: onnxruntime and MRT`, unit: '%', skipped: python.missing });
  else {
    bench.say(`${name}: onnxruntime and MRT`);
    best = peerRows(bench, name, await runPeers(python.python, path, set), scores);
  }
  for (const column of COLUMNS) {
    await attempt(bench, `${name}: ${column.name}`, async () =>
      measureColumn({ bench, name, program, set, compile, float, best }, column, scores),
    );
  }
  return scores;
};
