import { basename } from 'node:path';
import { elementCount, formatType, isStaticType, type Program, typeOf } from '../../ir/index.ts';
import { inRangeSamples, quantizeInputs, type QuantizedModel, type QuantizedPort, type Searched } from '../../passes/index.ts';
import { at, type Diagnostic } from '../../support/index.ts';
import type {
  AccuracyData,
  DiagnosticData,
  Fact,
  GivenData,
  HeadroomData,
  LatencyData,
  LayerData,
  MixedData,
  ParameterData,
  QualityData,
  ReportData,
  SearchData,
} from '../report/data.ts';
import { numberText } from '../report/html.ts';
import { measureLatency } from '../report/latency.ts';
import { paretoSvg } from '../report/pareto.ts';
import { profileOf, verdictOf } from '../report/verdict.ts';
import { formatCount } from '../text.ts';
import { type Calibration, randomSamples } from './calibration.ts';
import { headrooms } from './facts.ts';
import { givenFacts } from './given.ts';
import type { MixedRun } from './mixed.ts';
import { mixedFacts, paretoOptions } from './mixed-summary.ts';
import { parameterNames } from './parameter-names.ts';
import { storageFacts } from './storage.ts';
import type { CompileSummary } from './compile-summary.ts';

/** What the quantizer settled on, in words. */
export const searchFacts = ({ settings, equalized }: Searched): readonly Fact[] => {
  const methods = typeof settings.ranges === 'string' ? settings.ranges : 'the method that serves each layer best';
  return [
    ['ranges', methods],
    ['rounding', settings.rounding === 'feedback' ? 'with error feedback' : 'to nearest'],
    ['channels', equalized ? 'equalized between layers' : 'as they are'],
    ...(settings.powerOfTwo ? ([['scales', 'powers of two']] as const) : []),
  ];
};

const searchData = (fitted: Searched): SearchData => ({ kept: searchFacts(fitted), trials: fitted.trials });

const classesOf = (program: Program): number | undefined => {
  const type = typeOf(program, at(program.outputs, 0).value);
  return isStaticType(type) ? elementCount(type.shape) : undefined;
};

export const accuracyData = ({ evaluation, package: packed }: Pick<CompileSummary, 'evaluation' | 'package'>): AccuracyData | undefined =>
  evaluation === undefined
    ? undefined
    : {
        labels: evaluation.labels,
        float: evaluation.float,
        integer: evaluation.int8,
        classCount: classesOf(packed.program),
        classes: packed.metadata.labels,
      };

/** Name and unit of each metric that compares outputs. */
export const METRIC_UNITS = { mse: ['mean squared error', ''], psnr: ['PSNR', ' dB'], cosine: ['cosine', ''] } as const;

const qualityData = ({ quality }: CompileSummary): QualityData | undefined => {
  if (quality === undefined) return undefined;
  const [name, unit] = METRIC_UNITS[quality.metric];
  return { name, unit, samples: quality.samples, float: quality.float, integer: quality.int8 };
};

/** What every layer is to blame for, by the user's name, where each was measured alone. */
const blames = (mixed: MixedRun | undefined): ReadonlyMap<string, number> => {
  const shares = new Map<string, number>();
  // layers that were decided together share one figure: it is no layer's own
  for (const { layers, blame } of mixed?.mixed.layers ?? []) if (layers.length === 1) shares.set(at(layers, 0), blame);
  return shares;
};

const layersData = ({ layers = [], quantized, fitted, mixed }: CompileSummary): readonly LayerData[] => {
  const shares = blames(mixed);
  const names = layers.flatMap((l) => (l.weightBits === undefined ? [] : [l.origin]));
  const alone = new Set(names.filter((name) => names.indexOf(name) === names.lastIndexOf(name)));
  const seen = fitted !== undefined && fitted.calibrated.float === quantized?.float ? fitted.calibrated : undefined;
  return layers.map((l) => ({
    layer: l.origin,
    op: l.op,
    scale: l.scale,
    zero: l.zero,
    weightBits: l.weightBits,
    bits: l.bits,
    method: l.method,
    range: l.range,
    clipped: l.clipped,
    decibels: l.decibels,
    worst: l.worst,
    blame: l.weightBits !== undefined && alone.has(l.origin) ? shares.get(l.origin) : undefined,
    histogram: seen?.histogramOf(l.float),
  }));
};

export const headroomData = ({ quantized, package: packed }: Pick<CompileSummary, 'quantized' | 'package'>): readonly HeadroomData[] =>
  headrooms(quantized?.program ?? packed.program, quantized?.proof.ranges);

const mixedData = (mixed: MixedRun): MixedData => ({
  facts: mixedFacts(mixed),
  chart: mixed.mixed.points.length === 0 ? undefined : paretoSvg(mixed.mixed.points, paretoOptions(mixed)),
});

const parametersData = ({ package: { program, storage }, quantized }: CompileSummary): readonly ParameterData[] => {
  const names = parameterNames(program, quantized?.program);
  return program.params.flatMap((p, i): ParameterData[] => {
    const entry = storage.parameters[i];
    if (entry === undefined) return [];
    const { encoding, storedBytes, decodedBytes } = entry;
    return [{ name: names[i] ?? p.name, type: formatType(typeOf(program, p.value)), encoding, storedBytes, decodedBytes }];
  });
};

const givenData = (given: NonNullable<CompileSummary['given']>): GivenData => ({
  facts: givenFacts(given),
  outputs: given.difference.outputs,
  changed: given.use.layers.flatMap(({ layer, reason, clamped }) => {
    if (reason !== undefined) return [{ layer, reason }];
    return clamped === 0 ? [] : [{ layer, reason: `${formatCount(clamped)} of -128 became -127` }];
  }),
  samples: given.difference.samples,
  random: given.random,
});

const diagnosticData = (d: Diagnostic): DiagnosticData => ({
  severity: d.severity,
  code: d.code,
  message: d.message,
  where: d.where,
  notes: d.notes,
});

/** Where the program comes from, and how its inputs and outputs stand for reals. */
const originFacts = ({ source, quantized }: CompileSummary): readonly Fact[] => {
  const port = (
    kind: string,
    program: Program,
    value: QuantizedModel['float']['inputs'][number]['value'],
    { name, scale, zero }: QuantizedPort,
  ): Fact => [`${kind} ${name}`, `${formatType(typeOf(program, value))} = ${numberText(scale)} * (q - ${zero < 0 ? `(${zero})` : zero})`];
  return [
    ['source', `${basename(source.path)}, sha256 ${source.sha256}`],
    ...(quantized === undefined
      ? []
      : [
          ...quantized.inputs.map((p, i) => port('input', quantized.program, at(quantized.program.inputs, i).value, p)),
          ...quantized.outputs.map((p, i) => port('output', quantized.program, at(quantized.program.outputs, i).value, p)),
        ]),
  ];
};

/** Whether the activation ranges come from noise. */
export const isRandom = (s: Pick<CompileSummary, 'calibration'>): boolean => s.calibration?.random === true;

export const summaryVerdict = (s: CompileSummary): string =>
  verdictOf({
    profile:
      s.quantized === undefined
        ? s.package.program.types.some((t) => t.dtype === 'f32')
          ? 'float32'
          : 'integer program'
        : profileOf(s.quantized.layers),
    accuracy: accuracyData(s),
    quality: qualityData(s),
    layers: (s.layers ?? []).map((l) => ({ layer: l.origin, decibels: l.decibels })),
    random: isRandom(s),
  });

/** Everything that the report shows. @param facts - of the summary */
export const reportData = (s: CompileSummary, facts: readonly Fact[], diagnostics: readonly Diagnostic[]): ReportData => ({
  title: `${s.package.metadata.name}: compilation report`,
  verdict: summaryVerdict(s),
  facts: [...originFacts(s), ...facts],
  accuracy: accuracyData(s),
  quality: qualityData(s),
  layers: layersData(s),
  headroom: headroomData(s),
  search: s.fitted === undefined ? undefined : searchData(s.fitted),
  mixed: s.mixed === undefined ? undefined : mixedData(s.mixed),
  storage: { facts: storageFacts(s.package, s.floatBytes), parameters: parametersData(s) },
  latency: s.latency,
  given: s.given === undefined ? undefined : givenData(s.given),
  diagnostics: diagnostics.map(diagnosticData),
});

/** Measures the package's program on this machine, and the float program that it approximates. */
export const latencyReport = async (
  program: Program,
  quantized: QuantizedModel | undefined,
  calibration: Calibration | undefined,
  now: () => number,
): Promise<LatencyData | undefined> => {
  if (quantized === undefined) return measureLatency({ program, inputs: at(randomSamples(program, 1), 0) }, undefined, now);
  const sample =
    calibration === undefined || calibration.samples.count === 0 ? at(inRangeSamples(quantized, 1), 0) : calibration.samples.read(0);
  return measureLatency({ program, inputs: quantizeInputs(quantized, sample) }, { program: quantized.float, inputs: sample }, now);
};
