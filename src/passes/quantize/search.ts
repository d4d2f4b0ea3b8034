import { type AnyNode, type Program, programCost, type Tensor, type ValueId, valueBytes } from '../../ir/index.ts';
import { at, ok, type Progress, type Result, silentProgress } from '../../support/index.ts';
import { withOutputs } from '../observe.ts';
import type { CalibrationSample, Compile } from './calibrate.ts';
import { Calibrated, type Settings } from './calibrated.ts';
import { equalize } from './equalize.ts';
import type { LayerInfo, QuantizedModel } from './model.ts';
import { RANGE_METHODS, type RangeMethod } from './ranges.ts';
import { firstSamples, type Samples, sourceOf } from './sample-source.ts';
import { decibels, NoiseSum, quantizeInputs } from './sqnr.ts';

/**
 * Samples that trials run: at most, what their float activations may take in memory, and the operations of one trial. A few samples
 * cannot tell ways of INT8 apart that lose a tenth of a point.
 */
const MOST_PROBES = 256;
const PROBE_BYTES = 2 ** 28;
const PROBE_OPERATIONS = 6e10;
/** A choice changes when another one is better by this: less is within what a few samples can tell. */
const MARGIN = 0.1;

/** One way of quantizing that was tried, and how near its layers and outputs come to the float ones. */
export interface Trial {
  readonly name: string;
  readonly decibels: number;
}

/** What may be searched; what is left out stays as the base settings have it. */
export interface SearchSpace {
  readonly ranges?: boolean;
  readonly rounding?: boolean;
  readonly equalize?: boolean;
}

export interface Searched {
  readonly calibrated: Calibrated;
  readonly settings: Settings;
  readonly model: QuantizedModel;
  /** In the order in which they ran. */
  readonly trials: readonly Trial[];
  readonly equalized: boolean;
}

interface SearchOptions {
  readonly samples: Samples;
  readonly compile: Compile;
  readonly progress?: Progress;
}

const decibelsOf = ({ signal, noise }: NoiseSum): number => (noise === 0 ? 200 : signal === 0 ? 0 : decibels(signal / noise));

/** Float results on the probes: every layer's, then the outputs'. */
class Probes {
  readonly samples: readonly CalibrationSample[];
  private readonly float: Program;
  private readonly compile: Compile;
  private readonly results = new Map<ValueId, readonly Tensor[]>();

  constructor(float: Program, { samples, compile }: SearchOptions) {
    const limits = [MOST_PROBES, PROBE_BYTES / Math.max(1, valueBytes(float)), PROBE_OPERATIONS / Math.max(1, programCost(float))];
    this.samples = firstSamples(samples, Math.max(1, Math.floor(Math.min(...limits))));
    this.float = float;
    this.compile = compile;
  }

  /** Runs what has not run yet. */
  private need(values: readonly ValueId[]): void {
    const missing = [...new Set(values)].filter((v) => !this.results.has(v));
    if (missing.length === 0) return;
    const run = this.compile(withOutputs(this.float, missing));
    const runs = this.samples.map((s) => run(s).map((t): Tensor => ({ ...t, data: t.data.slice() as Tensor['data'] })));
    missing.forEach((v, i) =>
      this.results.set(
        v,
        runs.map((r) => at(r, i)),
      ),
    );
  }

  /** Signal-to-noise ratio, in dB, of values of a quantized model against float values. */
  measure(model: QuantizedModel, values: readonly LayerInfo[]): readonly number[] {
    this.need(values.map((v) => v.float));
    const run = this.compile(
      withOutputs(
        model.program,
        values.map((v) => v.int),
      ),
    );
    const sums = values.map((layer) => new NoiseSum(layer));
    this.samples.forEach((sample, s) => {
      const results = run(quantizeInputs(model, sample));
      values.forEach(({ float }, i) => at(sums, i).add(at(this.results.get(float) ?? [], s), at(results, i)));
    });
    return sums.map(decibelsOf);
  }
}

/** Functions that hide most of what goes into them: what a model says is measured before them. */
const SQUASHING: ReadonlySet<string> = new Set(['softmax', 'log_softmax', 'sigmoid', 'tanh']);

/** What the real outputs are made of: the logits, where a softmax follows. */
export const targetsOf = (float: Program): ReadonlySet<ValueId> => {
  const producers = new Map<ValueId, AnyNode>();
  for (const node of float.nodes as readonly AnyNode[]) for (const r of node.results) producers.set(r, node);
  const before = (value: ValueId): ValueId => {
    const node = producers.get(value);
    const [x] = node?.operands ?? [];
    return node !== undefined && x !== undefined && SQUASHING.has(node.op) ? before(x) : value;
  };
  return new Set(float.outputs.map((o) => before(o.value)));
};

/** Above this the noise of a layer does not count any more. */
const CAP = 60;

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);

/** The values that a node reads, as layers of the quantized model stand for them. */
const readersOf = (program: Program): ReadonlyMap<ValueId, readonly ValueId[]> => {
  const readers = new Map<ValueId, ValueId[]>();
  for (const node of program.nodes as readonly AnyNode[])
    for (const v of node.operands) readers.set(v, [...(readers.get(v) ?? []), ...node.results]);
  return readers;
};

/** How near a model comes to the float one, in dB. */
interface Score {
  /** Mean over the outputs. */
  readonly outputs: number;
  /**
   * Half that, half the mean over all layers: the outputs are what counts, and the layers hold so many more elements that they tell
   * small differences apart from chance.
   */
  readonly both: number;
  /** By layer of the model. */
  readonly layers: readonly number[];
}

/** What a trial came to. */
interface Tried {
  readonly model: QuantizedModel;
  readonly score: Score;
}

/** Tries ways of quantizing one model one after another, and keeps what makes its outputs better. */
class Search {
  readonly trials: Trial[] = [];
  private readonly options: SearchOptions;
  private best: { readonly calibrated: Calibrated; readonly settings: Settings; readonly model: QuantizedModel; readonly score: Score };
  private probes: Probes;

  constructor(calibrated: Calibrated, settings: Settings, model: QuantizedModel, options: SearchOptions) {
    this.options = options;
    this.probes = new Probes(calibrated.float, options);
    this.best = { calibrated, settings, model, score: this.score(model) };
    this.trials.push({ name: 'at first', decibels: this.best.score.both });
  }

  private score(model: QuantizedModel, probes = this.probes): Score {
    const layers = probes.measure(model, model.layers);
    const capped = layers.map((d) => Math.min(d, CAP));
    const targets = targetsOf(model.float);
    const own = capped.filter((_, i) => targets.has(at(model.layers, i).float));
    const outputs = mean(own.length === 0 ? capped : own);
    return { outputs, both: (mean(capped) + outputs) / 2, layers };
  }

  /** Quantizes in one more way, and keeps it when it is better by a margin. */
  private attempt(name: string, change: Partial<Settings>, margin: number): Result<Tried> {
    const { calibrated, settings } = this.best;
    this.options.progress?.step('search', this.trials.length, this.trials.length + 1, name);
    const changed = { ...settings, ...change };
    const model = calibrated.quantize(changed);
    if (!model.ok) return model;
    const score = this.score(model.value);
    this.trials.push({ name, decibels: score.both });
    if (score.both > this.best.score.both + margin) this.best = { calibrated, settings: changed, model: model.value, score };
    return ok({ model: model.value, score });
  }

  try(name: string, change: Partial<Settings>): Result<Tried> {
    return this.attempt(name, change, MARGIN);
  }

  /** Each method everywhere, then for each value the method that serves best the layers that read it. */
  ranges(): Result<Tried> {
    const scores = new Map<RangeMethod, ReadonlyMap<ValueId, number>>();
    for (const method of RANGE_METHODS) {
      const tried = this.attempt(`ranges ${method}`, { ranges: method }, 0);
      if (!tried.ok) return tried;
      const { model, score } = tried.value;
      scores.set(method, new Map(model.layers.map((l, i) => [l.float, at(score.layers, i)])));
    }
    const readers = readersOf(this.best.calibrated.float);
    const layers = new Set(this.best.model.layers.map((l) => l.float));
    const choice = new Map<ValueId, RangeMethod>();
    for (const value of layers) {
      const after = this.layersAfter(value, readers, layers);
      let most = Number.NEGATIVE_INFINITY;
      for (const [method, of] of scores) {
        const reached = mean([...(after.size > 0 ? after : [value])].map((v) => of.get(v) ?? 0));
        if (reached > most) {
          most = reached;
          choice.set(value, method);
        }
      }
    }
    return this.attempt('ranges by layer', { ranges: choice }, 0);
  }

  /** The nearest layers behind a value. */
  private layersAfter(
    value: ValueId,
    readers: ReadonlyMap<ValueId, readonly ValueId[]>,
    layers: ReadonlySet<ValueId>,
  ): ReadonlySet<ValueId> {
    const found = new Set<ValueId>();
    const seen = new Set<ValueId>();
    const visit = (v: ValueId): void => {
      for (const r of readers.get(v) ?? []) {
        if (seen.has(r)) continue;
        seen.add(r);
        if (layers.has(r)) found.add(r);
        else visit(r);
      }
    };
    visit(value);
    return found;
  }

  /** Equalizes, calibrates on the probes alone, and on everything when that is better. */
  equalize(): Result<boolean> {
    const { samples, compile, progress = silentProgress } = this.options;
    const { calibrated, settings, score } = this.best;
    // the integers that a model brings along belong to the weights as they are
    if (calibrated.given.integers.size > 0 || calibrated.given.activations.size > 0) return ok(false);
    const equalized = equalize(calibrated.float, this.probes.samples, compile);
    if (equalized.layers.length === 0) return ok(false);
    const attempt = (from: Samples): Result<readonly [Calibrated, QuantizedModel]> => {
      const made = Calibrated.make(equalized.program, { samples: from, compile, progress, columns: calibrated.columns });
      if (!made.ok) return made;
      const model = made.value.quantize(settings);
      return model.ok ? ok([made.value, model.value]) : model;
    };
    const few = attempt(this.probes.samples);
    if (!few.ok) return few;
    const probes = new Probes(equalized.program, this.options);
    const reached = this.score(few.value[1], probes);
    const { length } = equalized.layers;
    this.trials.push({ name: `equalization of ${length} ${length === 1 ? 'layer' : 'layers'}`, decibels: reached.both });
    // channels that were scaled weigh otherwise in the layers' own ratios: only outputs compare
    if (reached.outputs <= score.outputs + MARGIN) return ok(false);
    const all = sourceOf(samples).count === this.probes.samples.length ? few : attempt(samples);
    if (!all.ok) return all;
    this.probes = probes;
    this.best = { calibrated: all.value[0], settings, model: all.value[1], score: this.score(all.value[1]) };
    return ok(true);
  }

  finish(equalized: boolean): Searched {
    const { calibrated, settings, model } = this.best;
    return { calibrated, settings, model, trials: this.trials, equalized };
  }
}

/**
 * Chooses by measurement what no rule decides for every model: cross-layer equalization, the method of each range, rounding
 * with error feedback. A way is kept when the outputs of the integer program, run on calibration samples,
 * come nearer to the float outputs (SQNR).
 */
export const searchSettings = (calibrated: Calibrated, base: Settings, space: SearchSpace, options: SearchOptions): Result<Searched> => {
  const first = calibrated.quantize(base, options.progress);
  if (!first.ok) return first;
  if (!Object.values(space).includes(true)) return ok({ calibrated, settings: base, model: first.value, trials: [], equalized: false });
  const search = new Search(calibrated, base, first.value, options);
  let equalized = false;
  if (space.equalize === true) {
    const tried = search.equalize();
    if (!tried.ok) return tried;
    equalized = tried.value;
  }
  const steps: readonly (() => Result<Tried>)[] = [
    ...(space.ranges === true ? [() => search.ranges()] : []),
    ...(space.rounding === true ? [() => search.try('rounding', { rounding: base.rounding === 'nearest' ? 'feedback' : 'nearest' })] : []),
  ];
  for (const step of steps) {
    const tried = step();
    if (!tried.ok) return tried;
  }
  return ok(search.finish(equalized));
};
