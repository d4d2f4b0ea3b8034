import {
  type Compile,
  firstSamples,
  type LayerSqnr,
  measureSqnr,
  multipliersLeft,
  type QuantizedModel,
  type Searched,
} from '../../passes/index.ts';
import { elementCount } from '../../ir/index.ts';
import { type Diagnostic, toHex } from '../../support/index.ts';
import { shareText } from '../report/accuracy-section.ts';
import type { Fact } from '../report/data.ts';
import { bitsText } from '../report/layers-section.ts';
import { latencyText } from '../report/latency.ts';
import { reportHtml } from '../report/report.ts';
import { chanceNote, compareChoices } from '../report/statistics.ts';
import { decibelText, lowest } from '../report/verdict.ts';
import { formatBytes, formatCount, formatDuration, formatFacts, formatPercent, formatTable, visible } from '../text.ts';
import type { Calibration } from './calibration.ts';
import type { CompileSummary } from './compile-summary.ts';
import { givenFacts } from './given.ts';
import { storageFacts } from './storage.ts';
import { accuracyData, METRIC_UNITS, reportData, searchFacts, summaryVerdict } from './summary-report.ts';
import { sharingFacts } from './weight-sharing.ts';

/** Samples that the layer report runs: the mean error settles quickly, and every sample runs in float and INT8. */
const REPORT_SAMPLES = 16;

/** Error of each layer on the calibration samples, at most 16 of them. */
export const layerReport = (quantized: QuantizedModel, calibration: Calibration, compile: Compile): readonly LayerSqnr[] =>
  measureSqnr(quantized, firstSamples(calibration.samples, REPORT_SAMPLES), compile);

const searchFact = (fitted: Searched): Fact => {
  const kept = searchFacts(fitted)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
  const { length } = fitted.trials;
  return ['quantizer', length === 0 ? kept : `${kept} (${length} ways tried)`];
};

/** Names of nodes told at most. */
const TOLD = 5;

/** With power-of-two scales: which nodes still multiply. */
const shiftFacts = ({ fitted, quantized }: CompileSummary): readonly Fact[] => {
  if (fitted?.settings.powerOfTwo !== true || quantized === undefined) return [];
  const left = multipliersLeft(quantized.program);
  const more = left.length > TOLD ? ` and ${formatCount(left.length - TOLD)} more` : '';
  return [['rescales', left.length === 0 ? 'all are shifts' : `shifts, but for ${left.slice(0, TOLD).map(visible).join(', ')}${more}`]];
};

const factsOf = (s: CompileSummary): readonly Fact[] => {
  const { metadata, program, cost } = s.package;
  const elements = program.params.reduce((n, p) => n + elementCount(p.tensor.shape), 0);
  return [
    ['nodes', formatCount(program.nodes.length)],
    ['parameters', `${formatCount(elements)} elements in ${formatCount(program.params.length)} tensors`],
    ['package', `${formatBytes(s.bytes)} (source ${formatBytes(s.source.sizeBytes)})`],
    ...storageFacts(s.package, s.floatBytes),
    ...sharingFacts(s.shared),
    ['memory', formatBytes(cost.memoryBytes)],
    ['Endorphin', `${formatCount(metadata.endorphin)} a run (${formatCount(cost.operations)} operations)`],
    ...shiftFacts(s),
    ['model hash', toHex(s.package.modelHash)],
    ['root CID', s.package.cid],
    ['identity', metadata.modelHash],
    ...(s.calibration === undefined
      ? []
      : ([
          [
            'calibration',
            `${s.calibration.samples.count} ${s.calibration.random ? 'random ' : ''}samples, sha256 ${s.calibration.digest()}`,
          ],
        ] as const)),
    ...(s.given === undefined ? [] : givenFacts(s.given)),
  ];
};

/** With 95 % intervals, and how often both programs agree. */
const accuracyFacts = (s: CompileSummary): readonly Fact[] => {
  const data = accuracyData(s);
  if (data === undefined) return [];
  const { float, integer } = data;
  const compared = compareChoices(data);
  const note = chanceNote(data);
  const row = (name: string, a: typeof float): Fact => [
    name,
    `top-1 ${shareText(a.top1, a.samples)}, top-5 ${shareText(a.top5, a.samples)} of ${formatCount(a.samples)}`,
  ];
  return [
    row('float', float),
    ...(note === undefined ? [] : [['', note] as const]),
    ...(integer === undefined ? [] : [row('integer', integer)]),
    ...(compared === undefined
      ? []
      : [
          [
            'same choice',
            `${formatPercent(compared.agreement)}; ${compared.lost} right in float only, ${compared.gained} right in integers only`,
          ] as const,
        ]),
  ];
};

const layerTable = (layers: readonly LayerSqnr[]): string =>
  formatTable(
    ['layer', 'op', 'bits', 'SQNR dB', 'range', 'clipped %', 'scale', 'zero'],
    layers.map((l) => [
      visible(l.origin),
      l.op,
      bitsText(l),
      Number.isFinite(l.decibels) ? l.decibels.toFixed(1) : decibelText(l.decibels),
      l.method,
      (100 * l.clipped).toFixed(3),
      l.scale.toPrecision(6),
      String(l.zero),
    ]),
    ['left', 'left', 'left', 'right', 'left', 'right', 'right', 'right'],
  );

const latencyFacts = ({ latency }: CompileSummary): readonly Fact[] => {
  if (latency === undefined) return [];
  const { program, float, backend } = latency;
  const beside = float === undefined ? '' : ` (float32 ${latencyText(float.median)})`;
  return [['latency', `${latencyText(program.median)}${beside} on ${backend}, median of ${program.runs} runs on this machine`]];
};

/** Below this many layers the table shows them all at a glance. */
const MANY = 10;

const lowestText = (layers: readonly LayerSqnr[]): string =>
  layers.length < MANY
    ? ''
    : `lowest: ${lowest(layers, 3)
        .map((l) => `${visible(l.origin)} ${decibelText(l.decibels)}`)
        .join(', ')}\n`;

const trialsTable = ({ trials }: Searched): string =>
  formatTable(
    ['tried', 'dB'],
    trials.map((t) => [t.name, t.decibels.toFixed(2)]),
    ['left', 'right'],
  );

/** Steps that take less of the whole are told together. */
const LEAST_SHARE = 0.02;

const phasesText = (s: CompileSummary): string => {
  const total = s.phases.total();
  const shown = s.phases.entries().filter(([, ms]) => ms >= LEAST_SHARE * total);
  const others = total - shown.reduce((n, [, ms]) => n + ms, 0);
  const parts = [...shown, ...(others > 0 ? [['others', others] as const] : [])];
  return `time ${formatDuration(total)}: ${parts.map(([name, ms]) => `${name} ${formatDuration(ms)}`).join(', ')}; peak memory ${formatBytes(s.peakBytes)}\n`;
};

const qualityFacts = ({ quality }: CompileSummary): readonly Fact[] => {
  if (quality === undefined) return [];
  const [name, unit] = METRIC_UNITS[quality.metric];
  const text = (value: number): string => `${value.toPrecision(6)}${unit}`;
  const int8 = quality.int8 === undefined ? '' : `, quantized ${text(quality.int8)}`;
  return [[name, `float ${text(quality.float)}${int8} on ${quality.samples} samples`]];
};

/** @param tables - further tables, which belong to those of the layers */
export const summaryText = (s: CompileSummary, written: readonly string[], tables = ''): string =>
  [
    ...(s.layers === undefined ? [] : [layerTable(s.layers), lowestText(s.layers), '\n']),
    ...(s.layers === undefined || s.fitted === undefined || s.fitted.trials.length === 0 ? [] : [trialsTable(s.fitted), '\n']),
    ...(tables === '' ? [] : [tables, '\n']),
    ...(s.quantized === undefined && s.evaluation === undefined && s.quality === undefined ? [] : [`${summaryVerdict(s)}\n\n`]),
    formatFacts([
      ...accuracyFacts(s),
      ...qualityFacts(s),
      ...latencyFacts(s),
      ...(s.fitted === undefined ? [] : [searchFact(s.fitted)]),
      ...factsOf(s),
    ]),
    phasesText(s),
    ...written.map((path) => `wrote ${path}\n`),
  ].join('');

/** The report as a page. */
export const summaryHtml = (s: CompileSummary, diagnostics: readonly Diagnostic[]): string =>
  reportHtml(reportData(s, factsOf(s), diagnostics));
