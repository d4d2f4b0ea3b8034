import { type AnyNode, type Attrs, DTYPE_INFO, type Program, proveProgram, type ValueId, verifyProgram } from '../../ir/index.ts';
import { at, invariant, ok, type Progress, type Result, silentProgress } from '../../support/index.ts';
import { type Affine, affineOfRange, powerOfTwoAffine, wideOfMagnitude } from './affine.ts';
import { calibrate, type Calibration, type Compile } from './calibrate.ts';
import { Emit } from './emit.ts';
import type { GivenScales } from './given/given-scales.ts';
import { lowerRegion } from './lower/region.ts';
import type { GivenUse, LayerBits, LayerInfo, QuantizedModel, QuantizedPort, Rounding } from './model.ts';
import type { Patches } from './patches.ts';
import { Plan, type Width } from './plan.ts';
import type { ChosenRange, Histogram, RangeMethod } from './ranges.ts';
import { ROLES } from './roles/index.ts';
import { SiteRanges } from './site-ranges.ts';
import { type Samples, sourceOf } from './sample-source.ts';
import { type InputRows, LayerFeedback } from './rounding.ts';
import { columnsOf, fixedAffine, keepsExtremes, layerInputs, leadersOf, nameOfValue, type WeightedLayer, weightedLayers } from './sites.ts';

/** Everything that decides the integers of a calibrated model. */
export interface Settings {
  /** Bits of the layers that `layers` does not name. */
  readonly bits: LayerBits;
  /** Bits by the names of `Calibrated.layers`. */
  readonly layers?: ReadonlyMap<string, LayerBits>;
  /** How each range is chosen; inputs, sums and what softmax or sigmoid read keep min and max. */
  readonly ranges: RangeMethod | ReadonlyMap<ValueId, RangeMethod>;
  /** Bits of outputs that come straight from an accumulator (logits). */
  readonly outputBits: 8 | 16;
  /** Every scale is a power of two. */
  readonly powerOfTwo: boolean;
  readonly rounding: Rounding;
  /** Whether a bias makes good what rounding the weights takes from the mean output. */
  readonly correctBias: boolean;
}

interface Choice {
  readonly affine: Affine;
  readonly range: ChosenRange | undefined;
  readonly given?: true;
}

export interface CalibrateModelOptions {
  readonly samples: Samples;
  readonly compile: Compile;
  readonly progress?: Progress;
  /** Whether weights may be rounded with error feedback, which needs columns of the layers' inputs. */
  readonly columns?: boolean;
  /** Quantization that the model brings along: such values need no calibration. */
  readonly given?: Omit<GivenScales, 'program'>;
}

const NOTHING_GIVEN: Omit<GivenScales, 'program'> = { activations: new Map(), integers: new Map() };

/** The values whose ranges come from the samples. */
const sitesOf = (plan: Plan): readonly ValueId[] => leadersOf(plan).filter((v) => fixedAffine(plan, v) === undefined && !plan.given.has(v));

/** A prepared float program and what calibration saw of it: it can be quantized in many ways without running again. */
export class Calibrated {
  readonly float: Program;
  /** The layers with weights, in program order. */
  readonly layers: readonly WeightedLayer[];
  readonly given: Omit<GivenScales, 'program'>;
  private readonly ranges: ReadonlyMap<ValueId, SiteRanges>;
  /** For the values whose range is another one's. */
  private readonly leaders: ReadonlyMap<ValueId, ValueId>;
  private readonly seen: Calibration;
  private readonly feedback: ReadonlyMap<ValueId, LayerFeedback>;

  private constructor(float: Program, plan: Plan, sites: readonly ValueId[], seen: Calibration, given: Omit<GivenScales, 'program'>) {
    this.float = float;
    this.given = given;
    this.layers = weightedLayers(plan);
    this.ranges = new Map(sites.map((v, i) => [v, new SiteRanges(at(seen.histograms, i))]));
    const results = plan.nodes.flatMap((n: AnyNode) => n.results);
    this.leaders = new Map(results.map((v) => [v, plan.leaderOf(v)] as const).filter(([v, leader]) => v !== leader));
    this.seen = seen;
    this.feedback = feedbackOf(this.layers, seen);
  }

  /**
   * Runs the prepared program on the samples.
   * Errors: QNT0001 for each node without an integer form, QNT0002 to QNT0004 for the samples.
   */
  static make(float: Program, options: CalibrateModelOptions): Result<Calibrated> {
    const { samples, compile, progress = silentProgress, columns = false, given = NOTHING_GIVEN } = options;
    const planned = new Plan(float, ROLES, given.activations).build({ outputs: false });
    if (!planned.ok) return planned;
    const plan = planned.value;
    const sites = sitesOf(plan);
    if (sites.length === 0 && sourceOf(samples).count === 0)
      return ok(new Calibrated(float, plan, sites, { histograms: [], means: new Map() }, given));
    const seen = calibrate(float, sites, {
      samples,
      compile,
      progress,
      histograms: true,
      means: layerInputs(plan),
      patches: columns ? columnsOf(plan) : new Map(),
      nameOf: (v) => nameOfValue(plan, v),
    });
    return seen.ok ? ok(new Calibrated(float, plan, sites, seen.value, given)) : seen;
  }

  /** What calibration saw of a value of `float`, or of the value whose range it shares; undefined when its range is not calibrated. */
  histogramOf(value: ValueId): Histogram | undefined {
    return this.ranges.get(this.leaders.get(value) ?? value)?.histogram;
  }

  /** Whether weights can be rounded with error feedback. */
  get columns(): boolean {
    return this.feedback.size > 0;
  }

  /** The integer program under the given settings, verified and proven. */
  quantize(settings: Settings, progress: Progress = silentProgress): Result<QuantizedModel> {
    const planned = new Plan(this.float, ROLES, this.given.activations).build(this.widthOf(settings));
    if (!planned.ok) return planned;
    const plan = planned.value;
    const choices = this.choicesOf(plan, settings);
    const emit = new Emit(plan, ROLES, {
      affines: new Map([...choices].map(([v, c]) => [v, c.affine])),
      means: settings.correctBias ? this.seen.means : new Map(),
      integers: this.given.integers,
      weightBitsOf: this.weightBits(settings),
      feedbackOf: (node) => (settings.rounding === 'feedback' ? this.feedback.get(at(node.results, 0)) : undefined),
      powerOfTwo: settings.powerOfTwo,
      lowerRegion,
    });
    plan.nodes.forEach((node: AnyNode, i) => {
      progress.step('quantize', i, plan.nodes.length, plan.nameOf(node));
      emit.node(node);
    });
    const program = emit.finish();
    const verified = verifyProgram(program);
    invariant(verified.ok, verified.ok ? '' : `the quantizer made a program that does not verify: ${at(verified.diagnostics, 0).message}`);
    const proof = proveProgram(program);
    if (!proof.ok) return proof;
    progress.step('quantize', plan.nodes.length, plan.nodes.length);
    const port = ({ name, value }: { name: string; value: ValueId }): QuantizedPort => {
      const { scale, zero } = plan.isFloat(value) ? emit.affineOf(value) : { scale: 1, zero: 0 };
      return { name, scale, zero };
    };
    return ok({
      program,
      float: this.float,
      inputs: this.float.inputs.map(port),
      outputs: this.float.outputs.map(port),
      proof: proof.value,
      layers: layersOf(plan, emit, choices),
      given: this.givenUse(emit, choices),
    });
  }

  private givenUse({ kept }: Emit, choices: ReadonlyMap<ValueId, Choice>): GivenUse | undefined {
    if (this.given.activations.size === 0 && kept.length === 0) return undefined;
    const all = [...choices.values()];
    return {
      activations: all.filter((c) => c.given).length,
      calibrated: all.filter((c) => c.range !== undefined).length,
      layers: kept,
    };
  }

  /** Which values have 16 bits: those of the layers that say so, and of the other nodes and the inputs where all do. */
  private widthOf({ bits, layers, outputBits }: Settings): Width {
    const byResult = new Map(this.layers.map(({ name, node }) => [at(node.results, 0), layers?.get(name)]));
    const inputs = bits.activations === 16;
    return {
      outputs: outputBits === 16,
      inputs,
      result: (node) => (byResult.get(at(node.results, 0)) ?? bits).activations === 16,
    };
  }

  /** Bits of the weights of a node. */
  private weightBits({ bits, layers }: Settings): (node: AnyNode) => LayerBits['weights'] {
    const byResult = new Map(this.layers.map(({ name, node }) => [at(node.results, 0), layers?.get(name)]));
    return (node) => (byResult.get(at(node.results, 0)) ?? bits).weights;
  }

  private choicesOf(plan: Plan, settings: Settings): ReadonlyMap<ValueId, Choice> {
    const keep = keepsExtremes(plan);
    return new Map(
      leadersOf(plan).map((value): [ValueId, Choice] => {
        const given = plan.given.get(value);
        if (given !== undefined) return [value, { affine: given, range: undefined, given: true }];
        const fixed = fixedAffine(plan, value);
        if (fixed !== undefined) return [value, { affine: fixed, range: undefined }];
        const ranges = this.ranges.get(value);
        invariant(ranges !== undefined, `value ${value} was calibrated`);
        return [value, choose(plan, value, ranges, keep, settings)];
      }),
    );
  }
}

/** The columns of layers that use one weight, one after another. */
const joined = (parts: readonly Patches[]): Patches => {
  const [first, ...more] = parts;
  invariant(first !== undefined, 'a weight has a layer');
  if (more.length === 0) return first;
  const rows = parts.reduce((n, p) => n + p.rows, 0);
  const data = new Float32Array(rows * first.width);
  let offset = 0;
  for (const part of parts) {
    data.set(part.data, offset);
    offset += part.data.length;
  }
  return { data, rows, width: first.width };
};

/**
 * How the weights of each layer, by its result, are rounded by the columns that calibration took of its input. The layers that use
 * one weight, such as the steps of a recurrent layer, round it alike.
 */
const feedbackOf = (layers: readonly WeightedLayer[], { patches }: Calibration): ReadonlyMap<ValueId, LayerFeedback> => {
  const users = new Map<string, AnyNode[]>();
  for (const { node } of layers) {
    const columns = patches?.get(at(node.results, 0));
    if (columns === undefined) continue;
    const key = `${at(node.operands, 1)}/${columns.width}`;
    users.set(key, [...(users.get(key) ?? []), node]);
  }
  return new Map(
    [...users.values()].flatMap((nodes) => {
      const columns = joined(nodes.flatMap((n) => patches?.get(at(n.results, 0)) ?? []));
      const [node] = nodes;
      const groups = node?.op === 'conv' ? (node.attrs as Attrs<'conv'>).groups : 1;
      const width = columns.width / groups;
      const rowsOf = (group: number): InputRows => ({ ...columns, stride: columns.width, start: group * width, width });
      const feedback = new LayerFeedback(rowsOf);
      return nodes.map((n) => [at(n.results, 0), feedback] as const);
    }),
  );
};

const choose = (plan: Plan, value: ValueId, site: SiteRanges, keep: ReadonlySet<ValueId>, settings: Settings): Choice => {
  const { ranges, powerOfTwo } = settings;
  const wide = plan.wide.has(value);
  const wanted = typeof ranges === 'string' ? ranges : (ranges.get(value) ?? 'mse');
  const through = wide || powerOfTwo || wanted !== 'mse' ? undefined : site.throughFunctions(plan, value);
  if (through !== undefined) return { affine: affineOfRange(through.lo, through.hi), range: through };
  const range = site.by(wide || keep.has(value) ? 'minmax' : wanted);
  if (wide) return { affine: wideOfMagnitude(Math.max(-range.lo, range.hi), powerOfTwo), range };
  if (!powerOfTwo) return { affine: affineOfRange(range.lo, range.hi), range };
  const coarse = keep.has(value) || wanted === 'minmax' ? range : site.powerOfTwo();
  return { affine: powerOfTwoAffine(coarse.lo, coarse.hi), range: coarse };
};

const layersOf = (plan: Plan, emit: Emit, choices: ReadonlyMap<ValueId, Choice>): readonly LayerInfo[] =>
  emit.emitted
    .filter(({ float }) => plan.isFloat(float))
    .map(({ node, float, int }) => {
      const affine = emit.affineOf(float);
      const choice = choices.get(plan.leaderOf(float));
      const range = choice?.range;
      const { lo, hi } = DTYPE_INFO[affine.dtype];
      return {
        origin: plan.nameOf(node),
        op: node.op,
        float,
        int,
        scale: affine.scale,
        zero: affine.zero,
        bits: affine.dtype === 'i8' ? 8 : 16,
        method: choice?.given === true ? 'given' : (range?.method ?? 'fixed'),
        range: [range?.lo ?? (lo - affine.zero) * affine.scale, range?.hi ?? (hi - affine.zero) * affine.scale],
        clipped: range?.clipped ?? 0,
        weightBits: node.op === 'conv' || node.op === 'dense' ? emit.weightBitsOf(node) : undefined,
      };
    });
