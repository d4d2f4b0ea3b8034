import { elementCount } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { isNonNegativeFactorOp, passesOrder } from './equivariance.ts';
import {
  type Channels,
  joinedRelation,
  movedRelation,
  reducedRelation,
  type Relation,
  relation,
  sameRelation,
  Untracked,
} from './channels.ts';
import type { Constant, Values } from './constant.ts';
import { isLayer, isStructural, type Term } from './graph.ts';
import type { Pair } from './match.ts';
import { shapeOf } from './normal/shapes.ts';
import { matchRows, type Rows, scaledRows } from './rows.ts';

/** Two constants that stand at the same place. */
export interface WeightPair {
  readonly a: Term;
  readonly b: Term;
  /** The layer that uses them, in A and in B. */
  readonly user: Pair;
  /** Greatest difference over the greatest weight. */
  readonly residual: number;
  /** The channels of B are in another order, or multiplied by positive factors. */
  readonly permuted: boolean;
  readonly scaled: boolean;
  /** The element that differs most, and its values; the one of B is what stands where that of A should. */
  readonly worst: { readonly index: number; readonly a: number; readonly b: number };
  /** The same with the channels as they stand. */
  readonly direct?: { readonly index: number; readonly a: number; readonly b: number };
}

export type WeightVerdict =
  | { readonly kind: 'equal'; readonly pairs: readonly WeightPair[]; readonly worst: number }
  | { readonly kind: 'different'; readonly pairs: readonly WeightPair[]; readonly at: WeightPair | undefined; readonly reason: string }
  | { readonly kind: 'undecided'; readonly pairs: readonly WeightPair[]; readonly reason: string };

/** Constants above this many elements are not compared: both are held in double precision. */
const MAX_ELEMENTS = 1 << 26;

/** Orders of channels are looked for up to this tolerance. */
const MAX_SEARCHED_TOLERANCE = 1 / 1024;

/** The weights of A as they should stand in B, given how the inputs of the layer relate. */
const expectedWeights = (layer: Term, w: Constant, x: Relation): Values | Untracked => {
  if (x === undefined) return w.values();
  const groups = layer.op === 'conv' ? (layer.attrs as { readonly groups: number }).groups : 1;
  const [outputs = 1, inputs = 1, ...kernel] = w.type.shape;
  const area = elementCount(kernel);
  const values = w.values();
  const out = new Float64Array(values.length);
  if (x.axis !== (layer.op === 'conv' ? 1 : at(layer.operands, 0).type.shape.length - 1))
    return new Untracked('channels are on another axis');
  if (groups > 1 && inputs > 1 && x.order.some((o, i) => o !== i)) return new Untracked('channels of a grouped convolution are permuted');
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      const channel = Math.floor(o / (outputs / groups)) * inputs + i;
      const to = groups === 1 ? at(x.order, channel) : i;
      for (let k = 0; k < area; k++) out[(o * inputs + to) * area + k] = (values[(o * inputs + i) * area + k] ?? 0) / at(x.factor, channel);
    }
  }
  return out;
};

interface Compared {
  readonly residual: number;
  readonly worst: WeightPair['worst'];
}

/** Compares values of A, put in the places of B, with those of B. */
const compareValues = (a: Values, b: Values, place: (i: number) => number, factor: (i: number) => number): Compared => {
  let [greatest, difference] = [0, 0];
  let worst = { index: 0, a: a[0] ?? 0, b: b[place(0)] ?? 0 };
  for (let i = 0; i < a.length; i++) {
    const x = (a[i] ?? 0) * factor(i);
    const y = b[place(i)] ?? 0;
    greatest = Math.max(greatest, Math.abs(x), Math.abs(y));
    const d = Math.abs(x - y);
    if (d > difference || Number.isNaN(d)) {
      difference = Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
      worst = { index: i, a: x, b: y };
    }
  }
  return { residual: difference === 0 ? 0 : difference / greatest, worst };
};

const plain = (i: number): number => i;
const one = (): number => 1;

/** Follows two models with the same structure from their inputs and compares the constants, up to the order and scale of channels. */
class Comparison {
  readonly found: WeightPair[] = [];
  ties = false;
  private readonly relations = new Map<Term, Relation>();
  private readonly partner: ReadonlyMap<Term, Term>;
  private readonly users: ReadonlyMap<Term, readonly Term[]>;
  private readonly tolerance: number;

  private readonly inputScale: number;

  constructor(pairs: readonly Pair[], tolerance: number, inputScale: number) {
    this.inputScale = inputScale;
    this.partner = new Map(pairs);
    const users = new Map<Term, Term[]>();
    for (const [a] of pairs) for (const o of a.operands) users.set(o, [...(users.get(o) ?? []), a]);
    this.users = users;
    this.tolerance = tolerance;
  }

  private relationOf(term: Term): Relation {
    return this.relations.get(term);
  }

  private record(a: Term, b: Term, user: Pair, compared: Compared & Pick<WeightPair, 'direct'>, r: Relation): boolean {
    const permuted = r?.order.some((o, i) => o !== i) ?? false;
    const scaled = r?.factor.some((f) => f !== 1) ?? false;
    this.found.push({ a, b, user, ...compared, permuted, scaled });
    return compared.residual <= this.tolerance;
  }

  private layer(a: Term, b: Term): Relation | Untracked | false {
    const [wa, wb] = [at(a.operands, 1), at(b.operands, 1)];
    if (wa.constant === undefined || wb.constant === undefined) return this.plainOperands(a);
    const x = this.relationOf(at(a.operands, 0));
    const expected = expectedWeights(a, wa.constant, x);
    if (expected instanceof Untracked) return expected;
    const actual = wb.constant.values();
    const direct = compareValues(expected, actual, plain, one);
    if (direct.residual <= this.tolerance) {
      this.record(wa, wb, [a, b], direct, x);
      return undefined;
    }
    const count = at(wa.constant.type.shape, 0);
    const length = expected.length / Math.max(1, count);
    const [rows, others]: readonly [Rows, Rows] = [
      { count, length, values: expected },
      { count, length, values: actual },
    ];
    const sum = this.users.get(a)?.[0];
    const sumB = sum === undefined ? undefined : this.partner.get(sum);
    // with their biases, equal rows can be told apart
    // factors alone first: they leave nothing open. Weights that may differ by steps of quantization say too little about which row is which.
    const match =
      scaledRows(rows, others, this.tolerance) ??
      (this.tolerance > MAX_SEARCHED_TOLERANCE
        ? undefined
        : (matchRows(withBias(rows, a, sum), withBias(others, b, sumB), 4 * this.tolerance) ??
          matchRows(rows, others, 4 * this.tolerance)));
    if (match === undefined) {
      this.record(wa, wb, [a, b], direct, x);
      return false;
    }
    this.ties ||= match.ties;
    const place = (i: number): number => at(match.order, Math.floor(i / length)) * length + (i % length);
    const result = relation(a.op === 'conv' ? 1 : a.type.shape.length - 1, match.order, snapped(match.factor, this.tolerance));
    const factor = (i: number): number => result?.factor[Math.floor(i / length)] ?? 1;
    const moved = { ...compareValues(expected, actual, place, factor), direct: direct.worst };
    return this.record(wa, wb, [a, b], moved, result) ? result : false;
  }

  /** Operands that change at run time are all the same values; else the op cannot be followed. */
  private plainOperands(a: Term): Relation | Untracked {
    const moved = a.operands.some((o) => this.relationOf(o) !== undefined);
    return moved ? new Untracked(`${a.origin} (${a.op}) mixes channels that are permuted or scaled`) : undefined;
  }

  /** Constants of an op other than a layer, whose channels relate as those of its operands do. */
  private constants(a: Term, b: Term, r: Relation, additive: boolean): boolean {
    return a.operands.every((o, i) => {
      if (o.constant === undefined || isStructural(a, o.constant)) return true;
      const other = this.partner.get(o) ?? at(b.operands, i);
      if (other.constant === undefined) return false;
      const { place, factor } = placed(o.constant, a, r, additive);
      return this.record(o, other, [a, b], compareValues(o.constant.values(), other.constant.values(), place, factor), r);
    });
  }

  private common(a: Term): Relation | Untracked | false {
    const values = a.operands.filter((o) => o.constant === undefined);
    const rank = a.type.shape.length;
    const aligned = (o: Term): Relation => {
      const r = this.relationOf(o);
      return r === undefined ? undefined : { ...r, axis: r.axis + rank - o.type.shape.length };
    };
    const first = values[0] === undefined ? undefined : aligned(values[0]);
    return values.every((v) => sameRelation(aligned(v), first)) ? first : false;
  }

  private step(a: Term, b: Term): Relation | Untracked | false {
    const x = a.operands[0];
    const own = x === undefined ? undefined : this.relationOf(x);
    if (isLayer(a)) return this.layer(a, b);
    switch (a.op) {
      case 'input':
        return this.inputScale === 1 ? undefined : scaledInput(a, this.inputScale);
      case 'constant':
        return undefined;
      case 'move':
        return movedRelation(a, own);
      case 'concat':
        return joinedRelation(
          a,
          a.operands.map((o) => this.relationOf(o)),
        );
      case 'reduce_sum':
      case 'reduce_max':
        return reducedRelation(a, own);
      default: {
        const r = this.common(a);
        if (r === false || r instanceof Untracked) return r;
        if (r !== undefined && !passesOrder(a, r.axis)) return this.plainOperands(a);
        if (r?.factor.some((f) => f !== 1) === true && !isNonNegativeFactorOp(a)) {
          return new Untracked(`${a.origin} (${a.op}) does not keep factors of channels`);
        }
        return this.constants(a, b, r, a.op === 'sum') ? r : false;
      }
    }
  }

  run(pairs: readonly Pair[], outputs: readonly Term[]): WeightVerdict {
    const large = pairs.find(([a]) => a.constant !== undefined && elementCount(a.constant.type.shape) > MAX_ELEMENTS);
    if (large !== undefined) {
      const reason = `${large[0].origin} has ${elementCount(shapeOf(large[0]))} elements, above the limit of ${MAX_ELEMENTS}`;
      return { kind: 'undecided', pairs: this.found, reason };
    }
    for (const [a, b] of [...pairs].sort(([s], [t]) => s.id - t.id)) {
      const r = this.step(a, b);
      if (r instanceof Untracked) return { kind: 'undecided', pairs: this.found, reason: r.reason };
      if (r === false) {
        // where no constant differs, the channels of the operands do
        const last = this.found.findLast((p) => p.residual > this.tolerance || p.direct !== undefined);
        if (this.ties)
          return { kind: 'undecided', pairs: this.found, reason: `rows of weights are equal, so that their order is open at ${a.origin}` };
        return { kind: 'different', pairs: this.found, at: last, reason: `the weights of ${a.origin} and ${b.origin} differ` };
      }
      this.relations.set(a, r);
    }
    const moved = outputs.find((o) => this.relationOf(o) !== undefined);
    if (moved !== undefined) {
      return {
        kind: 'different',
        pairs: this.found,
        at: this.found.at(-1),
        reason: `the channels of the output ${moved.origin} are in another order or scale`,
      };
    }
    return { kind: 'equal', pairs: this.found, worst: this.found.reduce((w, p) => Math.max(w, p.residual), 0) };
  }
}

/** Rows of weights, each with its bias behind it when the layer has its own. */
const withBias = (rows: Rows, layer: Term, sum: Term | undefined): Rows => {
  if (sum?.op !== 'sum' || sum.operands.length !== 2 || !sum.operands.includes(layer)) return rows;
  const bias = sum.operands.find((o) => o.constant !== undefined)?.constant;
  if (bias === undefined || elementCount(bias.type.shape) !== rows.count) return rows;
  const own = bias.values();
  const length = rows.length + 1;
  const values = new Float64Array(rows.count * length);
  for (let r = 0; r < rows.count; r++) {
    for (let i = 0; i < rows.length; i++) values[r * length + i] = rows.values[r * rows.length + i] ?? 0;
    values[(r + 1) * length - 1] = own[r] ?? 0;
  }
  return { count: rows.count, length, values };
};

/** Factors that are 1 but for rounding are 1. */
const snapped = (factor: Float64Array, tolerance: number): Float64Array => factor.map((f) => (Math.abs(f - 1) <= tolerance ? 1 : f));

/** Where the elements of a constant stand in B when the channels of the op's result relate by `r`. */
const placed = (
  constant: Constant,
  user: Term,
  r: Channels | undefined,
  additive: boolean,
): { place: (i: number) => number; factor: (i: number) => number } => {
  if (r === undefined) return { place: plain, factor: one };
  const { shape } = constant.type;
  const axis = r.axis - (user.type.shape.length - shape.length);
  if (axis < 0 || shape[axis] === 1) {
    // a number for all channels fits only where all have one factor
    const k = r.factor.every((f) => f === r.factor[0]) ? at(r.factor, 0) : Number.NaN;
    return { place: plain, factor: additive ? (): number => k : one };
  }
  const inner = elementCount(shape.slice(axis + 1));
  const channel = (i: number): number => Math.floor(i / inner) % at(shape, axis);
  return {
    place: (i) => i + (at(r.order, channel(i)) - channel(i)) * inner,
    factor: additive ? (i): number => at(r.factor, channel(i)) : one,
  };
};

const scaledInput = (input: Term, scale: number): Relation => {
  const axis = input.type.shape.length === 2 ? 1 : Math.min(1, input.type.shape.length - 1);
  const channels = at(shapeOf(input), axis);
  return relation(
    axis,
    Int32Array.from({ length: channels }, (_, i) => i),
    new Float64Array(channels).fill(scale),
  );
};

/**
 * Compares the constants of two graphs under a mapping of their terms. `outputs` are those of A.
 * @param inputScale - what the input of B is, for an input of A
 */
export const compareWeights = (pairs: readonly Pair[], outputs: readonly Term[], tolerance: number, inputScale = 1): WeightVerdict =>
  new Comparison(pairs, tolerance, inputScale).run(pairs, outputs);

/** Compares constants place by place, in graphs of any form. */
export const comparePlainly = (pairs: readonly Pair[], tolerance: number): WeightVerdict => {
  const users = new Map<Term, Pair>();
  for (const pair of pairs) for (const o of pair[0].operands) if (o.constant !== undefined) users.set(o, pair);
  const found: WeightPair[] = [];
  for (const [a, b] of [...pairs].sort(([s], [t]) => (users.get(s)?.[0].id ?? 0) - (users.get(t)?.[0].id ?? 0))) {
    if (a.constant === undefined || b.constant === undefined) continue;
    if (elementCount(a.constant.type.shape) > MAX_ELEMENTS)
      return { kind: 'undecided', pairs: found, reason: `${a.origin} is too large to compare` };
    const compared = compareValues(a.constant.values(), b.constant.values(), plain, one);
    const pair: WeightPair = { a, b, user: users.get(a) ?? [a, b], ...compared, permuted: false, scaled: false };
    found.push(pair);
    if (compared.residual > tolerance)
      return {
        kind: 'different',
        pairs: found,
        at: pair,
        reason: `the weights of ${pair.user[0].origin} and ${pair.user[1].origin} differ`,
      };
  }
  return { kind: 'equal', pairs: found, worst: found.reduce((w, p) => Math.max(w, p.residual), 0) };
};
