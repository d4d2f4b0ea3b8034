import {
  type AnyNode,
  DTYPE_INFO,
  isStaticType,
  type Program,
  type Proof,
  proveProgram,
  runProgram,
  type ValueId,
  verifyProgram,
} from '../../ir/index.ts';
import { at, diagnostic, fail, invariant, ok, type Progress, type Result, silentProgress, unwrap } from '../../support/index.ts';
import { runPasses } from '../registry.ts';
import { foldUpTo } from '../transform/fold.ts';
import { hoistClampLoosely } from '../transform/hoist-clamp.ts';
import { type Affine, affineOfRange, wideOfMagnitude } from './affine.ts';
import { calibrate, type CalibrationSample, type Compile } from './calibrate.ts';
import { Emit } from './emit.ts';
import { expandButNorms } from './expand-norms.ts';
import { finiteMasks } from './finite-masks.ts';
import { Plan } from './plan.ts';
import { chooseRange, type ChosenRange, type Histogram, type RangeMethod } from './ranges.ts';
import { ROLES } from './roles/index.ts';

export interface QuantizeOptions {
  /** Calibration inputs: one tensor for each model input, any number of times. */
  readonly samples: Iterable<CalibrationSample>;
  /** How to run the float model; the reference interpreter when absent. */
  readonly compile?: Compile;
  /** How activation ranges are chosen; default `mse`. Inputs, sums and what softmax or sigmoid read keep min and max. */
  readonly method?: RangeMethod;
  /** Bits of outputs that come straight from an accumulator (logits): default 16. Other outputs have 8. */
  readonly outputBits?: 8 | 16;
  /** Default 8. */
  readonly weightBits?: 6 | 8;
  readonly progress?: Progress;
}

/** How the integers of an input or output stand for reals: real = scale * (q - zero). Integer ports have scale 1, zero 0. */
export interface QuantizedPort {
  readonly name: string;
  readonly scale: number;
  readonly zero: number;
}

/** One quantized value: where it is in both programs, and how its range was chosen. */
export interface LayerInfo {
  /** The user's name of the node. */
  readonly origin: string;
  readonly op: string;
  /** In `QuantizedModel.float`. */
  readonly float: ValueId;
  /** In `QuantizedModel.program`. */
  readonly int: ValueId;
  readonly scale: number;
  readonly zero: number;
  readonly bits: 8 | 16;
  /** `fixed`: the op defines its output scale. */
  readonly method: RangeMethod | 'fixed';
  readonly range: readonly [number, number];
  /** Share of the calibrated elements outside the range. */
  readonly clipped: number;
  readonly weightBits: 6 | 8 | undefined;
}

export interface QuantizedModel {
  /** The integer program, verified and proven free of overflow. */
  readonly program: Program;
  /** The prepared float program that it approximates: batch norms folded, composites expanded (but for norms with an integer form), -inf in masks a number. */
  readonly float: Program;
  readonly inputs: readonly QuantizedPort[];
  readonly outputs: readonly QuantizedPort[];
  readonly proof: Proof;
  readonly layers: readonly LayerInfo[];
}

/** Weights that a model spells as expansions of a constant are made whole up to this size: they become int8. */
const LARGEST_WEIGHTS = 2 ** 28;

/**
 * The float program as the quantizer wants it: batch norms folded into weights, primitives and such norms as have an
 * integer form of their own, no-ops gone, relu and clip next to the layers they follow.
 */
export const prepareFloat = (program: Program): Program => {
  const whole = foldUpTo(program, LARGEST_WEIGHTS);
  const plain = unwrap(runPasses(whole, ['canonicalize', 'fold-pad', 'fold-batch-norm']));
  const folded = unwrap(runPasses(expandButNorms(plain), ['fold', 'canonicalize']));
  return unwrap(runPasses(hoistClampLoosely(folded), ['fold-batch-norm', 'cse', 'dce']));
};

const checkStatic = (program: Program): Result<Program> => {
  const problems = program.inputs.flatMap((port) => {
    const type = at(program.types, port.value);
    const symbol = type.shape.find((d) => typeof d === 'string');
    return isStaticType(type)
      ? []
      : [
          diagnostic('IR0008', `input ${port.name} has the dimension ${String(symbol)} without a number`, {
            notes: [`Bind it: --bind ${String(symbol)}=1.`],
          }),
        ];
  });
  return problems.length > 0 ? fail(...problems) : ok(program);
};

/** Values whose extremes matter more than their bulk: inputs, sums, and what softmax or sigmoid read. */
const keepsExtremes = (plan: Plan): ReadonlySet<ValueId> => {
  const keep = new Set<ValueId>(plan.program.inputs.map((p) => p.value));
  for (const node of plan.nodes) {
    if (plan.isInteger(node)) continue;
    const result = at(node.results, 0);
    const [x] = node.operands;
    if (plan.roleOf(node).wholeRange === true && plan.rootOf(result) === result) keep.add(plan.leaderOf(plan.targetOf(result).value));
    const saturating = node.op === 'softmax' || node.op === 'log_softmax' || node.op === 'sigmoid' || node.op === 'tanh';
    if (saturating && x !== undefined) keep.add(plan.leaderOf(plan.rootOf(x)));
  }
  return keep;
};

interface Choice {
  readonly affine: Affine;
  readonly range: ChosenRange | undefined;
}

/** The quantization of ops that define their own; undefined for the rest. */
const fixedAffine = (plan: Plan, value: ValueId): Affine | undefined => {
  const producer = plan.producerOf(value);
  const fixed = producer === undefined ? undefined : plan.roleOf(producer).fixed;
  if (fixed === undefined) return undefined;
  return plan.wide.has(value) ? { ...fixed.wide, dtype: 'i16' } : { ...fixed.narrow, dtype: 'i8' };
};

const leadersOf = (plan: Plan): readonly ValueId[] => {
  const leaders = new Set<ValueId>();
  for (const v of plan.needed) if (plan.isFloat(v)) leaders.add(plan.leaderOf(v));
  for (const port of plan.program.inputs) if (plan.isFloat(port.value)) leaders.add(plan.leaderOf(port.value));
  return [...leaders].filter((v) => plan.constantOf(v) === undefined).sort((a, b) => a - b);
};

const nameOfValue = (plan: Plan, value: ValueId): string => {
  const node = plan.producerOf(value);
  return node === undefined ? (plan.program.inputs.find((p) => p.value === value)?.name ?? `value ${value}`) : plan.nameOf(node);
};

/** What calibration decides: the quantization of each leader, and the mean input of each layer. */
interface Decisions {
  readonly choices: ReadonlyMap<ValueId, Choice>;
  readonly means: ReadonlyMap<ValueId, Float64Array>;
}

/** The run-time inputs of conv and dense, with their channel axis: their means correct the biases. */
const layerInputs = (plan: Plan): ReadonlyMap<ValueId, number> => {
  const axes = new Map<ValueId, number>();
  for (const node of plan.nodes) {
    const [x] = node.operands;
    if (x === undefined || !plan.isFloat(x) || plan.constantOf(x) !== undefined) continue;
    if (node.op === 'conv') axes.set(x, 1);
    if (node.op === 'dense') axes.set(x, plan.typeOf(x).shape.length - 1);
  }
  return axes;
};

/** Options whose samples may be read again and again. */
interface Settled extends QuantizeOptions {
  readonly samples: readonly CalibrationSample[];
  readonly compile: Compile;
}

const decide = (plan: Plan, options: Settled, progress: Progress): Result<Decisions> => {
  const leaders = leadersOf(plan);
  const choices = new Map<ValueId, Choice>();
  const sites: ValueId[] = [];
  for (const v of leaders) {
    const affine = fixedAffine(plan, v);
    if (affine === undefined) sites.push(v);
    else choices.set(v, { affine, range: undefined });
  }
  const method = options.method ?? 'mse';
  const keep = keepsExtremes(plan);
  const seen = calibrate(plan.program, sites, {
    samples: options.samples,
    compile: options.compile,
    progress,
    histograms: method !== 'minmax',
    // with 8 bits the weights' rounding is far below the activations', and the correction is within the noise
    means: options.weightBits === 6 ? layerInputs(plan) : new Map(),
    nameOf: (v) => nameOfValue(plan, v),
  });
  if (!seen.ok) return seen;
  seen.value.histograms.forEach((histogram, i) => choices.set(at(sites, i), chooseOne(plan, at(sites, i), histogram, keep, method)));
  return ok({ choices, means: seen.value.means });
};

const chooseOne = (plan: Plan, value: ValueId, histogram: Histogram, keep: ReadonlySet<ValueId>, method: RangeMethod): Choice => {
  const wide = plan.wide.has(value);
  const range = chooseRange(histogram, wide || keep.has(value) ? 'minmax' : method);
  const affine = wide ? wideOfMagnitude(Math.max(-range.lo, range.hi)) : affineOfRange(range.lo, range.hi);
  return { affine, range };
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
        weightBits: node.op === 'conv' || node.op === 'dense' ? emit.weightBits : undefined,
      };
    });

/**
 * Turns a float-level program into an integer-level one by post-training quantization (NUMERICS §5): calibrates ranges
 * on samples, gives weights one scale per output channel, fuses elementwise functions into tables, and proves that no
 * accumulator overflows. Every node that has no integer form is reported, by the user's name.
 */
export const quantizeProgram = (program: Program, options: QuantizeOptions): Result<QuantizedModel> => {
  const progress = options.progress ?? silentProgress;
  const bound = checkStatic(program);
  if (!bound.ok) return bound;
  const compile = options.compile ?? ((p) => (inputs) => runProgram(p, inputs));
  const samples = [...options.samples];
  const masked = finiteMasks(prepareFloat(program), { samples, compile, progress });
  if (!masked.ok) return masked;
  const float = masked.value;
  const planned = new Plan(float, ROLES).build((options.outputBits ?? 16) === 16);
  if (!planned.ok) return planned;
  const plan = planned.value;
  const decided = decide(plan, { ...options, samples, compile }, progress);
  if (!decided.ok) return decided;
  const { choices, means } = decided.value;
  const affines = new Map([...choices].map(([v, c]) => [v, c.affine]));
  const emit = new Emit(plan, ROLES, { affines, means, weightBits: options.weightBits ?? 8 });
  plan.nodes.forEach((node: AnyNode, i) => {
    progress.step('quantize', i, plan.nodes.length, plan.nameOf(node));
    emit.node(node);
  });
  const integer = emit.finish();
  const verified = verifyProgram(integer);
  invariant(verified.ok, verified.ok ? '' : `the quantizer made a program that does not verify: ${at(verified.diagnostics, 0).message}`);
  const proof = proveProgram(integer);
  if (!proof.ok) return proof;
  progress.step('quantize', plan.nodes.length, plan.nodes.length);
  const port = ({ name, value }: { name: string; value: ValueId }): QuantizedPort => {
    const affine = plan.isFloat(value) ? emit.affineOf(value) : { scale: 1, zero: 0 };
    return { name, scale: affine.scale, zero: affine.zero };
  };
  return ok({
    program: integer,
    float,
    inputs: float.inputs.map(port),
    outputs: float.outputs.map(port),
    proof: proof.value,
    layers: layersOf(plan, emit, choices),
  });
};
