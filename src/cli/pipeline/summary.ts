import { type Compile, type LayerSqnr, measureSqnr, type QuantizedModel, type SharedLayer } from '../../passes/index.ts';
import { type Diagnostic, toHex } from '../../support/index.ts';
import type { Package } from '../../cvm-bytecode/index.ts';
import type { Json } from '../json.ts';
import type { Phases } from '../phases.ts';
import { formatBytes, formatCount, formatDuration, formatFacts, formatPercent, formatTable, visible } from '../text.ts';
import type { Accuracy } from './accuracy.ts';
import type { Calibration } from './calibration.ts';
import type { Evaluation } from './evaluation.ts';
import { headrooms } from './facts.ts';
import { givenFacts, givenJson, type GivenReport } from './given.ts';
import type { Source } from './model.ts';
import { htmlReport } from './report-html.ts';
import { storageFacts, storageJson } from './storage.ts';
import { sharingFacts, sharingJson } from './weight-sharing.ts';

/** Samples that the layer report runs: the mean error settles quickly, and every sample runs in float and INT8. */
const REPORT_SAMPLES = 16;

/** Everything that `compile` tells. */
export interface CompileSummary {
  readonly source: Source;
  readonly bytes: number;
  /** Bytes of the float32 parameters of the source. */
  readonly floatBytes: number;
  readonly shared: readonly SharedLayer[] | undefined;
  readonly package: Package;
  readonly quantized: QuantizedModel | undefined;
  /** For a model that is quantized already. */
  readonly given: GivenReport | undefined;
  readonly calibration: Calibration | undefined;
  readonly layers: readonly LayerSqnr[] | undefined;
  readonly evaluation: Evaluation | undefined;
  readonly phases: Phases;
  readonly peakBytes: number;
}

/** Error of each layer on the calibration samples, at most 16 of them. */
export const layerReport = (quantized: QuantizedModel, calibration: Calibration, compile: Compile): readonly LayerSqnr[] =>
  measureSqnr(quantized, calibration.samples.slice(0, REPORT_SAMPLES), compile);

const accuracyText = (a: Accuracy): string => `top-1 ${formatPercent(a.top1)}, top-5 ${formatPercent(a.top5)} of ${a.samples}`;

type Fact = readonly [string, string];

const factsOf = (s: CompileSummary): readonly Fact[] => {
  const { metadata, program, cost } = s.package;
  const elements = program.params.reduce((n, p) => n + p.data.length, 0);
  return [
    ['nodes', formatCount(program.nodes.length)],
    ['parameters', `${formatCount(elements)} elements in ${formatCount(program.params.length)} tensors`],
    ['package', `${formatBytes(s.bytes)} (source ${formatBytes(s.source.sizeBytes)})`],
    ...storageFacts(s.package, s.floatBytes),
    ...sharingFacts(s.shared),
    ['memory', formatBytes(cost.memoryBytes)],
    ['Endorphin', `${formatCount(metadata.endorphin)} a run (${formatCount(cost.operations)} operations)`],
    ['model hash', toHex(s.package.modelHash)],
    ['root CID', s.package.cid],
    ['identity', metadata.modelHash],
    ...(s.calibration === undefined
      ? []
      : ([
          [
            'calibration',
            `${s.calibration.samples.length} ${s.calibration.random ? 'random ' : ''}samples, sha256 ${s.calibration.digest}`,
          ],
        ] as const)),
    ...(s.given === undefined ? [] : givenFacts(s.given)),
    ...(s.evaluation === undefined ? [] : ([['float', accuracyText(s.evaluation.float)]] as const)),
    ...(s.evaluation?.int8 === undefined ? [] : ([['INT8', accuracyText(s.evaluation.int8)]] as const)),
  ];
};

const formatDb = (db: number): string => (Number.isFinite(db) ? db.toFixed(1) : db > 0 ? 'exact' : 'no signal');

const layerTable = (layers: readonly LayerSqnr[]): string =>
  formatTable(
    ['layer', 'op', 'scale', 'zero', 'SQNR dB', 'clipped %'],
    layers.map((l) => [
      visible(l.origin),
      l.op,
      l.scale.toPrecision(6),
      String(l.zero),
      formatDb(l.decibels),
      (100 * l.clipped).toFixed(3),
    ]),
    ['left', 'left', 'right', 'right', 'right', 'right'],
  );

const phasesText = (s: CompileSummary): string =>
  `time ${formatDuration(s.phases.total())}: ${s.phases
    .entries()
    .map(([name, ms]) => `${name} ${formatDuration(ms)}`)
    .join(', ')}; peak memory ${formatBytes(s.peakBytes)}\n`;

export const summaryText = (s: CompileSummary, written: readonly string[]): string =>
  [
    ...(s.layers === undefined ? [] : [layerTable(s.layers), '\n']),
    formatFacts(factsOf(s)),
    phasesText(s),
    ...written.map((path) => `wrote ${path}\n`),
  ].join('');

const accuracyJson = (a: Accuracy): Json => ({ samples: a.samples, top1: a.top1, top5: a.top5 });

/** Infinity and NaN have no JSON. */
const finite = (v: number): number | null => (Number.isFinite(v) ? v : null);

export const summaryJson = (s: CompileSummary, written: readonly string[]): { readonly [key: string]: Json | undefined } => ({
  files: [...written],
  nodes: s.package.program.nodes.length,
  parameters: s.package.program.params.reduce((n, p) => n + p.data.length, 0),
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
    : { calibration: { samples: s.calibration.samples.length, random: s.calibration.random, sha256: s.calibration.digest } }),
  ...(s.given === undefined ? {} : { given: givenJson(s.given) }),
  ...(s.evaluation === undefined
    ? {}
    : {
        accuracy: {
          float: accuracyJson(s.evaluation.float),
          ...(s.evaluation.int8 === undefined ? {} : { int8: accuracyJson(s.evaluation.int8) }),
        },
      }),
  ...(s.layers === undefined
    ? {}
    : {
        layers: s.layers.map((l) => ({
          layer: l.origin,
          op: l.op,
          scale: l.scale,
          zero: l.zero,
          bits: l.bits,
          sqnrDb: finite(l.decibels),
          clipped: l.clipped,
          worst: finite(l.worst),
        })),
      }),
  phasesMs: s.phases.json(),
  totalMs: s.phases.total(),
  peakBytes: s.peakBytes,
});

/** The report as a page. */
export const summaryHtml = (s: CompileSummary, warnings: readonly Diagnostic[]): string =>
  htmlReport({
    title: `${s.package.metadata.name}: compilation report`,
    facts: factsOf(s),
    layers: (s.layers ?? []).map((l) => ({
      layer: l.origin,
      op: l.op,
      scale: l.scale,
      zero: l.zero,
      sqnrDb: l.decibels,
      clipped: l.clipped,
    })),
    headroom: headrooms(s.quantized?.program ?? s.package.program, s.quantized?.proof.ranges),
    warnings: warnings.filter((w) => w.severity === 'warning').map((w) => w.message),
  });
