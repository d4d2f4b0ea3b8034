import {
  type AnyNode,
  type Attrs,
  elementCount,
  type OpName,
  opOf,
  pow2,
  type Program,
  type Tensor,
  type ValueId,
} from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { rewrite, type Rewriter } from '../../rewrite.ts';
import { dce } from '../../transform/dce.ts';
import { channelAffine } from '../../transform/fold-batch-norm.ts';
import { type Accumulator, accumulatorOf, perChannel } from './accumulator.ts';
import { emitLayer, type StoredLayer, type StoredRows, withAffine } from './layer.ts';
import { type DynamicStep, type QuantizeStep, rowScales, Source, uniform } from './source.ts';

/** The real value behind an integer value, and the file's quantization of it. */
interface Shadow {
  readonly real: ValueId;
  readonly scale: number;
  readonly zero: number;
}

const LEAST_SCALE = pow2(-100);
const GREATEST_SCALE = pow2(100);

/** Ops that move integers, or choose among them: the reals behind move alike. */
const moves = (op: OpName): boolean => opOf(op).traits.movement === true || op === 'max_pool' || op === 'concat';

/** What is taken off a file's codes to make them int8: 128 from uint8; undefined for codes of more bits. */
const shiftOf = ({ lo, hi }: Pick<QuantizeStep, 'lo' | 'hi'>): number | undefined =>
  lo >= -128 && hi <= 127 ? 0 : lo >= 0 && hi <= 255 ? 128 : undefined;

/** Rewrites one program; keeps what is known of the values of the source. */
class Lift {
  private readonly source: Source;
  private readonly shadows = new Map<ValueId, Shadow>();
  private readonly dynamics = new Map<ValueId, DynamicStep>();
  /** Layers over stored integers, by their results in the new program. */
  private readonly layers = new Map<ValueId, StoredLayer>();

  constructor(program: Program) {
    this.source = new Source(program);
  }

  rule(node: AnyNode, operands: readonly ValueId[], rw: Rewriter): readonly ValueId[] | undefined {
    const [result] = node.results;
    if (result === undefined || this.source.constantOf(result) !== undefined) return this.constant(node, rw);
    const quantize = this.source.quantizeStep(node);
    if (quantize !== undefined) return this.quantized(node, quantize, rw);
    const dynamic = this.source.dynamicStep(node);
    if (dynamic !== undefined) this.dynamics.set(result, dynamic);
    const reals = this.source.isRounded(result)
      ? undefined
      : (this.reals(node, rw) ?? this.dynamicLayer(node, rw) ?? this.affine(node, operands, rw));
    if (reals !== undefined) return [reals];
    if (node.op === 'conv' || node.op === 'dense' || node.op === 'matmul') return this.layer(node, operands, rw);
    this.follow(node, rw);
    return undefined;
  }

  /** Stored integers that nothing but a layer's weights may keep: others are the reals that they stand for. */
  private constant(node: AnyNode, rw: Rewriter): readonly ValueId[] | undefined {
    const tensor = node.op === 'dequantize' ? this.source.constantOf(at(node.results, 0)) : undefined;
    return tensor === undefined ? undefined : [rw.constant(tensor)];
  }

  /** A quantization of run-time values: quantize and dequantize of int8, and a copy of the integers as the file has them. */
  private quantized(node: AnyNode, step: QuantizeStep, rw: Rewriter): readonly ValueId[] | undefined {
    const { scale, zero, lo, hi } = step;
    const shift = shiftOf(step);
    const x = step.sum === undefined ? rw.mapped(step.x) : this.sumLayer(node, step.sum.value, step.sum.factor, rw);
    const usable = scale >= LEAST_SCALE && scale <= GREATEST_SCALE;
    if (x === undefined || !usable) return undefined;
    const result = at(node.results, 0);
    const bound = (q: number): number => Math.fround((q - zero) * scale);
    const clipped = (): ValueId => rw.emit('clip', [x], { min: bound(lo), max: bound(hi) }, node.origin);
    if (shift === undefined) {
      this.shadows.set(result, { real: clipped(), scale, zero });
      return undefined;
    }
    const narrow = lo - shift > -128 || hi - shift < 127;
    const codes = rw.emit('quantize', [narrow ? clipped() : x], { inverse_scale: Math.fround(1 / scale), zero: zero - shift }, node.origin);
    const real = rw.emit('dequantize', [codes], { scale, zero: zero - shift }, node.origin);
    this.shadows.set(result, { real, scale, zero });
    const { dtype } = this.source.typeOf(result);
    if (shift === 0) return [dtype === 'i8' ? codes : rw.emit('cast', [codes], { dtype }, node.origin)];
    const wide = rw.emit('cast', [codes], { dtype: 'i32' }, node.origin);
    const moved = rw.emit('add', [wide, rw.constant({ dtype: 'i32', shape: [], data: Int32Array.of(shift) })], {}, node.origin);
    return [dtype === 'i32' ? moved : rw.emit('cast', [moved], { dtype }, node.origin)];
  }

  /** A dequantization of run-time integers. */
  private reals(node: AnyNode, rw: Rewriter): ValueId | undefined {
    const step = this.source.dequantizeStep(node);
    if (step === undefined || node.op === 'dequantize') return undefined;
    const scale = uniform(step.scale);
    const zero = step.zero === undefined ? 0 : uniform(step.zero);
    const shadow = this.shadows.get(step.q);
    if (shadow !== undefined && shadow.scale === scale && shadow.zero === zero) return shadow.real;
    if (this.source.typeOf(step.q).dtype === 'i32' && step.zero === undefined) {
      const layer = this.sumLayer(node, this.castOf(node), step.scale, rw);
      if (layer !== undefined) return layer;
    }
    const { dtype } = this.source.typeOf(step.q);
    const fits = dtype === 'i8' || dtype === 'u8' || dtype === 'i16' || dtype === 'i32';
    if (scale === undefined || zero === undefined || !fits || !(scale > 0)) return undefined;
    return rw.emit('dequantize', [rw.mapped(step.q)], { scale, zero }, node.origin);
  }

  /**
   * A sum over integers whose scale and zero point are computed at run time (sum w (x - z)), times that scale: the float layer
   * over x itself. The range of x is then a matter of calibration.
   */
  private dynamicLayer(node: AnyNode, rw: Rewriter): ValueId | undefined {
    const product = this.source.dynamicProduct(node);
    const [sumValue] = (product === undefined ? undefined : this.source.producerOf(product.cast))?.operands ?? [];
    const sum = product === undefined || sumValue === undefined ? undefined : accumulatorOf(this.source, sumValue);
    const step = sum === undefined ? undefined : this.dynamics.get(sum.x);
    if (product === undefined || sum?.zero === undefined || step === undefined) return undefined;
    const [rows = 1] = sum.shape;
    const factors = perChannel(sum.op, this.source.typeOf(product.cast).shape.length, product.factor);
    const { value, times } = sum.zero;
    const centred = times.every((t, c) => t === -rowSum(sum, c)) && sum.offset.every((v) => v === 0);
    if (!centred || value !== step.zero || product.scale !== step.scale || factors === undefined) return undefined;
    if (factors.length !== 1 && factors.length !== rows) return undefined;
    const scales = Array.from({ length: rows }, (_, c) => Math.fround(at(factors, factors.length === 1 ? 0 : c)));
    const name = `${node.origin ?? sum.op}.weights`;
    const weights = { codes: sum.codes, shape: sum.shape, scales, name };
    return this.emit({ op: sum.op, x: rw.mapped(step.x), attrs: sum.attrs, weights, bias: undefined, origin: node.origin }, rw);
  }

  /** The f32 form of the sum that a product with constant factors reads. */
  private castOf(node: AnyNode): ValueId | undefined {
    return node.operands.find((v) => this.source.constantOf(v) === undefined);
  }

  /** A sum of integer products times factors, as the float layer that it stands for. */
  private sumLayer(node: AnyNode, cast: ValueId | undefined, factor: Tensor, rw: Rewriter): ValueId | undefined {
    const [sumValue] = (cast === undefined ? undefined : this.source.producerOf(cast))?.operands ?? [];
    const sum = sumValue === undefined ? undefined : accumulatorOf(this.source, sumValue);
    if (sum === undefined || sum.zero !== undefined || cast === undefined) return undefined;
    const factors = perChannel(sum.op, this.source.typeOf(cast).shape.length, factor);
    const [rows = 1] = sum.shape;
    if (factors === undefined || (factors.length !== 1 && factors.length !== rows)) return undefined;
    const input = this.inputOf(sum, rw);
    if (input === undefined) return undefined;
    const factorOf = (c: number): number => at(factors, factors.length === 1 ? 0 : c);
    // sum w x + b = sum w (x - z) + (b + z sum w)
    const bias = sum.offset.map((b, c) => b + input.zero * rowSum(sum, c));
    const each = (scale: (c: number) => number): readonly number[] => Array.from({ length: rows }, (_, c) => Math.fround(scale(c)));
    const origin = node.origin ?? sum.op;
    return this.emit(
      {
        op: sum.op,
        x: input.real,
        attrs: sum.op === 'conv' ? { ...sum.attrs, pad_value: 0 } : {},
        weights: { codes: sum.codes, shape: sum.shape, scales: each((c) => factorOf(c) / input.scale), name: `${origin}.weights` },
        bias: { codes: bias, shape: [rows], scales: each(factorOf), name: `${origin}.bias` },
        origin: node.origin,
      },
      rw,
    );
  }

  /** Adds a layer, and remembers it for what follows. */
  private emit(layer: StoredLayer, rw: Rewriter): ValueId | undefined {
    const value = emitLayer(layer, rw);
    if (value !== undefined) this.layers.set(value, layer);
    return value;
  }

  /** A per-channel affine map after a layer that nothing else reads: the integers stay. */
  private affine(node: AnyNode, operands: readonly ValueId[], rw: Rewriter): ValueId | undefined {
    const match = channelAffine(node, operands, rw, (v) => {
      const layer = this.layers.get(v);
      const alone = layer !== undefined && node.operands.some((from, i) => operands[i] === v && this.source.usedOnce(from));
      if (!alone) return undefined;
      return layer.op === 'conv' ? 1 : rw.typeOf(v).shape.length - 1;
    });
    const layer = match === undefined ? undefined : this.layers.get(at(operands, match.x));
    const mapped = match === undefined || layer === undefined ? undefined : withAffine(layer, match.affine);
    return mapped === undefined ? undefined : this.emit(mapped, rw);
  }

  /** The reals behind the integers that a sum reads. Without padding, any zero point gives the same sum. */
  private inputOf({ op, x, attrs }: Accumulator, rw: Rewriter): Shadow | undefined {
    const pad = op === 'conv' ? (attrs as Attrs<'conv'>).pad_value : undefined;
    const padded = op === 'conv' && (attrs as Attrs<'conv'>).pads.some((p) => p !== 0);
    const shadow = this.shadows.get(x);
    if (shadow !== undefined) return padded && pad !== shadow.zero ? undefined : shadow;
    const { dtype } = this.source.typeOf(x);
    if (dtype !== 'i8' && dtype !== 'u8') return undefined;
    const zero = pad ?? (dtype === 'u8' ? 128 : 0);
    return { real: rw.emit('dequantize', [rw.mapped(x)], { scale: 1, zero }), scale: 1, zero };
  }

  /** The stored form of a constant operand with one scale per index of axis 0; undefined when it has none. */
  private rowsOf(value: ValueId, transposed: boolean, rw: Rewriter): StoredRows | undefined {
    const found = this.source.quantizedConstant(value);
    if (found === undefined || elementCount(found.codes.shape) === 0) return undefined;
    const { codes, scale } = found;
    const name = this.source.storedName(value) ?? 'weights';
    if (!transposed) {
      const scales = rowScales(found);
      const param = found.param === undefined ? undefined : rw.mapped(found.param);
      return scales === undefined ? undefined : { codes: codes.data, shape: codes.shape, scales, param, name };
    }
    const [k = 0, n = 0] = codes.shape;
    const turned = Float64Array.from({ length: k * n }, (_, i) => at(codes.data, (i % k) * n + Math.floor(i / k)));
    const scales = columnScales(scale, k, n);
    return scales === undefined ? undefined : { codes: turned, shape: [n, k], scales, name };
  }

  /** A float layer whose weights the file stores as integers. */
  private layer(node: AnyNode, operands: readonly ValueId[], rw: Rewriter): readonly ValueId[] | undefined {
    const [xv, wv, bv] = node.operands;
    const [x] = operands;
    if (xv === undefined || wv === undefined || x === undefined) return undefined;
    if (this.source.typeOf(xv).dtype !== 'f32' || this.source.constantOf(xv) !== undefined) return undefined;
    const product = node.op === 'matmul';
    if (product && this.source.typeOf(wv).shape.length !== 2) return undefined;
    const weights = this.rowsOf(wv, product, rw);
    const real = bv === undefined ? undefined : this.source.constantOf(bv);
    if (weights === undefined || (bv !== undefined && real === undefined)) return undefined;
    const bias = bv === undefined || real === undefined ? undefined : (this.rowsOf(bv, false, rw) ?? Float64Array.from(real.data));
    const op = node.op === 'conv' ? 'conv' : 'dense';
    const made = this.emit({ op, x, attrs: product ? {} : node.attrs, weights, bias, origin: node.origin }, rw);
    return made === undefined ? undefined : [made];
  }

  /** Integers that are moved take the reals behind them along. */
  private follow(node: AnyNode, rw: Rewriter): void {
    const [first] = node.operands;
    const shadow = first === undefined ? undefined : this.shadows.get(first);
    if (shadow === undefined || !moves(node.op) || node.results.length !== 1) return;
    const reals = node.operands.map((v) => {
      const own = this.shadows.get(v);
      return own !== undefined && own.scale === shadow.scale && own.zero === shadow.zero ? own.real : undefined;
    });
    const parts = reals.filter((v) => v !== undefined);
    const padded = node.op === 'pad' && { value: Math.fround(((node.attrs as Attrs<'pad'>).value - shadow.zero) * shadow.scale) };
    if (parts.length !== reals.length) return;
    const real = rw.tryEmit(node.op, parts, { ...node.attrs, ...padded }, node.origin);
    if (real !== undefined) this.shadows.set(at(node.results, 0), { ...shadow, real });
  }
}

const rowSum = ({ codes, shape }: Accumulator, row: number): number => {
  const per = codes.length / (shape[0] ?? 1);
  let total = 0;
  for (let i = row * per; i < (row + 1) * per; i++) total += at(codes, i);
  return total;
};

/** The scale of each column of a k by n matrix; undefined when it differs within a column. */
const columnScales = (scale: Tensor, k: number, n: number): readonly number[] | undefined => {
  const one = uniform(scale);
  if (one !== undefined) return new Array<number>(n).fill(one);
  if (scale.data.length === n && scale.shape.at(-1) === n) return Array.from(scale.data);
  if (scale.data.length !== k * n) return undefined;
  const scales = Array.from({ length: n }, (_, c) => scale.data[c] ?? 0);
  return scale.data.every((v, i) => v === scales[i % n]) ? scales : undefined;
};

const speaksOfIntegers = (program: Program): boolean =>
  program.nodes.some((n) => n.op === 'dequantize' || (n.op === 'cast' && (n.attrs as Attrs<'cast'>).dtype !== 'bool'));

/**
 * Gives the quantization that a model brings along one spelling, whatever its source spells it like (ONNX QuantizeLinear and
 * DequantizeLinear, QLinearConv, ConvInteger, MatMulInteger and their kin):
 * - activations: dequantize(quantize(x)) of int8, with the file's scale and zero point (that of uint8 less 128);
 * - weights and biases: dequantize(codes), times one scale per output channel where they differ;
 * - sums of integer products: the float layer over these.
 * The reals mean what they meant, up to the rounding of float sums and of ties.
 */
export const liftQuantization = (program: Program): Program => {
  if (!speaksOfIntegers(program)) return program;
  const lift = new Lift(program);
  return dce(rewrite(program, (node, operands, rw) => lift.rule(node, operands, rw)));
};
