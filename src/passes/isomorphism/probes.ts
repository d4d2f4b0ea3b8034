import { elementCount, isStaticType, Philox, type Program, type Tensor, typeOf, zeros } from '../../ir/index.ts';
import { at, invariant } from '../../support/index.ts';
import type { Alignment } from './align.ts';
import { asSeen } from './views.ts';

/** Runs a model on tensors, one for each of its inputs. */
export type RunModel = (inputs: readonly Tensor[]) => readonly Tensor[];

export interface Probes {
  readonly count: number;
  readonly seed: string;
  /** Greatest difference of an output element, and how far outputs go. */
  readonly maxDifference: number;
  readonly maxOutput: number;
  /** Probes on which the greatest element of an output stands at another place. */
  readonly disagreements: number;
  /** The probe on which outputs differ most beyond the tolerance. */
  readonly counterexample:
    | { readonly probe: number; readonly output: string; readonly index: number; readonly a: number; readonly b: number }
    | undefined;
  /** With this confidence the models disagree on no more than this share of inputs drawn as the probes are. */
  readonly bound: { readonly confidence: number; readonly rate: number } | undefined;
}

/** Probability that the bound is wrong, and -ln of it. */
const DELTA = 1e-6;
const LOG_DELTA = 13.815510557964274;

type Fill = (i: number, count: number) => number;
const PATTERNS: readonly Fill[] = [
  () => 0,
  () => 1,
  () => -1,
  (i) => (i % 2 === 0 ? 1 : -1),
  (i, n) => i / n,
  (i, n) => 1 - (2 * i) / n,
  (i) => (i === 0 ? 1 : 0),
  (i, n) => (i === n - 1 ? 1 : 0),
];

const inputOf = (program: Program, index: number, probe: number, seed: string): Tensor => {
  const type = typeOf(program, at(program.inputs, index).value);
  invariant(isStaticType(type), 'probed models have numbers as dimensions');
  const tensor = zeros(type);
  const pattern = PATTERNS[probe];
  const count = elementCount(type.shape);
  const random = new Philox(Number.parseInt(seed.slice(0, 13), 16), probe, index);
  const float = type.dtype === 'f32';
  for (let i = 0; i < count; i++) {
    const unit = pattern === undefined ? (random.next() / 2 ** 32) * 2 - 1 : pattern(i, count);
    tensor.data[i] = float ? unit * (probe % 3 === 2 ? 4 : 1) : Math.round(unit * 100);
  }
  return tensor;
};

const argmax = (values: ArrayLike<number>): number => {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
};

/** The greatest absolute value, never 0. */
const greatest = (values: ArrayLike<number>): number => {
  let size = 1e-30;
  for (let i = 0; i < values.length; i++) size = Math.max(size, Math.abs(values[i] ?? 0));
  return size;
};

export interface ProbeOptions {
  readonly count: number;
  /** Hex digits that neither party chose: a hash of both models. */
  readonly seed: string;
  /** Greatest difference over the greatest output that still counts as equal. */
  readonly tolerance: number;
}

/** The inputs of probe `probe`, for A; the same on every machine. */
export const probeInputs = (a: Program, probe: number, seed: string): readonly Tensor[] =>
  a.inputs.map((_, i) => inputOf(a, i, probe, seed));

/** Runs both models on the same inputs: structured ones first, then random ones from a seed that depends on both. */
export const runProbes = (
  a: Program,
  b: Program,
  inputs: Alignment,
  outputs: Alignment,
  run: { readonly a: RunModel; readonly b: RunModel },
  { count, seed, tolerance }: ProbeOptions,
): Probes => {
  let [maxDifference, maxOutput, disagreements] = [0, 0, 0];
  let counterexample: Probes['counterexample'];
  let worst = 0;
  for (let probe = 0; probe < count; probe++) {
    const given = probeInputs(a, probe, seed);
    const forB = b.inputs.map((port, j) => {
      const i = inputs.order.indexOf(j);
      return asSeen(at(given, i), inputs.views.get(j), typeOf(b, port.value).shape as readonly number[]);
    });
    const [ya, yb] = [run.a(given), run.b(forB)];
    let agree = true;
    a.outputs.forEach((port, i) => {
      const x = at(ya, i);
      const j = at(outputs.order, i);
      const view = outputs.views.get(j);
      const inverse = view?.perm === undefined ? undefined : view.perm.map((_, k) => (view.perm ?? []).indexOf(k));
      const raw = at(yb, j);
      const y = view === undefined ? raw : asSeen(raw, { shape: raw.shape, perm: inverse }, x.shape);
      agree &&= argmax(x.data) === argmax(y.data);
      const size = greatest(x.data);
      maxOutput = Math.max(maxOutput, size);
      for (let e = 0; e < x.data.length; e++) {
        const [u, v] = [at(x.data, e), y.data[e] ?? Number.NaN];
        const d = Object.is(u, v) ? 0 : Math.abs(u - v);
        const excess = Number.isNaN(d) ? (Number.isNaN(u) && Number.isNaN(v) ? 0 : Number.POSITIVE_INFINITY) : d / size;
        if (!Number.isNaN(d)) maxDifference = Math.max(maxDifference, d);
        if (excess <= tolerance || excess <= worst) continue;
        worst = excess;
        counterexample = { probe, output: port.name, index: e, a: u, b: v };
      }
    });
    if (!agree) disagreements++;
  }
  const drawn = count - Math.min(count, PATTERNS.length);
  const rate = drawn === 0 ? 1 : Math.min(1, LOG_DELTA / drawn);
  const bound = disagreements === 0 && rate < 1 ? { confidence: 1 - DELTA, rate } : undefined;
  return { count, seed, maxDifference, maxOutput, disagreements, counterexample, bound };
};
