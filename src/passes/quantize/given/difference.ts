import { DTYPE_INFO, isStaticType, Philox, type Program, randomTensor, type Tensor, typeOf } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { CalibrationSample, Compile } from '../calibrate.ts';
import type { QuantizedModel } from '../model.ts';
import { quantizeInputs } from '../sqnr.ts';

/** How far the integers of one output are from those of the source model, in steps: units of the output's last place. */
interface OutputDifference {
  readonly name: string;
  readonly maxSteps: number;
  readonly meanSteps: number;
  /** Share of the samples whose greatest element is the same; undefined for outputs of one element. */
  readonly sameArgmax: number | undefined;
}

/** What a measurement of a model's own quantization against its integer program gives. */
export interface SourceDifference {
  readonly samples: number;
  readonly outputs: readonly OutputDifference[];
}

const argmax = (data: ArrayLike<number>): number => {
  let best = 0;
  for (let i = 1; i < data.length; i++) if ((data[i] ?? 0) > (data[best] ?? 0)) best = i;
  return best;
};

/**
 * Runs the source program (float arithmetic as its format defines it, quantization included) and the integer program on
 * samples, and compares their outputs.
 */
export const measureDifference = (
  source: Program,
  model: QuantizedModel,
  samples: readonly CalibrationSample[],
  compile: Compile,
): SourceDifference => {
  const [runSource, runInteger] = [compile(source), compile(model.program)];
  const sums = model.outputs.map(() => ({ max: 0, sum: 0, count: 0, same: 0 }));
  for (const sample of samples) {
    const wanted = runSource(sample);
    const given = runInteger(quantizeInputs(model, sample));
    model.outputs.forEach(({ scale, zero }, i) => {
      const [y, q, s] = [at(wanted, i), at(given, i), at(sums, i)];
      y.data.forEach((v, k) => {
        const code = y.dtype === 'f32' ? v / scale + zero : v;
        const steps = Math.abs((q.data[k] ?? 0) - code);
        s.max = Math.max(s.max, steps);
        s.sum += steps;
      });
      s.count += y.data.length;
      if (argmax(y.data) === argmax(q.data)) s.same++;
    });
  }
  return {
    samples: samples.length,
    outputs: model.outputs.map(({ name }, i) => {
      const { max, sum, count, same } = at(sums, i);
      const several = samples.length > 0 && count > samples.length;
      return { name, maxSteps: max, meanSteps: sum / Math.max(1, count), sameArgmax: several ? same / samples.length : undefined };
    }),
  };
};

const SEED = 20_180_628;

/** Seeded samples within the ranges that a model's inputs have: what to measure with where there are no data. */
export const inRangeSamples = (model: QuantizedModel, count: number): readonly CalibrationSample[] =>
  Array.from({ length: count }, (_, i) =>
    model.float.inputs.map((port, k): Tensor => {
      const type = typeOf(model.float, port.value);
      const { scale, zero } = at(model.inputs, k);
      const random = new Philox(SEED, k, i);
      const shape = isStaticType(type) ? type.shape : [];
      if (type.dtype !== 'f32') return randomTensor({ dtype: type.dtype, shape }, random);
      return randomTensor({ dtype: 'f32', shape }, random, (DTYPE_INFO.i8.lo - zero) * scale, (DTYPE_INFO.i8.hi - zero) * scale);
    }),
  );
