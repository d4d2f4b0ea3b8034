import { type AnyNode, DTYPE_INFO, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Rewriter } from '../../rewrite.ts';
import type { ChannelAffine } from '../../transform/fold-batch-norm.ts';

/** Constants of a layer as integers, with one scale per row. */
export interface StoredRows {
  readonly codes: ArrayLike<number>;
  readonly shape: readonly number[];
  readonly scales: readonly number[];
  /** The parameter that has just these integers already. */
  readonly param?: ValueId | undefined;
  /** What the parameter is called. */
  readonly name: string;
}

/** A float layer over weights that a model stores as integers. */
export interface StoredLayer {
  readonly op: 'conv' | 'dense';
  /** In the new program. */
  readonly x: ValueId;
  readonly attrs: AnyNode['attrs'];
  readonly weights: StoredRows;
  /** Integers, or reals. */
  readonly bias: StoredRows | Float64Array | undefined;
  readonly origin: string | undefined;
}

/** Whole numbers as the narrowest dtype that `dequantize` reads; undefined when none holds them. */
const stored = (codes: ArrayLike<number>, shape: readonly number[]): Tensor | undefined => {
  let [lo, hi] = [0, 0];
  for (let i = 0; i < codes.length; i++) [lo, hi] = [Math.min(lo, at(codes, i)), Math.max(hi, at(codes, i))];
  const dtype = (['i8', 'i16', 'i32'] as const).find((d) => DTYPE_INFO[d].lo <= lo && hi <= DTYPE_INFO[d].hi);
  if (dtype === undefined) return undefined;
  const data = DTYPE_INFO[dtype].make(codes.length);
  data.set(codes);
  return { dtype, shape, data };
};

/** dequantize(codes), times one scale per row where they differ; undefined when the numbers have no such form. */
const emitRows = (rows: StoredRows, rw: Rewriter, origin: string | undefined): ValueId | undefined => {
  const { shape, scales, name } = rows;
  if (!scales.every((s) => s > 0 && Number.isFinite(s))) return undefined;
  const tensor = rows.param === undefined ? stored(rows.codes, shape) : undefined;
  const codes = tensor === undefined ? rows.param : rw.named(name, tensor);
  if (codes === undefined) return undefined;
  const one = scales.every((s) => s === scales[0]);
  const plain = rw.emit('dequantize', [codes], { scale: one ? (scales[0] ?? 1) : 1, zero: 0 }, origin);
  if (one) return plain;
  const along = [scales.length, ...new Array<number>(shape.length - 1).fill(1)];
  return rw.emit('mul', [plain, rw.constant({ dtype: 'f32', shape: along, data: Float32Array.from(scales) })], {}, origin);
};

/** The layer as a node; undefined when its constants have no stored form. */
export const emitLayer = (layer: StoredLayer, rw: Rewriter): ValueId | undefined => {
  const { op, x, attrs, weights, bias, origin } = layer;
  const w = emitRows(weights, rw, origin);
  if (w === undefined) return undefined;
  if (bias === undefined) return rw.tryEmit(op, [x, w], attrs, origin);
  const b =
    bias instanceof Float64Array
      ? rw.named(`${weights.name}.bias`, { dtype: 'f32', shape: [bias.length], data: Float32Array.from(bias) })
      : emitRows(bias, rw, origin);
  return b === undefined ? undefined : rw.tryEmit(op, [x, w, b], attrs, origin);
};

const realBias = ({ bias, weights }: StoredLayer, c: number): number => {
  if (bias === undefined) return 0;
  return bias instanceof Float64Array ? at(bias, c) : at(bias.codes, c) * at(bias.scales, Math.min(c, weights.scales.length - 1));
};

/** The layer with an affine map per channel after it: the integers stay, but for their sign, and the scales change. */
export const withAffine = (layer: StoredLayer, { scale, shift }: ChannelAffine): StoredLayer | undefined => {
  const { weights, bias } = layer;
  const rows = weights.scales.length;
  const per = weights.codes.length / rows;
  const factors = weights.scales.map((_, c) => scale(c));
  if (!factors.every((k) => Number.isFinite(k) && k !== 0)) return undefined;
  const same = factors.every((k) => k > 0);
  const codes = same
    ? weights.codes
    : Float64Array.from({ length: weights.codes.length }, (_, i) => at(weights.codes, i) * Math.sign(at(factors, Math.floor(i / per))));
  const reals = Float64Array.from({ length: rows }, (_, c) => realBias(layer, c) * at(factors, c) + shift(c));
  const scaled = weights.scales.map((s, c) => Math.fround(s * Math.abs(at(factors, c))));
  const plain = factors.every((k) => k === 1) && reals.every((v, c) => v === realBias(layer, c));
  return {
    ...layer,
    weights: { ...weights, codes, scales: scaled, param: same ? weights.param : undefined },
    bias: plain ? bias : reals,
  };
};
