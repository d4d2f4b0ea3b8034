import { statSync } from 'node:fs';
import { encodePackage } from '../../src/cvm-bytecode/index.ts';
import { type Accuracy, fastestCompile, measureAccuracy } from '../../src/cli/index.ts';
import { endorphinOf, type Program, programCost } from '../../src/ir/index.ts';
import { type Compile, measureSqnr, type QuantizedModel, type QuantizeOptions, quantizeProgram } from '../../src/passes/index.ts';
import { type Result, unwrap } from '../../src/support/index.ts';
import { agreementOf, classifyQuantized } from '../classify.ts';
import {
  cifarResnet20,
  digitsModel,
  fashionModels,
  type LabelledModel,
  type LabelledSet,
  mnistModels,
  squeezenet,
} from '../labelled/index.ts';
import { type OnnxruntimeWay, type PeerPython, peerPython, type PeerReports, runPeers } from '../peers/peers.ts';
import { attempt, type Bench, type Suite, timed } from '../rows.ts';

/** Test samples of a quick run. */
const QUICK_SAMPLES = 1000;
/** Calibration samples that the weakest layers are found on, and how many of these are told. */
const SQNR_SAMPLES = 16;
const TOLD_LAYERS = 3;

const METADATA = {
  name: 'model',
  author: '',
  description: '',
  licence: '',
  version: '',
  source: { format: 'onnx', file: 'model.onnx', sha256: '0'.repeat(64), compilerVersion: 'bench' },
} as const;

/** One way of quantizing: a column of the table. */
interface Column {
  readonly name: string;
  /** Points of top-1 that it may lose against float; absent without a goal. */
  readonly mayLose?: number;
  /** Points that it may be below the best INT8 of onnxruntime; absent without a goal. */
  readonly mayTrail?: number;
  readonly quantize: (program: Program, options: Pick<QuantizeOptions, 'samples' | 'compile'>) => Result<QuantizedModel>;
}

const COLUMNS: readonly Column[] = [
  { name: 'INT8', mayLose: 0.3, mayTrail: 0, quantize: (program, o) => quantizeProgram(program, { ...o, bits: 8 }) },
  { name: 'INT6', mayLose: 1, mayTrail: 0.5, quantize: (program, o) => quantizeProgram(program, { ...o, bits: 6 }) },
  { name: 'INT8 pot', quantize: (program, o) => quantizeProgram(program, { ...o, bits: 8, powerOfTwo: true }) },
  { name: 'HP16', mayLose: 0, quantize: (program, o) => quantizeProgram(program, { ...o, bits: 16 }) },
];

const percent = (share: number): number => 100 * share;
const points = (value: number): string => value.toFixed(2);

/** A model under measurement. */
interface Case {
  readonly bench: Bench;
  readonly name: string;
  readonly program: Program;
  readonly set: LabelledSet;
  readonly compile: Compile;
  readonly float: Accuracy;
  readonly best: OnnxruntimeWay | undefined;
}

/** Sizes below 1 / 0.3 % of a set cannot show 0.3 points: one sample may always go. */
const allowance = (mayLose: number, samples: number): number => (mayLose === 0 ? 0 : Math.max(mayLose, 100 / samples));

/** The layers of least signal-to-noise ratio, where a goal was missed. */
const tellWeakest = ({ bench, name, set, compile }: Case, column: string, model: QuantizedModel): void => {
  const layers = measureSqnr(
    model,
    set.calibration.slice(0, SQNR_SAMPLES).map((t) => [t]),
    compile,
  );
  const weakest = [...layers].sort((a, b) => a.decibels - b.decibels).slice(0, TOLD_LAYERS);
  for (const { origin, op, decibels, range, clipped } of weakest) {
    bench.row({
      name: `${name}: ${column}, weak layer ${origin} (${op})`,
      value: decibels,
      unit: 'dB SQNR',
      peer: `range ${range.map((v) => v.toPrecision(3)).join(' to ')}, ${points(percent(clipped))} % clipped`,
    });
  }
};

const measureColumn = (of: Case, column: Column): void => {
  const { bench, name, program, set, compile, float, best } = of;
  bench.say(`${name}: ${column.name}`);
  const samples = set.calibration.map((t) => [t]);
  const [quantized, ms] = timed(() => column.quantize(program, { samples, compile }));
  const title = `${name}: ${column.name}`;
  if (!quantized.ok) {
    const reasons = quantized.diagnostics.map((d) => `${d.where ?? ''} ${d.message}`).join('; ');
    bench.row({ name: title, unit: '%', skipped: `no integer form: ${reasons.slice(0, 200)}` });
    return;
  }
  const accuracy = classifyQuantized(quantized.value, set, compile);
  const reached = percent(accuracy.top1);
  const lost = percent(float.top1) - reached;
  const may = column.mayLose === undefined ? undefined : allowance(column.mayLose, float.samples);
  const met = may === undefined ? undefined : lost <= may + 1e-9;
  bench.row({
    name: `${title} top-1 of ${float.samples}`,
    value: reached,
    unit: '%',
    peer: `float ${points(percent(float.top1))}, same choice ${points(percent(agreementOf(accuracy, float)))} %`,
    goal: may === undefined ? undefined : `>= float - ${points(may)}`,
    met,
  });
  const ahead = best === undefined ? undefined : reached - best.top1;
  if (ahead !== undefined && best !== undefined && column.mayTrail !== undefined) {
    bench.row({
      name: `${title} against onnxruntime INT8`,
      value: ahead,
      unit: 'points',
      peer: `${points(best.top1)} (${best.method}, ${best.activations})`,
      goal: `>= ${column.mayTrail === 0 ? 0 : -column.mayTrail}`,
      met: ahead >= -column.mayTrail - 1e-9,
    });
  }
  const { program: integer } = quantized.value;
  const bytes = unwrap(encodePackage({ program: integer, metadata: METADATA }));
  bench.row({
    name: `${title} package`,
    value: bytes.length / 1000,
    unit: 'KB',
    peer: best === undefined ? '' : `onnxruntime ${best.bytes / 1000}`,
  });
  bench.row({ name: `${title} price`, value: endorphinOf(programCost(integer)), unit: 'Endorphin' });
  bench.row({
    name: `${title} quantization`,
    value: ms / 1000,
    unit: 's',
    peer: best === undefined ? '' : `onnxruntime ${best.seconds.toFixed(1)}`,
  });
  if (met === false) tellWeakest(of, column.name, quantized.value);
};

const peerRows = (bench: Bench, name: string, reports: PeerReports): OnnxruntimeWay | undefined => {
  const { onnxruntime, mrt } = reports;
  if ('failed' in onnxruntime) bench.row({ name: `${name}: onnxruntime`, unit: '%', skipped: onnxruntime.failed.slice(0, 160) });
  else {
    bench.row({ name: `${name}: onnxruntime float top-1`, value: onnxruntime.float, unit: '%' });
    for (const way of onnxruntime.ways) {
      if ('failed' in way) continue;
      const { method, activations, top1 } = way;
      bench.row({ name: `${name}: onnxruntime INT8 ${method} ${activations}`, value: top1, unit: '%' });
    }
  }
  const reason = 'failed' in mrt ? mrt.failed : 'refused' in mrt ? `refused: ${mrt.refused}` : undefined;
  if (reason !== undefined) bench.row({ name: `${name}: MRT INT8`, unit: '%', skipped: reason.slice(0, 160) });
  else if ('top1' in mrt) bench.row({ name: `${name}: MRT INT8 (per tensor, max |x| of ${mrt.images})`, value: mrt.top1, unit: '%' });
  return 'failed' in onnxruntime ? undefined : (onnxruntime.best ?? undefined);
};

const measureModel = async (bench: Bench, model: LabelledModel, python: PeerPython): Promise<void> => {
  const { name, path } = model;
  const loaded = model.load(bench.quick ? QUICK_SAMPLES : undefined);
  if (loaded === undefined) {
    bench.row({ name, unit: '%', skipped: 'tar with zstd is not on this machine' });
    return;
  }
  const { program, set } = loaded;
  const compile = await fastestCompile();
  bench.say(`${name}: float`);
  const float = measureAccuracy({ run: compile(program) }, set.samples, set.labels);
  bench.row({ name: `${name}: float top-1 of ${float.samples}`, value: percent(float.top1), unit: '%', peer: model.published });
  bench.row({ name: `${name}: ONNX file`, value: statSync(path).size / 1000, unit: 'KB' });
  let best: OnnxruntimeWay | undefined;
  if ('missing' in python) bench.row({ name: `${name}: onnxruntime and MRT`, unit: '%', skipped: python.missing });
  else {
    bench.say(`${name}: onnxruntime and MRT`);
    best = peerRows(bench, name, await runPeers(python.python, path, set));
  }
  for (const column of COLUMNS) {
    await attempt(bench, `${name}: ${column.name}`, async () => measureColumn({ bench, name, program, set, compile, float, best }, column));
  }
};

const run = async (bench: Bench): Promise<void> => {
  const { data } = bench;
  const python = peerPython();
  if ('missing' in python) bench.say(`peers are left out: ${python.missing}`);
  if (data === undefined) bench.row({ name: 'all models but digits', unit: '%', skipped: 'the data folder is not on this machine' });
  const withData = data === undefined ? [] : [...fashionModels(data), ...mnistModels(data), cifarResnet20(data), squeezenet(data)];
  for (const model of [digitsModel(), ...withData].filter((m) => (m.quick || !bench.quick) && bench.wants(m.name))) {
    await attempt(bench, model.name, () => measureModel(bench, model, python));
  }
};

export const accuracy: Suite = {
  name: 'accuracy',
  summary: 'top-1, size and price of every way of quantizing, on labelled sets, beside onnxruntime and MRT',
  run,
};
