import { availableParallelism } from 'node:os';
import { macsOfProgram, type Peak } from '../../backends/index.ts';
import type { Program } from '../../ir/index.ts';
import { at, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { tooSlow } from '../diagnostics.ts';
import type { Json } from '../json.ts';
import { machineFacts } from '../report/latency.ts';
import { formatCount, formatFacts, formatTable } from '../text.ts';
import { type Measured, measureTogether } from './bench-measure.ts';
import { type Bench, firstResults, type MatrixArgs, prepareRow, readMatrix, type Row, rowName, rowSpecs } from './bench-rows.ts';
import { compareResults } from './execute.ts';
import { randomInputs } from './inputs.ts';
import { loadRunnable, type ModelArgs } from './load.ts';

export interface BenchArgs extends ModelArgs, MatrixArgs {
  readonly model: string;
  readonly 'warm-up': number;
  readonly runs?: number | undefined;
  readonly seconds: number;
  readonly 'at-least'?: number | undefined;
}

/** A row with its figures. */
interface Figures {
  readonly row: Row;
  readonly measured: Measured;
  readonly samplesPerSecond: number;
  /** Absent for a program without multiply-accumulates. */
  readonly gmacs: number | undefined;
  /** Share of what the cores that it may use can do. */
  readonly share: number | undefined;
}

const figuresOf = (row: Row, measured: Measured, macs: number): Figures => {
  const samplesPerSecond = (row.batch * 1000) / measured.times.median;
  const gmacs = macs === 0 ? undefined : (samplesPerSecond * macs) / 1e9;
  const cores = Math.min(row.threads, availableParallelism());
  return {
    row,
    measured,
    samplesPerSecond,
    gmacs,
    share: gmacs === undefined || row.peak === undefined ? undefined : gmacs / (row.peak.gmacs * cores),
  };
};

/** Three digits: 0.0412, 3.21, 75.3, 1,240. */
export const threeDigits = (value: number): string =>
  value >= 1000 ? formatCount(Math.round(value)) : value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));

const percent = (share: number | undefined): string => (share === undefined ? '' : `${(100 * share).toFixed(1)} %`);

const tableText = (all: readonly Figures[]): string => {
  const isas = all.some((f) => f.row.isa !== undefined);
  const header = ['backend', ...(isas ? ['isa'] : []), 'threads', 'batch', 'median ms', 'p5', 'p95', 'p99', 'min', 'runs'];
  const rows = all.map(({ row, measured: { times, ratio }, samplesPerSecond, gmacs, share }) => [
    row.backend,
    ...(isas ? [row.isa ?? ''] : []),
    String(row.threads),
    String(row.batch),
    ...[times.median, times.p5, times.p95, times.p99, times.min].map(threeDigits),
    formatCount(times.runs),
    threeDigits(samplesPerSecond),
    gmacs === undefined ? '' : threeDigits(gmacs),
    percent(share),
    `${ratio.toFixed(2)}x`,
  ]);
  const left = isas ? 2 : 1;
  return formatTable(
    [...header, 'samples/s', 'GMAC/s', 'of peak', 'speed'],
    rows,
    Array.from({ length: header.length + 4 }, (_, i) => (i < left ? 'left' : 'right')),
  );
};

const peakFacts = (peaks: ReadonlyMap<string, Peak | undefined>): readonly (readonly [string, string])[] =>
  Array.from(peaks).flatMap(([name, peak]) =>
    peak === undefined
      ? []
      : [[`peak of a core, ${name.trim()}`, `${peak.gmacs.toFixed(1)} GMAC/s (${peak.instruction}, registers only)`] as const],
  );

const rowJson = ({ row, measured: { times, ratio }, samplesPerSecond, gmacs, share }: Figures): Json => ({
  backend: row.backend,
  ...(row.isa === undefined ? {} : { isa: row.isa }),
  threads: row.threads,
  batch: row.batch,
  atOnce: row.inputs.length === 1,
  ms: { ...times },
  samplesPerSecond,
  ...(gmacs === undefined ? {} : { gmacs }),
  ...(share === undefined ? {} : { shareOfPeak: share }),
  ...(row.peak === undefined ? {} : { peak: { ...row.peak } }),
  speed: ratio,
  compileMs: row.compileMs,
  ...(row.memory === undefined ? {} : { memory: { ...row.memory } }),
});

/** Rows must agree in every byte, whatever they are measured for. */
const differences = (program: Program, rows: readonly Row[]): readonly Diagnostic[] => {
  const [first, ...others] = rows;
  if (first === undefined) return [];
  const names = program.outputs.map((o) => o.name);
  const wanted = firstResults(first);
  return others.flatMap((row) => {
    const same = compareResults(names, firstResults(row), wanted, rowName(row), rowName(first));
    return same.ok ? [] : same.diagnostics;
  });
};

const prepareRows = async (args: BenchArgs, bench: Bench, specs: ReturnType<typeof rowSpecs>, context: Context) => {
  const rows: Row[] = [];
  const warnings: Diagnostic[] = [];
  for (const [i, spec] of specs.entries()) {
    context.progress.step('compiling', i, specs.length, rowName(spec));
    const prepared = await prepareRow(spec, bench);
    if (prepared.row !== undefined) rows.push(prepared.row);
    // what concerns the model and not the row is told once
    for (const d of prepared.warnings)
      if (!warnings.some((w) => w.message === d.message)) warnings.push({ ...d, where: d.where ?? args.model });
  }
  return { rows, warnings };
};

const measureRows = (args: BenchArgs, rows: readonly Row[], macs: number, context: Context): readonly Figures[] => {
  const contenders = rows.map((row) => ({
    name: rowName(row),
    samples: row.batch,
    run: (): void => {
      for (const tensors of row.inputs) row.executable.run(tensors);
    },
  }));
  const { now } = context.io;
  const measured = measureTogether(contenders, {
    warmUp: args['warm-up'],
    runs: args.runs,
    seconds: args.seconds,
    now,
    progress: context.progress,
  });
  return rows.map((row, i) => figuresOf(row, at(measured, i), macs));
};

/** `cortexc bench`: times a model on backends, threads and batches side by side. */
export const benchModel = async (args: BenchArgs, context: Context): Promise<Result<Report>> => {
  const matrix = await readMatrix(args);
  if (!matrix.ok) return matrix;
  const model = await loadRunnable(context, args.model, args);
  if (!model.ok) return model;
  const { program } = model.value;
  const macs = macsOfProgram(program);
  const samples = Array.from({ length: Math.max(...matrix.value.batches) }, (_, seed) => randomInputs(program, seed));
  const bench: Bench = { program, samples, now: context.io.now, peaks: new Map() };
  const { rows, warnings } = await prepareRows(args, bench, rowSpecs(matrix.value), context);
  if (rows.length === 0) return fail(...warnings.map((d) => ({ ...d, severity: 'error' as const })));
  try {
    const wrong = differences(program, rows);
    if (wrong.length > 0) return fail(...wrong);
    const figures = measureRows(args, rows, macs, context);
    const least = args['at-least'];
    const slow = least === undefined ? [] : figures.filter((f) => (f.gmacs ?? 0) < least);
    const found = slow.map((f) => tooSlow(rowName(f.row), f.gmacs ?? 0, least ?? 0));
    const machine = machineFacts();
    return ok({
      exit: found.length > 0 ? 1 : 0,
      json: {
        model: args.model,
        macs,
        machine: Object.fromEntries(machine),
        rows: figures.map(rowJson),
        ...(least === undefined ? {} : { atLeast: least, met: found.length === 0 }),
      },
      text: `${tableText(figures)}\n${formatFacts([
        ['model', `${args.model}, ${formatCount(macs)} multiply-accumulates a sample`],
        ...machine,
        ...peakFacts(bench.peaks),
        ['speed', 'by the time of a sample, against the first row: the median over all rounds'],
        ['bytes', rows.length === 1 ? 'one row only: run --verify compares with the reference' : 'every row gives the same'],
      ])}`,
      warnings: [...model.value.warnings, ...warnings, ...found],
    });
  } finally {
    for (const row of rows) row.executable.close?.();
  }
};
