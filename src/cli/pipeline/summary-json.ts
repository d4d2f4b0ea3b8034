import { toHex } from '../../support/index.ts';
import { elementCount } from '../../ir/index.ts';
import type { Json } from '../json.ts';
import type { AccuracyData, LatencyData, TimesData } from '../report/data.ts';
import { compareChoices, wilson } from '../report/statistics.ts';
import { profileOf } from '../report/verdict.ts';
import type { Accuracy } from './accuracy.ts';
import type { CompileSummary } from './compile-summary.ts';
import { givenJson } from './given.ts';
import { storageJson } from './storage.ts';
import { accuracyData, headroomData, summaryVerdict } from './summary-report.ts';
import { sharingJson } from './weight-sharing.ts';

/** Infinity and NaN have no JSON. */
const finite = (v: number): number | null => (Number.isFinite(v) ? v : null);

const accuracyJson = ({ samples, top1, top5 }: Accuracy): Json => {
  const interval = (share: number): Json => {
    const { lo, hi } = wilson(Math.round(share * samples), samples);
    return [lo, hi];
  };
  return { samples, top1, top5, top1Interval: interval(top1), top5Interval: interval(top5) };
};

const comparisonJson = (data: AccuracyData | undefined): { readonly [key: string]: Json } => {
  const compared = data === undefined ? undefined : compareChoices(data);
  if (compared === undefined) return {};
  const { agreement, lost, gained, changes } = compared;
  return { agreement, lost, gained, changes: changes.map((c) => ({ ...c })) };
};

const timesJson = ({ median, least, most, runs }: TimesData): Json => ({ medianMs: median, leastMs: least, mostMs: most, runs });

const latencyJson = ({ program, float, backend, warmUp, machine }: LatencyData): Json => ({
  package: timesJson(program),
  ...(float === undefined ? {} : { float: timesJson(float) }),
  backend,
  warmUp,
  machine: Object.fromEntries(machine),
});

const quantizerJson = (s: CompileSummary): { readonly [key: string]: Json } => ({
  ...(s.quantized === undefined ? {} : { profile: profileOf(s.quantized.layers) }),
  ...(s.fitted === undefined
    ? {}
    : {
        search: {
          ranges: typeof s.fitted.settings.ranges === 'string' ? s.fitted.settings.ranges : 'by layer',
          rounding: s.fitted.settings.rounding,
          equalized: s.fitted.equalized,
          trials: s.fitted.trials.map(({ name, decibels }) => ({ name, decibels: finite(decibels) })),
        },
      }),
});

/** What is measured only when a report is asked for. */
const reportJson = (s: CompileSummary): { readonly [key: string]: Json } =>
  s.layers === undefined
    ? {}
    : {
        layers: s.layers.map((l) => ({
          layer: l.origin,
          op: l.op,
          scale: l.scale,
          zero: l.zero,
          bits: l.bits,
          ...(l.weightBits === undefined ? {} : { weightBits: l.weightBits }),
          method: l.method,
          range: [finite(l.range[0]), finite(l.range[1])],
          sqnrDb: finite(l.decibels),
          clipped: l.clipped,
          worst: finite(l.worst),
        })),
        headroom: headroomData(s).map((h) => ({ ...h })),
      };

export const summaryJson = (s: CompileSummary, written: readonly string[]): { readonly [key: string]: Json | undefined } => ({
  files: [...written],
  verdict: summaryVerdict(s),
  nodes: s.package.program.nodes.length,
  parameters: s.package.program.params.reduce((n, p) => n + elementCount(p.tensor.shape), 0),
  sourceBytes: s.source.sizeBytes,
  packageBytes: s.bytes,
  storage: storageJson(s.package, s.floatBytes),
  ...sharingJson(s.shared),
  memoryBytes: s.package.cost.memoryBytes,
  operations: s.package.cost.operations,
  endorphin: s.package.metadata.endorphin,
  modelHash: toHex(s.package.modelHash),
  cid: s.package.cid,
  identity: s.package.metadata.modelHash,
  ...(s.calibration === undefined
    ? {}
    : { calibration: { samples: s.calibration.samples.count, random: s.calibration.random, sha256: s.calibration.digest() } }),
  ...quantizerJson(s),
  ...(s.given === undefined ? {} : { given: givenJson(s.given) }),
  ...(s.quality === undefined ? {} : { quality: { ...s.quality, int8: s.quality.int8 ?? null } }),
  ...(s.evaluation === undefined
    ? {}
    : {
        accuracy: {
          float: accuracyJson(s.evaluation.float),
          ...(s.evaluation.int8 === undefined ? {} : { int8: accuracyJson(s.evaluation.int8) }),
          ...comparisonJson(accuracyData(s)),
        },
      }),
  ...reportJson(s),
  ...(s.latency === undefined ? {} : { latency: latencyJson(s.latency) }),
  phasesMs: s.phases.json(),
  totalMs: s.phases.total(),
  peakBytes: s.peakBytes,
});
