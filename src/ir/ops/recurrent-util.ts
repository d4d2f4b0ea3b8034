import { attr } from '../attr.ts';
import { type Decomposer, type InferResult, type SampleOperand, violates, type Wire } from '../schema.ts';
import { formatShape, isStaticShape, sameShape, type TensorType } from '../types.ts';
import { describe } from './util.ts';

/** Steps, over all directions, that a recurrent op may unroll to: each becomes about a dozen ops of the program. */
const MAX_STEPS = 2048;

const ACTIVATIONS = [
  'sigmoid',
  'tanh',
  'relu',
  'affine',
  'leaky_relu',
  'thresholded_relu',
  'scaled_tanh',
  'hard_sigmoid',
  'elu',
  'softsign',
  'softplus',
] as const;
export type ActivationName = (typeof ACTIVATIONS)[number];

export const activationAttr = <const D extends ActivationName>(fallback: D) => attr.oneOf(ACTIVATIONS, { default: fallback });
export const alphaAttr = attr.f32({ default: 1 });
export const betaAttr = attr.f32({ default: 0 });

/** Attributes that all recurrent ops have. */
export const recurrentAttrs = {
  direction: attr.oneOf(['forward', 'reverse', 'bidirectional'], { default: 'forward' }),
  clip: attr.f32({ default: 0 }),
  batch_first: attr.bool({ default: false }),
} as const;

export interface RecurrentAttrs {
  readonly direction: 'forward' | 'reverse' | 'bidirectional';
  readonly clip: number;
  readonly batch_first: boolean;
}

/** For docs: what the attributes of all recurrent ops mean. */
export const RECURRENT_DOC =
  'x is [T, B, I], y [T, D, B, H], a state [D, B, H]; with batch_first x is [B, T, I], y [B, T, D, H], a state [B, D, H]. D is 2 for bidirectional (forward, then reverse), else 1. ' +
  'bias holds those of w, then those of r. reverse runs from the last step to the first; y stays in the order of x. From step lengths[b] on, batch entry b keeps its state and y is 0. ' +
  'clip > 0 limits the argument of every activation to [-clip, clip]; 0 is no limit. ' +
  'Activations: affine alpha x + beta, leaky_relu, elu and thresholded_relu (x if x > alpha, else 0) with alpha, scaled_tanh alpha tanh(beta x), hard_sigmoid clip(alpha x + beta, 0, 1). Products by dense, every step rounded, sums from the left as written. ';

export interface Activation {
  readonly name: ActivationName;
  readonly alpha: number;
  readonly beta: number;
}

/** Sizes of a recurrent layer. */
export interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
  readonly directions: number;
}

export interface LayerTypes {
  readonly x: TensorType;
  readonly w: TensorType;
  readonly r: TensorType;
  readonly bias: TensorType;
  readonly states: readonly TensorType[];
  readonly lengths: TensorType | undefined;
}

export const sizesOf = (x: TensorType, r: TensorType, a: RecurrentAttrs): Sizes => {
  const [first = 1, second = 1, inputs = 1] = x.shape.map(Number);
  const [steps, batch] = a.batch_first ? [second, first] : [first, second];
  return { steps, batch, inputs, hidden: Number(r.shape[2] ?? 1), directions: a.direction === 'bidirectional' ? 2 : 1 };
};

const stateShape = (s: Sizes, a: RecurrentAttrs): number[] =>
  a.batch_first ? [s.batch, s.directions, s.hidden] : [s.directions, s.batch, s.hidden];

/** The results: y, then one last state for each initial one. */
export const layerResults = (s: Sizes, a: RecurrentAttrs, states: number): InferResult => {
  const y = a.batch_first ? [s.batch, s.steps, s.directions, s.hidden] : [s.steps, s.directions, s.batch, s.hidden];
  const state: TensorType = { dtype: 'f32', shape: stateShape(s, a) };
  return { ok: true, types: [{ dtype: 'f32', shape: y }, ...new Array<TensorType>(states).fill(state)] };
};

/** Constraints c1 to c6 of a recurrent op; undefined when the operands satisfy them. */
export const layerProblem = (t: LayerTypes, gates: number, a: RecurrentAttrs): InferResult | undefined => {
  const { x, w, r, bias } = t;
  const wanted = (name: string, type: TensorType, shape: readonly number[]): string | undefined =>
    type.dtype === 'f32' && sameShape(type.shape, shape) ? undefined : `${describe(name, type)} but f32${formatShape(shape)} is wanted`;
  if (x.dtype !== 'f32' || x.shape.length !== 3 || !isStaticShape(x.shape) || x.shape.includes(0)) return violates('c1', describe('x', x));
  const s = sizesOf(x, r, a);
  const [d, h] = [s.directions, s.hidden];
  if (r.shape.length !== 3 || !isStaticShape(r.shape) || h < 1) return violates('c2', describe('r', r));
  const weights = wanted('w', w, [d, gates * h, s.inputs]) ?? wanted('r', r, [d, gates * h, h]) ?? wanted('bias', bias, [d, 2 * gates * h]);
  if (weights !== undefined) return violates('c2', weights);
  for (const state of t.states) {
    const problem = wanted('an initial state', state, stateShape(s, a));
    if (problem !== undefined) return violates('c3', problem);
  }
  if (t.lengths !== undefined && (t.lengths.dtype !== 'i32' || !sameShape(t.lengths.shape, [s.batch])))
    return violates('c4', `${describe('lengths', t.lengths)} but i32[${s.batch}] is wanted`);
  if (s.steps * d > MAX_STEPS) return violates('c5', `${s.steps} steps in ${d} directions are ${s.steps * d}`);
  return a.clip < 0 ? violates('c6', `clip is ${a.clip}`) : undefined;
};

/** Sentences of c1 to c6. */
export const LAYER_RULES = {
  x: 'x is f32[T, B, I] (with batch_first [B, T, I]); T, B and I are numbers of at least 1.',
  weights: (gates: number) => {
    const rows = gates === 1 ? 'H' : `${gates} H`;
    return `w is f32[D, ${rows}, I], r f32[D, ${rows}, H], bias f32[D, ${2 * gates} H], H at least 1.`;
  },
  states: 'The initial states are f32[D, B, H] (with batch_first [B, D, H]).',
  lengths: 'lengths are i32[B].',
  size: `T times D is at most ${MAX_STEPS}: the layer is unrolled.`,
  clip: 'clip is not negative.',
} as const;

/** Builds one layer: constants once, and what all steps share. */
export class Layer {
  readonly b: Decomposer;
  readonly sizes: Sizes;
  private readonly attrs: RecurrentAttrs;
  private readonly scalars = new Map<number, Wire>();

  constructor(b: Decomposer, sizes: Sizes, attrs: RecurrentAttrs) {
    this.b = b;
    this.sizes = sizes;
    this.attrs = attrs;
  }

  scalar(v: number): Wire {
    const made = this.scalars.get(v) ?? this.b.constant({ dtype: 'f32', shape: [] }, [v]);
    this.scalars.set(v, made);
    return made;
  }

  add(x: Wire, y: Wire): Wire {
    return this.b.emit('add', [x, y]);
  }
  mul(x: Wire, y: Wire): Wire {
    return this.b.emit('mul', [x, y]);
  }
  oneMinus(x: Wire): Wire {
    return this.b.emit('sub', [this.scalar(1), x]);
  }
  split(x: Wire, axis: number, sizes: readonly number[]): readonly Wire[] {
    return this.b.emitAll('split', [x], { axis, sizes });
  }

  /** The activation of x, limited to [-clip, clip] before. */
  activate({ name, alpha, beta }: Activation, x: Wire): Wire {
    const { clip } = this.attrs;
    const z = clip === 0 ? x : this.b.emit('clip', [x], { min: -clip, max: clip });
    switch (name) {
      case 'affine':
        return this.add(this.mul(z, this.scalar(alpha)), this.scalar(beta));
      case 'thresholded_relu':
        return this.b.emit('select', [this.b.emit('less', [this.scalar(alpha), z]), z, this.scalar(0)]);
      case 'scaled_tanh':
        return this.mul(this.b.emit('tanh', [this.mul(z, this.scalar(beta))]), this.scalar(alpha));
      case 'leaky_relu':
      case 'elu':
        return this.b.emit(name, [z], { alpha });
      case 'hard_sigmoid':
        return this.b.emit(name, [z], { alpha, beta });
      case 'sigmoid':
      case 'tanh':
      case 'relu':
      case 'softsign':
      case 'softplus':
        return this.b.emit(name, [z]);
      default:
        return name satisfies never;
    }
  }

  /** x in the order [T, B, …], or a state in the order [D, B, …]. */
  private swapped(x: Wire): Wire {
    return this.attrs.batch_first ? this.b.emit('transpose', [x], { perm: [1, 0, 2] }) : x;
  }

  /** The parts of a tensor that belong to each direction, without that dimension. */
  perDirection(x: Wire): readonly Wire[] {
    const d = this.sizes.directions;
    const parts = d === 1 ? [x] : this.split(x, 0, [1, 1]);
    return parts.map((p) => this.b.emit('reshape', [p], { shape: p.type.shape.slice(1).map(Number) }));
  }

  /** For each step, bool[B, 1]: which batch entries have it. */
  private alive(lengths: Wire | undefined): readonly Wire[] | undefined {
    if (lengths === undefined) return undefined;
    const column = this.b.emit('reshape', [lengths], { shape: [this.sizes.batch, 1] });
    return Array.from({ length: this.sizes.steps }, (_, t) =>
      this.b.emit('less', [this.b.constant({ dtype: 'i32', shape: [] }, [t]), column]),
    );
  }

  /** Runs one direction; results of every step by place, then the last states. */
  private unroll(
    reverse: boolean,
    start: readonly Wire[],
    alive: readonly Wire[] | undefined,
    step: StepOf,
  ): { readonly outputs: readonly Wire[]; readonly states: readonly Wire[] } {
    const { steps } = this.sizes;
    const outputs: Wire[] = [];
    let states = start;
    for (let k = 0; k < steps; k++) {
      const t = reverse ? steps - 1 - k : k;
      const next = step(t, states);
      const mask = alive?.[t];
      const [h] = next;
      if (h === undefined) break;
      outputs.push(mask === undefined ? h : this.b.emit('select', [mask, h, this.scalar(0)]));
      states = mask === undefined ? next : next.map((s, i) => this.b.emit('select', [mask, s, states[i] ?? s]));
    }
    return { outputs: reverse ? outputs.reverse() : outputs, states };
  }

  /**
   * The whole layer: y and the last states.
   * @param prepare - for direction d, given x as [T * B, I]: the function of one step
   */
  run(x: Wire, initial: readonly Wire[], lengths: Wire | undefined, prepare: (rows: Wire, d: number) => StepOf): readonly Wire[] {
    const { steps, batch, inputs, hidden, directions } = this.sizes;
    const rows = this.b.emit('reshape', [this.swapped(x)], { shape: [steps * batch, inputs] });
    const alive = this.alive(lengths);
    const starts = initial.map((s) => this.perDirection(this.swapped(s)));
    const runs = Array.from({ length: directions }, (_, d) => {
      const reverse = d === 1 || this.attrs.direction === 'reverse';
      return this.unroll(
        reverse,
        starts.flatMap((s) => s[d] ?? []),
        alive,
        prepare(rows, d),
      );
    });
    const joined = (parts: readonly Wire[], axis: number): Wire => this.b.emit('concat', parts, { axis });
    const y = joined(
      runs.map(({ outputs }) => this.b.emit('reshape', [joined(outputs, 0)], { shape: [steps, 1, batch, hidden] })),
      1,
    );
    const last = initial.map((_, i) =>
      this.swapped(
        joined(
          runs.flatMap(({ states }) => states[i] ?? []).map((s) => this.b.emit('reshape', [s], { shape: [1, batch, hidden] })),
          0,
        ),
      ),
    );
    return [this.attrs.batch_first ? this.b.emit('transpose', [y], { perm: [2, 0, 1, 3] }) : y, ...last];
  }
}

/** The states after step t, the output first. */
export type StepOf = (t: number, states: readonly Wire[]) => readonly Wire[];

/** Operands of a sample or broken example: small weights, so that activations do not saturate. */
export const layerSample = (shapes: readonly (readonly number[])[], lengths?: readonly number[]): readonly SampleOperand[] => [
  ...shapes.map((s) => ({ type: `f32[${s.join(',')}]`, lo: -1, hi: 1 })),
  ...(lengths === undefined ? [] : [{ type: `i32[${lengths.length}]`, data: lengths }]),
];
