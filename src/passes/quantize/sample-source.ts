import { elementCount, formatType, type Program, sameType, type Tensor } from '../../ir/index.ts';
import { at, type Diagnostic, diagnostic } from '../../support/index.ts';

/** One tensor for each model input. */
export type CalibrationSample = readonly Tensor[];

/** Calibration samples that are read when they are needed, any number of times, so that they need not fit in memory. */
export interface SampleSource {
  readonly count: number;
  /**
   * The sample at an index below `count`; the same bytes each time.
   * @throws {MrlError} with the diagnostics of a file that cannot be read or does not fit
   */
  read(index: number): CalibrationSample;
}

/** Samples that are in memory already. */
export const arraySource = (samples: readonly CalibrationSample[]): SampleSource => ({
  count: samples.length,
  read: (index) => at(samples, index),
});

/** Samples as a source, or in memory, as they come. */
export type Samples = SampleSource | Iterable<CalibrationSample>;

export const sourceOf = (samples: Samples): SampleSource => (Symbol.iterator in samples ? arraySource([...samples]) : samples);

/** The first samples, read now. */
export const firstSamples = (samples: Samples, count: number): readonly CalibrationSample[] => {
  const source = sourceOf(samples);
  return Array.from({ length: Math.min(count, source.count) }, (_, i) => source.read(i));
};

/** A result for each sample, which are read one after another. */
export const mapSamples = <T>(source: SampleSource, make: (sample: CalibrationSample, index: number) => T): readonly T[] =>
  Array.from({ length: source.count }, (_, i) => make(source.read(i), i));

/** Why a sample does not fit the program's inputs: QNT0003. */
export const sampleProblems = (program: Program, sample: CalibrationSample, index: number): readonly Diagnostic[] => {
  const where = `calibration sample ${index}`;
  if (sample.length !== program.inputs.length) {
    return [diagnostic('QNT0003', `the sample has ${sample.length} tensors but the model has ${program.inputs.length} inputs`, { where })];
  }
  return program.inputs.flatMap((port, i) => {
    const wanted = at(program.types, port.value);
    const given = at(sample, i);
    if (sameType(wanted, given) && given.data.length === elementCount(given.shape)) return [];
    return [diagnostic('QNT0003', `input ${port.name} is ${formatType(wanted)} but the sample holds ${formatType(given)}`, { where })];
  });
};
