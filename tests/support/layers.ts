import { DTYPE_INFO, elementCount, type OpName, type ProgramBuilder, type Tensor, type ValueId } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';

type Attrs = Parameters<ProgramBuilder['tryEmit']>[2];
/** The first result of an op. */
export const emit = (b: ProgramBuilder, op: OpName, values: readonly ValueId[], attrs: Attrs): ValueId =>
  at(unwrap(b.tryEmit(op, values, attrs)), 0);

/** How the sums of a layer go on. `far zero`: with a zero point outside the bytes. */
export type End = 'sums' | 'narrow' | 'one factor' | 'wide' | 'i16' | 'far zero';

export interface ConvCase {
  readonly name: string;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly stride?: number;
  readonly dilation?: number;
  readonly pad?: number;
  readonly groups?: number;
  readonly dtype?: 'i8' | 'u8';
  readonly end?: End;
  /** Weights that the program computes instead of reading a parameter. */
  readonly computed?: boolean;
}

/** Where multipliers and shifts of a width lie, inclusive. */
interface Factors {
  readonly lo: number;
  readonly hi: number;
  readonly least: number;
  readonly most: number;
}

export interface LayerOptions {
  /** The part of all elements that are at an end of the range: sums of them are the largest. */
  readonly extremes: number;
  /** Factors of n15. */
  readonly narrow: Factors;
  /** What pads bytes. */
  readonly padValue: { readonly i8: number; readonly u8: number };
}

const WIDE: Factors = { lo: 0, hi: (1 << 21) - 1, least: 26, most: 36 };

/** Layers of bytes with seeded data. */
export class Layers {
  private state: number;
  private readonly options: LayerOptions;

  constructor(seed: number, options: LayerOptions) {
    this.state = seed;
    this.options = options;
  }

  filled(dtype: 'i8' | 'u8' | 'i32', shape: readonly number[], lo: number, hi: number): Tensor {
    const { extremes } = this.options;
    const data = DTYPE_INFO[dtype].make(elementCount(shape));
    for (let i = 0; i < data.length; i++)
      data[i] = extremes > 0 && this.random() < extremes ? (this.random() < 0.5 ? lo : hi) : this.between(lo, hi);
    return { dtype, shape, data };
  }

  /** An image of the whole range of its dtype. */
  image(dtype: 'i8' | 'u8', shape: readonly number[]): Tensor {
    return dtype === 'u8' ? this.filled('u8', shape, 0, 255) : this.filled('i8', shape, -128, 127);
  }

  /** What a layer ends with; channels are along axis 1. */
  finish(b: ProgramBuilder, sums: ValueId, channels: number, name: string, end: End): ValueId {
    if (end === 'sums') return sums;
    const { lo, hi, least, most } = end === 'wide' || end === 'i16' ? WIDE : this.options.narrow;
    const shape = [end === 'one factor' ? 1 : channels];
    const multiplier = b.param(`${name} multiplier`, this.filled('i32', shape, lo, hi));
    const shift = b.param(`${name} shift`, this.filled('i32', shape, least, most));
    const width = end === 'wide' || end === 'i16' ? 'w21' : 'n15';
    const attrs =
      end === 'i16'
        ? { input_zero: 3, output_zero: -5, lo: -32768, hi: 32767, dtype: 'i16', width }
        : { input_zero: -9, output_zero: end === 'far zero' ? -30000 : 4, lo: -100, hi: 127, dtype: 'i8', width };
    return emit(b, 'rescale', [sums, multiplier, shift], attrs);
  }

  conv(b: ProgramBuilder, from: ValueId, c: ConvCase): ValueId {
    const { x, w, stride = 1, dilation = 1, pad = 0, groups = 1, dtype = 'i8', end = 'narrow' } = c;
    const each = (v: number): readonly number[] => new Array<number>(x.length - 2).fill(v);
    const stored = b.param(`${c.name} w`, this.filled('i8', w, -127, 127));
    const weights = c.computed === true ? emit(b, 'concat', [stored], { axis: 0 }) : stored;
    const bias = b.param(`${c.name} bias`, this.filled('i32', [at(w, 0)], -9000, 9000));
    const pads = [...each(pad), ...each(pad)];
    const padValue = pad === 0 ? 0 : this.options.padValue[dtype];
    const attrs = { stride: each(stride), dilation: each(dilation), pads, groups, pad_value: padValue };
    return this.finish(b, emit(b, 'conv', [from, weights, bias], attrs), at(w, 0), c.name, end);
  }

  /** A conv with an input and an output of its own. @returns the data of the input */
  convAlone(b: ProgramBuilder, c: ConvCase): Tensor {
    const input = this.image(c.dtype ?? 'i8', c.x);
    b.output(`${c.name} y`, this.conv(b, b.input(c.name, { dtype: input.dtype, shape: input.shape }), c));
    return input;
  }

  /** The same of a dense layer: rows [rows…, inner] to [rows…, outputs]. */
  denseAlone(b: ProgramBuilder, name: string, rows: readonly number[], [inner, outputs]: readonly [number, number], end: End): Tensor {
    const input = this.image('i8', [...rows, inner]);
    const from = b.input(name, { dtype: input.dtype, shape: input.shape });
    const weights = b.param(`${name} w`, this.filled('i8', [outputs, inner], -127, 127));
    b.output(`${name} y`, this.finish(b, emit(b, 'dense', [from, weights], {}), outputs, name, end));
    return input;
  }

  private random(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state / 2 ** 32;
  }

  private between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }
}
