import {
  type AnyNode,
  type Attrs,
  type Param,
  producers,
  type Program,
  proveProgram,
  useCounts,
  type ValueId,
  verifyProgram,
} from '../../ir/index.ts';
import { at, invariant, ok, type Result } from '../../support/index.ts';
import type { QuantizedModel } from './model.ts';

/** Bits of an index into the codebook of a layer. */
export const SHARE_BITS = [2, 3, 4, 5, 6, 7] as const;
export type ShareBits = (typeof SHARE_BITS)[number];

/** Rounds of k-means at most; real layers settle in fewer. */
const MAX_ROUNDS = 200;
/** From this share of zeros on a layer counts as pruned: its zeros stay, and the codebook is for the others (Han et al. 2016, §3). */
const PRUNED_FROM = 1 / 2;
const INT32_MAX = 2 ** 31 - 1;
/** Codes of a weight are -127..127; index of code 0 in a histogram. */
const MIDDLE = 127;

/** What sharing did to the weights of one layer. */
export interface SharedLayer {
  /** The user's name of the layer. */
  readonly layer: string;
  readonly weights: number;
  /** Distinct weights before and after. */
  readonly before: number;
  readonly after: number;
  /** Mean of (new - old)^2 over the weights, in squared steps of their own scale. */
  readonly meanSquaredChange: number;
  /** Why the layer keeps its weights; undefined when they are shared. */
  readonly kept?: string;
}

export interface SharedModel {
  readonly model: QuantizedModel;
  readonly layers: readonly SharedLayer[];
}

const histogram = (weights: ArrayLike<number>): Float64Array => {
  const counts = new Float64Array(2 * MIDDLE + 1);
  for (let i = 0; i < weights.length; i++) {
    const bin = (weights[i] ?? 0) + MIDDLE;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
};

/** The centroid nearest to each code; of two equally near the lower. */
const assign = (centroids: Float64Array): Uint8Array =>
  Uint8Array.from({ length: 2 * MIDDLE + 1 }, (_, bin) => {
    const code = bin - MIDDLE;
    let best = 0;
    for (let k = 1; k < centroids.length; k++) if (Math.abs(at(centroids, k) - code) < Math.abs(at(centroids, best) - code)) best = k;
    return best;
  });

/** The mean of the codes of each centroid; one without codes stays where it is. Sums are exact: codes and counts are integers. */
const means = (counts: Float64Array, centroids: Float64Array, nearest: Uint8Array): Float64Array => {
  const sums = new Float64Array(centroids.length);
  const sizes = new Float64Array(centroids.length);
  nearest.forEach((k, bin) => {
    const n = at(counts, bin);
    sums[k] = at(sums, k) + n * (bin - MIDDLE);
    sizes[k] = at(sizes, k) + n;
  });
  return centroids.map((c, k) => (sizes[k] === 0 ? c : at(sums, k) / at(sizes, k)));
};

/**
 * New code of each code -127..127 (index code + 127): k-means in one dimension over the weights as integers, from centroids
 * evenly spaced between the least and the greatest (linear initialisation, Han et al. 2016, §3.2), rounded at the end.
 * The same on every machine: the order is fixed, a tie goes to the lower centroid.
 */
export const shareCodes = (weights: ArrayLike<number>, bits: ShareBits): Int8Array => {
  const counts = histogram(weights);
  const pruned = at(counts, MIDDLE) >= PRUNED_FROM * weights.length;
  if (pruned) counts[MIDDLE] = 0;
  const same = Int8Array.from(counts, (_, bin) => bin - MIDDLE);
  const used = same.filter((code) => at(counts, code + MIDDLE) > 0);
  const size = 1 << bits;
  if (used.length <= size) return same;
  const [lo, hi] = [at(used, 0), at(used, used.length - 1)];
  let centroids: Float64Array = Float64Array.from({ length: size }, (_, k) => lo + ((hi - lo) * k) / (size - 1));
  let nearest = assign(centroids);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    centroids = means(counts, centroids, nearest);
    const next = assign(centroids);
    const settled = next.every((k, bin) => k === nearest[bin]);
    nearest = next;
    if (settled) break;
  }
  const codes = Int8Array.from(nearest, (k) => Math.floor(at(centroids, k) + 0.5));
  if (pruned) codes[MIDDLE] = 0;
  return codes;
};

/** The zero point of integer values, as far as the model says. */
class Zeros {
  private readonly known = new Map<ValueId, number>();
  private readonly producers: ReadonlyMap<ValueId, AnyNode>;

  constructor({ program, layers, inputs }: QuantizedModel) {
    program.inputs.forEach((port, i) => this.known.set(port.value, inputs[i]?.zero ?? 0));
    for (const { int, zero } of layers) this.known.set(int, zero);
    this.producers = producers(program);
  }

  of(value: ValueId): number | undefined {
    const known = this.known.get(value);
    const node = this.producers.get(value);
    if (known !== undefined || node === undefined) return known;
    if (node.op === 'rescale') return (node.attrs as Attrs<'rescale'>).output_zero;
    return node.op === 'reshape' ? this.of(at(node.operands, 0)) : undefined;
  }

  /** The zero point of what a layer reads: conv pads with it. */
  input(node: AnyNode): number | undefined {
    return node.op === 'conv' ? (node.attrs as Attrs<'conv'>).pad_value : this.of(at(node.operands, 0));
  }
}

/** A bias holds -zero * (sum of the row's weights): it follows the weights. Undefined when it would leave int32. */
const movedBias = (bias: Int32Array, before: Int8Array, after: Int8Array, zero: number): Int32Array | undefined => {
  const row = before.length / bias.length;
  const moved = new Int32Array(bias.length);
  for (let c = 0; c < bias.length; c++) {
    let change = 0;
    for (let i = c * row; i < (c + 1) * row; i++) change += (after[i] ?? 0) - (before[i] ?? 0);
    const value = (bias[c] ?? 0) - zero * change;
    if (Math.abs(value) > INT32_MAX) return undefined;
    moved[c] = value;
  }
  return moved;
};

const meanSquared = (before: Int8Array, after: Int8Array): number => {
  let sum = 0;
  for (let i = 0; i < before.length; i++) {
    const d = (after[i] ?? 0) - (before[i] ?? 0);
    sum += d * d;
  }
  return before.length === 0 ? 0 : sum / before.length;
};

const distinct = (weights: Int8Array): number => new Set(weights).size;

/** Shares the weights of one layer after the other; parameters are replaced, never written to. */
class Sharing {
  readonly layers: SharedLayer[] = [];
  private readonly params: Map<ValueId, Param>;
  private readonly zeros: Zeros;
  /** How often each value is used. */
  private readonly uses: Uint32Array;
  private readonly program: Program;
  private readonly bits: ShareBits;

  constructor(model: QuantizedModel, bits: ShareBits) {
    this.program = model.program;
    this.bits = bits;
    this.params = new Map(model.program.params.map((p) => [p.value, p]));
    this.zeros = new Zeros(model);
    this.uses = useCounts(model.program);
  }

  run(): Program {
    const nodes = this.program.nodes as readonly AnyNode[];
    for (const node of nodes) if (node.op === 'conv' || node.op === 'dense') this.share(node);
    return { ...this.program, params: this.program.params.map((p) => this.params.get(p.value) ?? p) };
  }

  private share(node: AnyNode): void {
    const [, w, b] = node.operands;
    const weights = w === undefined ? undefined : this.params.get(w);
    const bias = b === undefined ? undefined : this.params.get(b);
    if (weights === undefined || !(weights.tensor.data instanceof Int8Array)) return;
    const before = weights.tensor.data;
    const codes = shareCodes(before, this.bits);
    const after = before.map((code) => codes[code + MIDDLE] ?? code);
    const zero = this.zeros.input(node);
    const moved =
      zero === undefined || bias === undefined || !(bias.tensor.data instanceof Int32Array)
        ? undefined
        : movedBias(bias.tensor.data, before, after, zero);
    const own = this.uses[weights.value] === 1 && bias !== undefined && this.uses[bias.value] === 1;
    const kept =
      zero === undefined
        ? 'the zero point of its input is not known'
        : !own
          ? 'another layer has the same weights or bias'
          : moved === undefined
            ? 'its bias would leave int32'
            : undefined;
    if (kept === undefined && bias !== undefined && moved !== undefined) {
      this.params.set(weights.value, { ...weights, tensor: { ...weights.tensor, data: after } });
      this.params.set(bias.value, { ...bias, tensor: { ...bias.tensor, data: moved } });
    }
    this.layers.push({
      layer: node.origin ?? `value ${at(node.results, 0)}`,
      weights: before.length,
      before: distinct(before),
      after: distinct(kept === undefined ? after : before),
      meanSquaredChange: kept === undefined ? meanSquared(before, after) : 0,
      ...(kept === undefined ? {} : { kept }),
    });
  }
}

/**
 * Weight sharing of Deep Compression (Han, Mao, Dally, ICLR 2016, §3) without retraining: the integer weights of every conv and
 * dense take at most 2^bits values per layer, which a package then stores in as many bits or fewer (docs/bytecode.md,
 * storage). Results change; biases follow, so that zero points still cancel.
 * @param bits - 2 to 7   @returns IR diagnostics when the overflow proof fails
 */
export const shareWeights = (model: QuantizedModel, bits: ShareBits): Result<SharedModel> => {
  const sharing = new Sharing(model, bits);
  const program = sharing.run();
  const verified = verifyProgram(program);
  invariant(verified.ok, verified.ok ? '' : `weight sharing made a program that does not verify: ${at(verified.diagnostics, 0).message}`);
  const proof = proveProgram(program);
  return proof.ok ? ok({ model: { ...model, program, proof: proof.value }, layers: sharing.layers }) : proof;
};
