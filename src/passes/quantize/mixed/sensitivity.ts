import { elementCount, programCost, type ValueId } from '../../../ir/index.ts';
import { at, ok, type Progress, type Result } from '../../../support/index.ts';
import type { Compile } from '../calibrate.ts';
import type { Samples } from '../sample-source.ts';
import type { Calibrated, Settings } from '../calibrated.ts';
import type { QuantizedModel } from '../model.ts';
import { type Assignment, assignmentKey, BASE, bitsOf, type Rung, uniform, type UnitBits, unitBits, unitsOf } from './ladder.ts';
import { AnswerProbes, type Answers, decibelsOf, type Distance } from './probes.ts';

/** What one layer alone on another rung does to the model of which every layer is on the base rung. */
export interface RungEffect {
  /** How far the answers are from those of the base model: the layer's own doing, apart from all other noise. */
  readonly noise: number;
  readonly divergence: number | undefined;
  /** Signal-to-noise ratio, in dB, of the answers against the float program's. */
  readonly decibels: number;
  /** Operations of a run, more than those of the base model. */
  readonly operations: number;
  /** Bytes of the package, more than those of the base model. */
  readonly size: number;
}

export interface LayerSensitivity {
  readonly name: string;
  readonly op: string;
  /** Weights of the layer. */
  readonly parameters: number;
  /** The layers that use them, by name: more than one where a recurrent layer is unrolled. */
  readonly layers: readonly string[];
  /** By rung; nothing changes on the base rung. */
  readonly effects: readonly RungEffect[];
  /** By rung: what the layer adds to the error of the answers, above what it adds on the highest rung. */
  readonly losses: readonly number[];
}

export interface Sensitivity {
  readonly layers: readonly LayerSensitivity[];
  /** The unit of losses: mean KL divergence in nats for classifiers, else noise as a share of the signal. */
  readonly unit: 'divergence' | 'noise';
  readonly probes: number;
  /** Operations of a run of the base model, and bytes of its package. */
  readonly operations: number;
  readonly size: number;
  /** Answers of the base model against the float program's. */
  readonly base: { readonly decibels: number; readonly divergence: number | undefined };
}

/** Remembers measurements of earlier runs. What is asked for by the same key is the same on every machine. */
export interface Memo<T> {
  readonly get: (key: string) => T | undefined;
  readonly set: (key: string, value: T) => void;
}

/** Bytes of the package with a model of these bits. */
export type SizeOf = (model: QuantizedModel, bits: readonly UnitBits[]) => Result<number>;

export interface SensitivityOptions {
  readonly samples: Samples;
  readonly compile: Compile;
  readonly ladder: readonly Rung[];
  readonly progress: Progress;
  readonly sizeOf: SizeOf;
  readonly memo: Memo<RungEffect>;
}

/** Losses by rung: 0 on the highest, and never less on a lower one than on a higher one. */
const lossesOf = (effects: readonly RungEffect[], unit: Sensitivity['unit']): readonly number[] => {
  const distance = (rung: number): number => {
    const { noise, divergence } = at(effects, rung);
    return unit === 'divergence' ? (divergence ?? noise) : noise;
  };
  const top = effects.length - 1;
  const own = distance(top);
  const losses = effects.map((_, rung) => (rung <= BASE ? own + distance(rung) : Math.max(0, own - distance(rung))));
  losses[BASE] = own;
  losses[top] = 0;
  for (let rung = top - 1; rung >= 0; rung--) losses[rung] = Math.max(at(losses, rung), at(losses, rung + 1));
  return losses;
};

/** Elements of a parameter. */
const elementsOf = ({ float }: Calibrated, value: ValueId): number =>
  elementCount(float.params.find((p) => p.value === value)?.tensor.shape ?? [0]);

/** What every other model is compared with. */
interface Base {
  readonly answers: Answers;
  readonly operations: number;
  readonly size: number;
}

const effectOf = (probes: AnswerProbes, model: QuantizedModel, size: number, base: Base): RungEffect => {
  const answers = probes.answers(model);
  return {
    ...probes.distance(base.answers, answers),
    decibels: decibelsOf(probes.distance(probes.float, answers)),
    operations: programCost(model.program) - base.operations,
    size: size - base.size,
  };
};

/** Divergences below this, in nats, are rounding: the classes of such a model are certain whatever is done to its layers. */
const CERTAIN = 1e-6;

/** Divergence tells which errors change a class; where it is 0 throughout, noise tells more. */
const unitOf = (probes: AnswerProbes, effects: readonly (readonly RungEffect[])[]): Sensitivity['unit'] =>
  probes.classifier && effects.some((e) => e.some(({ divergence }) => (divergence ?? 0) > CERTAIN)) ? 'divergence' : 'noise';

/**
 * Measures each layer alone on every other rung, all other layers on the base rung: by KL divergence of the class
 * probabilities for classifiers, by noise of the outputs for the rest (NUMERICS §5.8).
 */
export const measureSensitivity = (calibrated: Calibrated, settings: Settings, options: SensitivityOptions): Result<Sensitivity> => {
  const { ladder, progress, memo } = options;
  const units = unitsOf(calibrated.layers);
  const quantize = (assignment: Assignment): Result<QuantizedModel> =>
    calibrated.quantize({ ...settings, ...bitsOf(units, ladder, assignment) });
  const all = uniform(units, BASE);
  const first = quantize(all);
  if (!first.ok) return first;
  const whole = options.sizeOf(first.value, unitBits(units, ladder, all));
  if (!whole.ok) return whole;
  const probes = new AnswerProbes(first.value, options.samples, options.compile);
  const base: Base = { answers: probes.answers(first.value), operations: programCost(first.value.program), size: whole.value };
  const total: Distance = probes.distance(probes.float, base.answers);
  const here: RungEffect = { noise: 0, divergence: probes.classifier ? 0 : undefined, decibels: decibelsOf(total), operations: 0, size: 0 };
  const steps = units.length * (ladder.length - 1);
  let done = 0;
  const measure = (i: number, rung: number): Result<RungEffect> => {
    if (rung === BASE) return ok(here);
    progress.step('sensitivity', done++, steps, `${at(units, i).name} ${at(ladder, rung).name}`);
    const key = assignmentKey(all.with(i, rung));
    const known = memo.get(key);
    if (known !== undefined) return ok(known);
    const model = quantize(all.with(i, rung));
    if (!model.ok) return model;
    const size = options.sizeOf(model.value, unitBits(units, ladder, all.with(i, rung)));
    if (!size.ok) return size;
    const effect = effectOf(probes, model.value, size.value, base);
    memo.set(key, effect);
    return ok(effect);
  };
  const effects: RungEffect[][] = units.map(() => []);
  for (const [i, own] of effects.entries()) {
    for (const rung of ladder.keys()) {
      const effect = measure(i, rung);
      if (!effect.ok) return effect;
      own.push(effect.value);
    }
  }
  progress.step('sensitivity', steps, steps);
  const unit = unitOf(probes, effects);
  const measured = units.map(({ name, node, layers }, i): LayerSensitivity => {
    const parameters = elementsOf(calibrated, at(node.operands, 1));
    return { name, op: node.op, parameters, layers, effects: at(effects, i), losses: lossesOf(at(effects, i), unit) };
  });
  const { operations, size } = base;
  const reached = { decibels: here.decibels, divergence: total.divergence };
  return ok({ layers: measured, unit, probes: probes.count, operations, size, base: reached });
};
