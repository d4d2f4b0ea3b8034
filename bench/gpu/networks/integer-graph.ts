import { Philox, type Program, ProgramBuilder, type Tensor, type ValueId } from '../../../src/ir/index.ts';
import { at, invariant } from '../../../src/support/index.ts';
import type { Activation, ConvOptions, Map2d, NetworkGraph, PoolOptions } from '../../cpu/networks/graph.ts';
import { padsOf } from '../../cpu/networks/graph.ts';

/** A feature map and how its bytes read: q stands for q - zero. */
interface Quantized {
  readonly value: ValueId;
  readonly zero: number;
}

/** Zero points as the quantizer gives them: a rectified value uses all 256 steps, others lie around 0. */
const RECTIFIED = -128;
const CENTRED = 0;
/** Standard deviation of uniform weights in -127..127, and about that of activations. */
const WEIGHT_DEVIATION = 73;
/** Multipliers of n15 have 15 bits (NUMERICS, section 1.1). */
const MULTIPLIER_BITS = 15;
const ADD_SHIFT = 20;
const LRN_SIZE = 5;

const zeroOf = (activation: Activation): number => (activation === 'none' ? CENTRED : RECTIFIED);
const pair = (n: number): readonly [number, number] => [n, n];

/** M and s with M / 2^s nearest to the factor, M of 15 bits. */
const fixedPoint = (factor: number): { readonly m: number; readonly s: number } => {
  const s = MULTIPLIER_BITS - 1 - Math.floor(Math.log2(factor));
  return { m: Math.min(2 ** MULTIPLIER_BITS - 1, Math.round(factor * 2 ** s)), s };
};

/**
 * A program of integers in the making, in the forms that the quantizer writes (conv, rescale of n15, add_rescale, tables), with seeded
 * weights in -127..127 and factors that keep activations spread over the bytes. It serves to measure speed: big networks are made in
 * seconds, without a float model, calibration or quantizer.
 */
export class IntegerGraph implements NetworkGraph {
  readonly input: Map2d;
  /** Multiply-accumulates of convolutions and dense layers for one image. */
  macs = 0;
  private readonly batch: number;
  private readonly builder: ProgramBuilder;
  private readonly random: Philox;
  private readonly maps = new Map<string, Quantized>();
  private params = 0;

  constructor(title: string, shape: readonly [channels: number, height: number, width: number], batch: number, seed: number) {
    this.batch = batch;
    this.builder = new ProgramBuilder(title);
    this.random = new Philox(seed);
    const value = this.builder.input('input', { dtype: 'i8', shape: [batch, ...shape] });
    this.input = this.named({ value, zero: CENTRED }, { name: '', channels: shape[0], height: shape[1], width: shape[2] });
  }

  conv(x: Map2d, options: ConvOptions): Map2d {
    const { out, stride = 1, groups = 1, activation = 'relu' } = options;
    const [rows, columns] = typeof options.kernel === 'number' ? pair(options.kernel) : options.kernel;
    const pads = padsOf(options.pad, rows, columns);
    const inner = x.channels / groups;
    const height = Math.floor((x.height + pads[0] + pads[2] - rows) / stride) + 1;
    const width = Math.floor((x.width + pads[1] + pads[3] - columns) / stride) + 1;
    this.macs += height * width * out * inner * rows * columns;
    const { value, zero } = this.of(x);
    const weights = [this.weights([out, inner, rows, columns]), this.bias(out)];
    const attrs = { stride: pair(stride), dilation: pair(1), pads, groups, pad_value: zero };
    const sum = this.builder.emit('conv', [value, ...weights], attrs);
    return this.rescaled(sum, inner * rows * columns, activation, { ...x, channels: out, height, width });
  }

  /** Of a convolution, it is in the rescale already. */
  activate(x: Map2d, activation: Activation): Map2d {
    if (activation === 'none') return x;
    const { value, zero } = this.of(x);
    const table = Int8Array.from({ length: 256 }, (_, i) =>
      Math.max(RECTIFIED, Math.min(127, 2 * Math.max(0, i - 128 - zero) + RECTIFIED)),
    );
    const result = this.builder.emit('table', [value, this.constant({ dtype: 'i8', shape: [256], data: table })], {});
    return this.named({ value: result, zero: RECTIFIED }, x);
  }

  maxPool(x: Map2d, options: PoolOptions): Map2d {
    return this.pool('max_pool', x, options);
  }

  averagePool(x: Map2d, options: PoolOptions): Map2d {
    return this.pool('average_pool', x, options);
  }

  globalAveragePool(x: Map2d): Map2d {
    const { value, zero } = this.of(x);
    const count = x.height * x.width;
    const sum = this.builder.emit('reduce_sum', [value], { axes: [2, 3], keep: true });
    const { m, s } = fixedPoint(1 / count);
    const attrs = { input_zero: zero * count, output_zero: zero, lo: -128, hi: 127, dtype: 'i8' } as const;
    const mean = this.builder.emit('rescale', [sum, ...this.factors([m], [s])], attrs);
    return this.flatten(this.named({ value: mean, zero }, { ...x, height: 1, width: 1 }));
  }

  flatten(x: Map2d): Map2d {
    const { value, zero } = this.of(x);
    const channels = x.channels * Math.max(1, x.height * x.width);
    const flat = this.builder.emit('reshape', [value], { shape: [this.batch, channels] });
    return this.named({ value: flat, zero }, { ...x, channels, height: 0, width: 0 });
  }

  dense(x: Map2d, out: number, activation: Activation = 'relu'): Map2d {
    this.macs += x.channels * out;
    const weights = [this.weights([out, x.channels]), this.bias(out)];
    const sum = this.builder.emit('dense', [this.of(x).value, ...weights], {});
    return this.rescaled(sum, x.channels, activation, { ...x, channels: out });
  }

  add(a: Map2d, b: Map2d, activation: Activation): Map2d {
    const [left, right] = [this.of(a), this.of(b)];
    const factor = Math.round(2 ** ADD_SHIFT * Math.SQRT1_2);
    const zero = zeroOf(activation);
    const value = this.builder.emit('add_rescale', [left.value, right.value], {
      multipliers: [factor, factor],
      zeros: [left.zero, right.zero],
      shift: ADD_SHIFT,
      output_zero: zero,
    });
    return this.named({ value, zero }, a);
  }

  concat(maps: readonly Map2d[]): Map2d {
    const parts = maps.map((m) => this.of(m));
    const { zero } = at(parts, 0);
    invariant(
      parts.every((p) => p.zero === zero),
      'parts of a concatenation are quantized alike',
    );
    const value = this.builder.emit(
      'concat',
      parts.map((p) => p.value),
      { axis: 1 },
    );
    return this.named({ value, zero }, { ...at(maps, 0), channels: maps.reduce((n, m) => n + m.channels, 0) });
  }

  /**
   * Local response normalization over 5 channels, x * (1 + alpha / 5 * sum of squares)^-beta (Krizhevsky et al. 2012, section 3.3): a
   * table of squares, their sum over a window, a table of factors and a product, as the quantizer writes it.
   */
  lrn(x: Map2d): Map2d {
    const { value, zero } = this.of(x);
    const squareTable = Int32Array.from({ length: 256 }, (_, i) => (i - 128 - zero) ** 2);
    const squares = this.builder.emit('table', [value, this.constant({ dtype: 'i32', shape: [256], data: squareTable })], {});
    const half = Math.floor(LRN_SIZE / 2);
    const padded = this.builder.emit('pad', [squares], { pads: [0, half, 0, 0, 0, half, 0, 0] });
    const sizes = [this.batch, x.channels, x.height, x.width];
    const part = (k: number): ValueId => this.builder.emit('slice', [padded], { starts: [0, k, 0, 0], sizes, steps: [1, 1, 1, 1] });
    let sum = part(0);
    for (let k = 1; k < LRN_SIZE; k++) sum = this.builder.emit('add', [sum, part(k)], {});
    const { m, s } = fixedPoint(255 / (LRN_SIZE * 255 ** 2));
    const narrow = { input_zero: 0, output_zero: -128, lo: -128, hi: 127, dtype: 'i8' } as const;
    const index = this.builder.emit('rescale', [sum, ...this.factors([m], [s])], narrow);
    const factorTable = Int8Array.from({ length: 256 }, (_, i) => Math.round(127 * (1 + i / 255) ** -0.75));
    const factor = this.builder.emit('table', [index, this.constant({ dtype: 'i8', shape: [256], data: factorTable })], {});
    const scale = fixedPoint(1 / 127);
    const attrs = { a_zero: zero, b_zero: 0, output_zero: zero };
    const product = this.builder.emit('mul_rescale', [value, factor, ...this.factors([scale.m], [scale.s])], attrs);
    return this.named({ value: product, zero }, x);
  }

  /** The program with `y` as its output. */
  program(y: Map2d): Program {
    this.builder.output('output', this.of(y).value);
    return this.builder.finish();
  }

  private of(map: Map2d): Quantized {
    const known = this.maps.get(map.name);
    invariant(known !== undefined, 'a map belongs to the graph that it is used in');
    return known;
  }

  private named(quantized: Quantized, map: Map2d): Map2d {
    const name = `map${this.maps.size}`;
    this.maps.set(name, quantized);
    return { ...map, name };
  }

  private constant(tensor: Tensor): ValueId {
    return this.builder.param(`p${this.params++}`, tensor);
  }

  private factors(m: readonly number[], s: readonly number[]): readonly [ValueId, ValueId] {
    return [
      this.constant({ dtype: 'i32', shape: [m.length], data: Int32Array.from(m) }),
      this.constant({ dtype: 'i32', shape: [s.length], data: Int32Array.from(s) }),
    ];
  }

  private weights(shape: readonly number[]): ValueId {
    const data = new Int8Array(shape.reduce((n, d) => n * d, 1));
    for (let i = 0; i < data.length; i += 4) {
      const word = this.random.next();
      for (let k = 0; k < 4 && i + k < data.length; k++) data[i + k] = Math.max(-127, ((word >>> (8 * k)) & 0xff) - 128);
    }
    return this.constant({ dtype: 'i8', shape, data });
  }

  private bias(count: number): ValueId {
    const data = Int32Array.from({ length: count }, () => this.random.int(-1000, 1000));
    return this.constant({ dtype: 'i32', shape: [count], data });
  }

  /** Sums of `terms` products as bytes about as widely spread as the bytes that went in. */
  private rescaled(sum: ValueId, terms: number, activation: Activation, map: Map2d): Map2d {
    const { m, s } = fixedPoint(1 / (WEIGHT_DEVIATION * Math.sqrt(terms)));
    const multipliers = Array.from({ length: map.channels }, () =>
      Math.min(2 ** MULTIPLIER_BITS - 1, Math.round(m * (0.75 + this.random.unit() / 2))),
    );
    const zero = zeroOf(activation);
    const attrs = { output_zero: zero, lo: -128, hi: 127, dtype: 'i8' } as const;
    const value = this.builder.emit(
      'rescale',
      [
        sum,
        ...this.factors(
          multipliers,
          multipliers.map(() => s),
        ),
      ],
      attrs,
    );
    return this.named({ value, zero }, map);
  }

  private pool(op: 'max_pool' | 'average_pool', x: Map2d, { kernel, stride, pads: [before, after] = [0, 0] }: PoolOptions): Map2d {
    const { value, zero } = this.of(x);
    const size = (n: number): number => Math.floor((n + before + after - kernel) / stride) + 1;
    const attrs = { kernel: pair(kernel), stride: pair(stride), dilation: pair(1), pads: [before, before, after, after] };
    const result = this.builder.emit(op, [value], attrs);
    return this.named({ value: result, zero }, { ...x, height: size(x.height), width: size(x.width) });
  }
}
