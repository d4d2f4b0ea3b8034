import {
  type DType,
  DTYPE_INFO,
  elementCount,
  isStaticType,
  type OpName,
  type Program,
  ProgramBuilder,
  type Tensor,
  type ValueId,
} from '../../../../ir/index.ts';
import { at, invariant } from '../../../../support/index.ts';

/** Numbers that look random and are the same everywhere. */
export class Numbers {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From lo to hi, both included. */
  next(lo: number, hi: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return lo + Math.floor((this.state / 2 ** 32) * (hi - lo + 1));
  }

  tensor(dtype: DType, shape: readonly number[], lo: number, hi: number): Tensor {
    const data = DTYPE_INFO[dtype].make(elementCount(shape));
    for (let i = 0; i < data.length; i++) data[i] = this.next(lo, hi);
    return { dtype, shape, data };
  }
}

export interface ConvOptions {
  readonly channels: number;
  readonly kernel: readonly number[];
  readonly stride?: readonly number[];
  readonly dilation?: readonly number[];
  readonly pads?: readonly number[];
  readonly groups?: number;
  readonly bits?: 6 | 8;
}

/** Builds networks of integers as quantization makes them, with random weights and scales under which results use all of their range. */
export class NetworkBuilder {
  readonly builder: ProgramBuilder;
  readonly numbers: Numbers;

  constructor(name: string, seed: number) {
    this.builder = new ProgramBuilder(name);
    this.numbers = new Numbers(seed);
  }

  input(shape: readonly number[], dtype: DType = 'i8'): ValueId {
    return this.builder.input('image', { dtype, shape });
  }

  shape(x: ValueId): readonly number[] {
    const type = this.builder.typeOf(x);
    invariant(isStaticType(type), 'test networks have numbers as dimensions');
    return type.shape;
  }

  emit(
    op: OpName,
    operands: readonly ValueId[],
    attrs: Readonly<Record<string, boolean | number | string | readonly number[]>> = {},
  ): ValueId {
    return at(this.builder.emitAll(op, operands, attrs), 0);
  }

  /** @returns accumulators */
  conv(x: ValueId, o: ConvOptions): ValueId {
    const n = o.kernel.length;
    const ones = o.kernel.map(() => 1);
    const groups = o.groups ?? 1;
    const most = o.bits === 6 ? 31 : 127;
    const shape = [o.channels, at(this.shape(x), 1) / groups, ...o.kernel];
    const weights = this.builder.constant(this.numbers.tensor(o.bits === 6 ? 'i6' : 'i8', shape, -most, most));
    const bias = this.builder.constant(this.numbers.tensor('i32', [o.channels], -3000, 3000));
    const pads = o.pads ?? new Array<number>(2 * n).fill(0);
    const unsigned = this.builder.typeOf(x).dtype === 'u8';
    const attrs = {
      stride: o.stride ?? ones,
      dilation: o.dilation ?? ones,
      pads,
      groups,
      pad_value: this.numbers.next(unsigned ? 0 : -128, 127),
    };
    return this.emit('conv', [x, weights, bias], attrs);
  }

  dense(x: ValueId, outputs: number): ValueId {
    const weights = this.builder.constant(this.numbers.tensor('i8', [outputs, at(this.shape(x), 1)], -127, 127));
    return this.emit('dense', [x, weights, this.builder.constant(this.numbers.tensor('i32', [outputs], -3000, 3000))]);
  }

  /**
   * To 8 bits.
   * @param products - of a sum, and greatest weight  @param low - least result: the zero point for a relu
   * @param less - places that the first channel is shifted less: its results are far beyond 8 bits and clamped
   */
  rescale(x: ValueId, products: number, weight = 127, low = -128, less = 0): ValueId {
    const channels = at(this.shape(x), 1);
    const spread = Math.sqrt(products) * 74 * (weight / 1.7);
    const multipliers = this.numbers.tensor('i32', [channels], 16384, 32767);
    const shift = 14 + Math.round(Math.log2(spread / 60));
    const shifts = this.numbers.tensor('i32', [channels], shift, shift + 1);
    shifts.data[0] = shift - less;
    const scales = [multipliers, shifts].map((t) => this.builder.constant(t));
    return this.emit('rescale', [x, ...scales], { dtype: 'i8', lo: low, hi: 127, output_zero: this.numbers.next(-20, 20) });
  }

  /** conv and rescale. */
  layer(x: ValueId, o: ConvOptions, low = -128): ValueId {
    const products = (at(this.shape(x), 1) / (o.groups ?? 1)) * elementCount(o.kernel);
    return this.rescale(this.conv(x, o), products, o.bits === 6 ? 31 : 127, low);
  }

  /** To 16 bits, as logits are. */
  logits(x: ValueId): ValueId {
    const n = at(this.shape(x), 1);
    const scales = [this.numbers.tensor('i32', [n], 2 ** 20, 2 ** 21 - 1), this.numbers.tensor('i32', [n], 23, 26)];
    return this.emit('rescale', [x, ...scales.map((t) => this.builder.constant(t))], {
      dtype: 'i16',
      lo: -32768,
      hi: 32767,
      output_zero: 5,
      width: 'w21',
    });
  }

  add(a: ValueId, b: ValueId): ValueId {
    return this.emit('add_rescale', [a, b], {
      multipliers: [713423, -1035730],
      zeros: [-11, 23],
      shift: 20,
      output_zero: -7,
      lo: -120,
      hi: 125,
    });
  }

  softmax(x: ValueId): ValueId {
    const table = Int32Array.from({ length: 256 }, (_, d) => Math.floor(65536 / 1.05 ** d + 0.5));
    return this.emit('softmax_lut', [x, this.builder.constant({ dtype: 'i32', shape: [256], data: table })], { axis: 1 });
  }

  finish(outputs: readonly ValueId[]): Program {
    outputs.forEach((v, i) => this.builder.output(`y${i}`, v));
    return this.builder.finish();
  }
}
