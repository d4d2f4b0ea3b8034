import { type AnyNode, DTYPE_INFO, type Program, proveProgram, type ValueId, verifyProgram } from '../../ir/index.ts';
import { at, invariant, ok, type Progress, type Result, silentProgress } from '../../support/index.ts';
import { type Affine, affineOfRange, powerOfTwoAffine, wideOfMagnitude } from './affine.ts';
import { calibrate, type Calibration, type CalibrationSample, type Compile } from './calibrate.ts';
import { Emit } from './emit.ts';
import type { LayerBits, LayerInfo, QuantizedModel, QuantizedPort, Rounding } from './model.ts';
import { Plan } from './plan.ts';
import { chooseRange, type ChosenRange, type Histogram, type RangeMethod } from './ranges.ts';
import { ROLES } from './roles/index.ts';
import { fixedAffine, keepsExtremes, layerInputs, leadersOf, nameOfValue, type WeightedLayer, weightedLayers } from './sites.ts';

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
}

export interface CalibrateModelOptions {
  readonly samples: readonly CalibrationSample[];
  readonly compile: Compile;
  readonly progress?: Progress;
}

/** A prepared float program and what calibration saw of it: it can be quantized in many ways without running again. */
export class Calibrated {
  readonly float: Program;
  /** The layers with weights, in program order. */
  readonly layers: readonly WeightedLayer[];
  private readonly histograms: ReadonlyMap<ValueId, Histogram>;
  private readonly seen: Calibration;

  private constructor(float: Program, plan: Plan, sites: readonly ValueId[], seen: Calibration) {
    this.float = float;
    this.layers = weightedLayers(plan);
    this.histograms = new Map(sites.map((v, i) => [v, at(seen.histograms, i)]));
    this.seen = seen;
  }

  /**
   * Runs the prepared program on the samples.
   * Errors: QNT0001 for each node without an integer form, QNT0002 to QNT0004 for the samples.
   */
  static make(float: Program, { samples, compile, progress = silentProgress }: CalibrateModelOptions): Result<Calibrated> {
    const planned = new Plan(float, ROLES).build(false);
    if (!planned.ok) return planned;
    const plan = planned.value;
    const sites = leadersOf(plan).filter((v) => fixedAffine(plan, v) === undefined);
    const seen = calibrate(float, sites, {
      samples,
      compile,
      progress,
      histograms: true,
      means: layerInputs(plan),
      nameOf: (v) => nameOfValue(plan, v),
    });
    return seen.ok ? ok(new Calibrated(float, plan, sites, seen.value)) : seen;
  }

  /** The integer program under the given settings, verified and proven. */
  quantize(settings: Settings, progress: Progress = silentProgress): Result<QuantizedModel> {
    const planned = new Plan(this.float, ROLES).build(settings.outputBits === 16);
    if (!planned.ok) return planned;
    const plan = planned.value;
    const choices = this.choicesOf(plan, settings);
    const emit = new Emit(plan, ROLES, {
      affines: new Map([...choices].map(([v, c]) => [v, c.affine])),
      means: settings.correctBias ? this.seen.means : new Map(),
      weightBitsOf: this.weightBits(settings),
      powerOfTwo: settings.powerOfTwo,
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
    });
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
        const fixed = fixedAffine(plan, value);
        if (fixed !== undefined) return [value, { affine: fixed, range: undefined }];
        const histogram = this.histograms.get(value);
        invariant(histogram !== undefined, `value ${value} was calibrated`);
        return [value, choose(plan, value, histogram, keep, settings)];
      }),
    );
  }
}

const choose = (plan: Plan, value: ValueId, histogram: Histogram, keep: ReadonlySet<ValueId>, settings: Settings): Choice => {
  const { ranges, powerOfTwo } = settings;
  const wide = plan.wide.has(value);
  const wanted = typeof ranges === 'string' ? ranges : (ranges.get(value) ?? 'mse');
  const range = chooseRange(histogram, wide || keep.has(value) ? 'minmax' : wanted);
  if (wide) return { affine: wideOfMagnitude(Math.max(-range.lo, range.hi), powerOfTwo), range };
  return { affine: powerOfTwo ? powerOfTwoAffine(range.lo, range.hi) : affineOfRange(range.lo, range.hi), range };
};

const layersOf = (plan: Plan, emit: Emit, choices: ReadonlyMap<ValueId, Choice>): readonly LayerInfo[] =>
  emit.emitted
    .filter(({ float }) => plan.isFloat(float))
    .map(({ node, float, int }) => {
      const affine = emit.affineOf(float);
      const range = choices.get(plan.leaderOf(float))?.range;
      const { lo, hi } = DTYPE_INFO[affine.dtype];
      return {
        origin: plan.nameOf(node),
        op: node.op,
        float,
        int,
        scale: affine.scale,
        zero: affine.zero,
        bits: affine.dtype === 'i8' ? 8 : 16,
        method: range?.method ?? 'fixed',
        range: [range?.lo ?? (lo - affine.zero) * affine.scale, range?.hi ?? (hi - affine.zero) * affine.scale],
        clipped: range?.clipped ?? 0,
        weightBits: node.op === 'conv' || node.op === 'dense' ? emit.weightBitsOf(node) : undefined,
      };
    });
