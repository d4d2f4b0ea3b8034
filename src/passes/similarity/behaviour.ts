import {
  DTYPE_INFO,
  elementCount,
  identityHash,
  isStaticType,
  Philox,
  type Program,
  type Tensor,
  type TensorType,
  typeOf,
  type ValueId,
  zeros,
} from '../../ir/index.ts';
import { at, sha256Hex } from '../../support/index.ts';
import { type Alignment, alignments } from '../isomorphism/align.ts';
import { batchOf, withBatch } from '../isomorphism/batch-size.ts';
import type { RunModel } from '../isomorphism/probes.ts';
import { asSeen } from '../isomorphism/views.ts';
import { distanceCorrelation, unbiasedCka } from './kernels.ts';
import type { LayerPair } from './pairing.ts';
import { sizeOf, tapped, tapsOf } from './taps.ts';

/** What the integers of a port stand for. */
export interface PortScale {
  readonly scale: number;
  readonly zero: number;
}

/** A model and how its ports read. */
export interface Subject {
  readonly program: Program;
  readonly inputs: readonly (PortScale | undefined)[];
  readonly outputs: readonly (PortScale | undefined)[];
}

export interface BehaviourEvidence {
  readonly probes: number;
  readonly seed: string;
  /** Unbiased CKA of each pair of layers that stand at the same place. */
  readonly layers: readonly { readonly a: number; readonly b: number; readonly cka: number }[];
  /** Mean over layers. */
  readonly cka: number | undefined;
  /** Correlation of decision distances. */
  readonly distances: number;
  /** Share of probes with the same greatest output; undefined where the numbers of outputs differ. */
  readonly agreement: number | undefined;
}

export type Behaviour = BehaviourEvidence | { readonly reason: string };

/** Longer values are folded to this many numbers with signs, which keeps inner products on average. */
const FOLDED = 2048;
/** Points across which random pictures are smooth. */
const GRID = 5;

/** The same model with real numbers at its ports, for comparing shapes. */
const asReal = (program: Program): Program => {
  const ports = new Set([...program.inputs, ...program.outputs].map((p) => p.value as number));
  return { ...program, types: program.types.map((t, i): TensorType => (ports.has(i) ? { dtype: 'f32', shape: t.shape } : t)) };
};

/** A smooth random field with noise, as photos are; other inputs are random. Values from lo to hi. */
const randomInput = (shape: readonly number[], random: Philox, lo: number, hi: number): Tensor => {
  const tensor = zeros({ dtype: 'f32', shape });
  const [height, width] = shape.length === 4 ? [at(shape, 2), at(shape, 3)] : [1, 1];
  const unit = (): number => random.next() / 2 ** 32;
  const plane = height * width;
  for (let start = 0; start < tensor.data.length; start += plane) {
    const grid = Float64Array.from({ length: GRID * GRID }, unit);
    for (let i = 0; i < plane; i++) {
      const [y, x] = [(Math.floor(i / width) / height) * (GRID - 1), ((i % width) / width) * (GRID - 1)];
      const [r, c] = [Math.floor(y), Math.floor(x)];
      const [v, u] = [y - r, x - c];
      const g = (dr: number, dc: number): number => grid[(r + dr) * GRID + c + dc] ?? 0;
      const smooth = (1 - v) * ((1 - u) * g(0, 0) + u * g(0, 1)) + v * ((1 - u) * g(1, 0) + u * g(1, 1));
      const value = plane === 1 ? unit() : 0.8 * smooth + 0.2 * unit();
      tensor.data[start + i] = lo + (hi - lo) * value;
    }
  }
  return tensor;
};

/** Real numbers as a port takes them. */
const stored = (tensor: Tensor, type: TensorType, scale: PortScale | undefined): Tensor => {
  if (type.dtype === 'f32') return tensor;
  const { lo, hi, make } = DTYPE_INFO[type.dtype];
  const data = make(tensor.data.length);
  const [step, zero] = scale === undefined ? [1 / 100, 0] : [scale.scale, scale.zero];
  for (let i = 0; i < data.length; i++) data[i] = Math.min(hi, Math.max(lo, Math.round(at(tensor.data, i) / step) + zero));
  return { dtype: type.dtype, shape: tensor.shape, data };
};

const real = (tensor: Tensor, scale: PortScale | undefined): Float32Array =>
  Float32Array.from(tensor.data, (v) => (v - (scale?.zero ?? 0)) * (scale?.scale ?? 1));

const folded = (data: ArrayLike<number>): Float32Array => {
  if (data.length <= FOLDED) return Float32Array.from(data);
  const out = new Float32Array(FOLDED);
  for (let i = 0; i < data.length; i++) {
    let h = Math.imul(i ^ (i >>> 16), 0x45d9f3b);
    h = Math.imul(h ^ (h >>> 16), 0x45d9f3b) >>> 0;
    const place = (h >>> 1) % FOLDED;
    out[place] = (out[place] ?? 0) + (h & 1 ? (data[i] ?? 0) : -(data[i] ?? 0));
  }
  return out;
};

const argmax = (values: Float32Array): number => values.indexOf(values.reduce((m, v) => Math.max(m, v), Number.NEGATIVE_INFINITY));

/** The range of real numbers that quantized inputs stand for; -1 to 1 where nothing says. */
const rangeOf = (subjects: readonly Subject[], input: number): readonly [number, number] => {
  for (const { program, inputs } of subjects) {
    const [port, scale] = [program.inputs[input], inputs[input]];
    if (port === undefined || scale === undefined) continue;
    const { lo, hi } = DTYPE_INFO[typeOf(program, port.value).dtype];
    return [scale.scale * (lo - scale.zero), scale.scale * (hi - scale.zero)];
  }
  return [-1, 1];
};

/** Taps that stand at the same place. */
const tapPairs = (a: Program, b: Program, pairs: readonly LayerPair[], counts: readonly [number, number]): readonly LayerPair[] => {
  const [ta, tb] = [tapsOf(a), tapsOf(b)];
  if (ta.length === counts[0] && tb.length === counts[1]) return pairs;
  if (ta.length === tb.length) return ta.map((_, i) => [i, i]);
  // the longest run of taps with as many elements
  const sizes = (p: Program, taps: readonly ValueId[]): readonly number[] => taps.map((v) => sizeOf(p, v));
  const [sa, sb] = [sizes(a, ta), sizes(b, tb)];
  const best = Array.from({ length: sa.length + 1 }, () => new Int32Array(sb.length + 1));
  for (let i = sa.length - 1; i >= 0; i--)
    for (let j = sb.length - 1; j >= 0; j--)
      at(best, i)[j] = sa[i] === sb[j] ? at(at(best, i + 1), j + 1) + 1 : Math.max(at(at(best, i + 1), j), at(at(best, i), j + 1));
  const found: LayerPair[] = [];
  for (let [i, j] = [0, 0]; i < sa.length && j < sb.length; ) {
    if (sa[i] === sb[j]) found.push([i++, j++]);
    else if (at(at(best, i + 1), j) >= at(at(best, i), j + 1)) i++;
    else j++;
  }
  return found;
};

interface Prepared {
  readonly a: Program;
  readonly b: Program;
  readonly inputs: Alignment;
}

const prepared = (a: Program, b: Program): Prepared | string => {
  if (a.inputs.length !== b.inputs.length) return `A takes ${a.inputs.length} inputs and B ${b.inputs.length}`;
  const [m, n] = [batchOf(a), batchOf(b)];
  const [p, q] = m === n || m === undefined || n === undefined ? [a, b] : [withBatch(a, Math.min(m, n)), withBatch(b, Math.min(m, n))];
  if (p === undefined || q === undefined) return `A takes ${String(m)} samples at once and B ${String(n)}`;
  const [inputs] = alignments(asReal(p), asReal(q), 'inputs');
  const fits = inputs?.order.every((j, i) => {
    const [own, other] = [typeOf(p, at(p.inputs, i).value), q.inputs[j] === undefined ? undefined : typeOf(q, at(q.inputs, j).value)];
    return other !== undefined && isStaticType(own) && isStaticType(other) && elementCount(own.shape) === elementCount(other.shape);
  });
  return inputs === undefined || fits !== true ? 'the inputs of the models have other sizes' : { a: p, b: q, inputs };
};

/**
 * Runs both models on public probes from a seed that depends on both, and compares what their layers and outputs make of them.
 * @param run - undefined for a program that cannot be run here
 * @param layers - how many layers were compared by weights in A and in B, and which are pairs
 */
export const behaviourEvidence = (
  givenA: Subject,
  givenB: Subject,
  run: (program: Program) => RunModel | undefined,
  probes: number,
  layers: { readonly pairs: readonly LayerPair[]; readonly counts: readonly [number, number] },
): Behaviour => {
  const made = prepared(givenA.program, givenB.program);
  if (typeof made === 'string') return { reason: made };
  const { a, b, inputs } = made;
  const pairs = tapPairs(a, b, layers.pairs, layers.counts);
  const [ta, tb] = [tapsOf(a), tapsOf(b)];
  const [runA, runB] = [run(tapped(a, ta)), run(tapped(b, tb))];
  if (runA === undefined || runB === undefined) return { reason: `${runA === undefined ? 'A' : 'B'} cannot be run here` };
  const seed = sha256Hex(identityHash(givenA.program), identityHash(givenB.program));
  const subjects = [givenA, givenB];
  const [ya, yb]: readonly [Float32Array[], Float32Array[]] = [[], []];
  const [fa, fb]: readonly [Float32Array[][], Float32Array[][]] = [pairs.map(() => []), pairs.map(() => [])];
  for (let probe = 0; probe < probes; probe++) {
    const reals = a.inputs.map((port, i) => {
      const [lo, hi] = rangeOf(subjects, i);
      const random = new Philox(Number.parseInt(seed.slice(0, 13), 16), probe, i);
      return randomInput(typeOf(a, port.value).shape as readonly number[], random, lo, hi);
    });
    const forA = a.inputs.map((port, i) => stored(at(reals, i), typeOf(a, port.value), givenA.inputs[i]));
    const forB = b.inputs.map((port, j) => {
      const seen = asSeen(at(reals, inputs.order.indexOf(j)), inputs.views.get(j), typeOf(b, port.value).shape as readonly number[]);
      return stored(seen, typeOf(b, port.value), givenB.inputs[j]);
    });
    const [oa, ob] = [runA(forA), runB(forB)];
    ya.push(real(at(oa, 0), givenA.outputs[0]));
    yb.push(real(at(ob, 0), givenB.outputs[0]));
    pairs.forEach(([i, j], k) => {
      at(fa, k).push(folded(at(oa, a.outputs.length + i).data));
      at(fb, k).push(folded(at(ob, b.outputs.length + j).data));
    });
  }
  const ckas = pairs.flatMap(([i, j], k) => {
    const cka = unbiasedCka(at(fa, k), at(fb, k));
    return cka === undefined ? [] : [{ a: i, b: j, cka }];
  });
  const same = ya.filter((y, i) => argmax(y) === argmax(at(yb, i))).length;
  return {
    probes,
    seed,
    layers: ckas,
    cka: ckas.length === 0 ? undefined : ckas.reduce((s, c) => s + c.cka, 0) / ckas.length,
    distances: distanceCorrelation(ya, yb),
    agreement: at(ya, 0).length === at(yb, 0).length ? same / probes : undefined,
  };
};
