import {
  type AnyNode,
  type Attrs,
  DTYPE_INFO,
  elementCount,
  isStaticType,
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
import { type Accumulator, accumulatorOf, perChannel } from './accumulator.ts';
import { type QuantizeStep, rowScales, Source, uniform } from './source.ts';

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

/** Whole numbers as the narrowest dtype that `dequantize` reads. */
const storedCodes = (codes: ArrayLike<number>, shape: readonly number[]): Tensor | undefined => {
  let [lo, hi] = [0, 0];
  for (let i = 0; i < codes.length; i++) [lo, hi] = [Math.min(lo, at(codes, i)), Math.max(hi, at(codes, i))];
  const dtype = (['i8', 'i16', 'i32'] as const).find((d) => DTYPE_INFO[d].lo <= lo && hi <= DTYPE_INFO[d].hi);
  if (dtype === undefined) return undefined;
  const data = DTYPE_INFO[dtype].make(codes.length);
  data.set(codes);
  return { dtype, shape, data };
};

/** Rewrites one program; keeps what is known of the values of the source. */
class Lift {
  private readonly source: Source;
  private readonly shadows = new Map<ValueId, Shadow>();
  private readonly weights = new Map<string, ValueId>();

  constructor(program: Program) {
    this.source = new Source(program);
  }

  rule(node: AnyNode, operands: readonly ValueId[], rw: Rewriter): readonly ValueId[] | undefined {
    const [result] = node.results;
    if (result === undefined || this.source.constantOf(result) !== undefined) return this.constant(node, rw);
    const quantize = this.source.quantizeStep(node);
    if (quantize !== undefined) return this.quantized(node, quantize, rw);
    const reals = this.reals(node, operands, rw);
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
  private reals(node: AnyNode, operands: readonly ValueId[], rw: Rewriter): ValueId | undefined {
    const step = this.source.dequantizeStep(node);
    if (step === undefined || node.op === 'dequantize') return undefined;
    const scale = uniform(step.scale);
    const zero = step.zero === undefined ? 0 : uniform(step.zero);
    const shadow = this.shadows.get(step.q);
    if (shadow !== undefined && shadow.scale === scale && shadow.zero === zero) return shadow.real;
    if (this.source.typeOf(step.q).dtype === 'i32' && step.zero === undefined) {
      const layer = this.sumLayer(node, operands.length === 2 ? this.castOf(node) : undefined, step.scale, rw);
      if (layer !== undefined) return layer;
    }
    const { dtype } = this.source.typeOf(step.q);
    const fits = dtype === 'i8' || dtype === 'u8' || dtype === 'i16' || dtype === 'i32';
    if (scale === undefined || zero === undefined || !fits || !(scale > 0)) return undefined;
    return rw.emit('dequantize', [rw.mapped(step.q)], { scale, zero }, node.origin);
  }

  /** The f32 form of the sum that a product with constant factors reads. */
  private castOf(node: AnyNode): ValueId | undefined {
    return node.operands.find((v) => this.source.constantOf(v) === undefined);
  }

  /** A sum of integer products times factors, as the float layer that it stands for. */
  private sumLayer(node: AnyNode, cast: ValueId | undefined, factor: Tensor, rw: Rewriter): ValueId | undefined {
    const [sumValue] = (cast === undefined ? undefined : this.source.producerOf(cast))?.operands ?? [];
    const sum = sumValue === undefined ? undefined : accumulatorOf(this.source, sumValue);
    if (sum === undefined || cast === undefined) return undefined;
    const factors = perChannel(sum.op, this.source.typeOf(cast).shape.length, factor);
    const [rows = 1] = sum.shape;
    if (factors === undefined || (factors.length !== 1 && factors.length !== rows)) return undefined;
    const input = this.inputOf(sum, rw);
    if (input === undefined) return undefined;
    const factorOf = (c: number): number => at(factors, factors.length === 1 ? 0 : c);
    const per = sum.codes.length / rows;
    // sum w x + b = sum w (x - z) + (b + z sum w)
    const bias = sum.offset.map((b, c) => {
      let total = 0;
      for (let i = c * per; i < (c + 1) * per; i++) total += at(sum.codes, i);
      return b + input.zero * total;
    });
    const scales = Array.from({ length: rows }, (_, c) => Math.fround(factorOf(c) / input.scale));
    const w = this.stored(sum.codes, sum.shape, scales, rw, node);
    const b = this.stored(
      bias,
      [rows],
      Array.from({ length: rows }, (_, c) => factorOf(c)),
      rw,
      node,
    );
    if (w === undefined || b === undefined) return undefined;
    return sum.op === 'conv'
      ? rw.tryEmit('conv', [input.real, w, b], { ...sum.attrs, pad_value: 0 }, node.origin)
      : rw.tryEmit('dense', [input.real, w, b], {}, node.origin);
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

  /** Stored integers with one scale per row: mul(dequantize(codes), scales). */
  private stored(
    codes: ArrayLike<number>,
    shape: readonly number[],
    scales: readonly number[],
    rw: Rewriter,
    node: AnyNode,
  ): ValueId | undefined {
    const tensor = storedCodes(codes, shape);
    if (tensor === undefined || !scales.every((s) => s > 0 && Number.isFinite(s))) return undefined;
    const one = scales.every((s) => s === scales[0]);
    const plain = rw.emit('dequantize', [rw.constant(tensor)], { scale: one ? (scales[0] ?? 1) : 1, zero: 0 }, node.origin);
    if (one) return plain;
    const along = [scales.length, ...new Array<number>(shape.length - 1).fill(1)];
    return rw.emit('mul', [plain, rw.constant({ dtype: 'f32', shape: along, data: Float32Array.from(scales) })], {}, node.origin);
  }

  /** The stored form of a constant operand with one scale per index of axis 0; undefined when it has none. */
  private storedOperand(value: ValueId, transposed: boolean, rw: Rewriter, node: AnyNode): ValueId | undefined {
    const key = `${value}:${transposed}`;
    const known = this.weights.get(key);
    if (known !== undefined) return known;
    const found = this.source.quantizedConstant(value);
    if (found === undefined || elementCount(found.codes.shape) === 0) return undefined;
    const [k = 0, n = 0] = found.codes.shape;
    const turn = (data: ArrayLike<number>): Float64Array =>
      Float64Array.from({ length: data.length }, (_, i) => at(data, (i % k) * n + Math.floor(i / k)));
    const scales = transposed ? columnScales(found.scale, k, n) : rowScales(found);
    if (scales === undefined) return undefined;
    const made = transposed
      ? this.stored(turn(found.codes.data), [n, k], scales, rw, node)
      : this.stored(found.codes.data, found.codes.shape, scales, rw, node);
    if (made !== undefined) this.weights.set(key, made);
    return made;
  }

  /** A float layer whose weights the file stores as integers. */
  private layer(node: AnyNode, operands: readonly ValueId[], rw: Rewriter): readonly ValueId[] | undefined {
    const [xv, wv, bv] = node.operands;
    const [x, w, b] = operands;
    if (xv === undefined || wv === undefined || x === undefined || w === undefined) return undefined;
    if (this.source.typeOf(xv).dtype !== 'f32' || this.source.constantOf(xv) !== undefined) return undefined;
    const shape = this.source.typeOf(wv).shape;
    const product = node.op === 'matmul';
    if (product && (shape.length !== 2 || !isStaticType(this.source.typeOf(xv)))) return undefined;
    const weights = this.storedOperand(wv, product, rw, node);
    const bias = bv === undefined ? undefined : (this.storedOperand(bv, false, rw, node) ?? b);
    if (weights === undefined && (bias === undefined || bias === b)) return undefined;
    const parts = [x, weights ?? w, ...(bias === undefined ? [] : [bias])];
    const made = rw.tryEmit(product ? 'dense' : node.op, parts, product ? {} : node.attrs, node.origin);
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
