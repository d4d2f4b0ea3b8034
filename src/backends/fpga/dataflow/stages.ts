import type { DType, Program, ValueId } from '../../../ir/index.ts';

/**
 * A value as a stream: its elements one after the other. `order[k]` is the row-major index, in the value, of the k-th element of the
 * stream; for pictures this is row by row, pixel by pixel, channels last.
 */
export interface Stream {
  readonly value: ValueId;
  /** The value whose elements these are: that of the stage or input that they come from; another one than `value` behind views. */
  readonly source: ValueId;
  readonly dtype: DType;
  readonly count: number;
  readonly order: Int32Array;
}

/** What a sum goes through: rshr((sum + bias) multiplier, shift). */
export interface FinishSet {
  readonly bias: number;
  readonly multiplier: number;
  readonly shift: number;
}

/**
 * What becomes of the sums of a layer. none: the value itself; bias: i32; rescale: 8 or 16 bits, clamp(... + zero, lo, hi). There is a set
 * for each output channel, or, of means, for each number of cells.
 */
export interface Finish {
  readonly mode: 'none' | 'bias' | 'rescale';
  readonly sets: readonly FinishSet[];
  readonly zero: number;
  readonly lo: number;
  readonly hi: number;
}

/** Sums of products over all channels of a group, by channel, sums by channel that become means, or greatest values by channel. */
export const LAYER_KINDS = ['dot', 'depthwise', 'mean', 'max'] as const;
export type LayerKind = (typeof LAYER_KINDS)[number];

interface Named {
  /** Of the layer in the user's model. */
  readonly name: string;
  readonly inputs: readonly Stream[];
  readonly output: Stream;
}

/** A window over pictures of h x w pixels of c channels, to oh x ow pixels of oc channels. */
export interface Layer extends Named {
  readonly stage: 'layer';
  readonly kind: LayerKind;
  readonly h: number;
  readonly w: number;
  readonly c: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Rows above, columns on the left. */
  readonly begin: readonly [number, number];
  readonly oh: number;
  readonly ow: number;
  readonly oc: number;
  readonly groups: number;
  /** Byte that is read outside the picture. */
  readonly pad: number;
  /** Rows and columns that count as cells of a mean: from, to. */
  readonly countedRows: readonly [number, number];
  readonly countedColumns: readonly [number, number];
  /** [oc][c / groups][kernel rows][kernel columns], inputs in the order of the stream; empty for pools. */
  readonly weights: Int8Array;
  readonly weightBits: 6 | 8;
  readonly signedInput: boolean;
  /** Bits that hold every partial sum, at most 32: sums wrap there by definition. */
  readonly sumBits: number;
  readonly finish: Finish;
}

/** 8 bits through a table; the entry of byte x of channel k is at 256 k + x, one channel for all of them. */
export interface Table extends Named {
  readonly stage: 'table';
  readonly channels: number;
  readonly table: Int32Array;
}

export interface Add extends Named {
  readonly stage: 'add';
  /** Elements that come together, a divisor of the count: beats take a divisor of it. */
  readonly channels: number;
  readonly multipliers: readonly [number, number];
  readonly zeros: readonly [number, number];
  readonly shift: number;
  readonly zero: number;
  readonly lo: number;
  readonly hi: number;
}

export interface Softmax extends Named {
  readonly stage: 'softmax';
  /** Entries of 0 to 2^16. */
  readonly table: Int32Array;
}

export type Stage = Layer | Table | Add | Softmax;

/** A model as stages with streams between them, each in topological order. */
export interface Pipeline {
  readonly name: string;
  /** The program with composites expanded, whose values the streams are. */
  readonly program: Program;
  readonly inputs: readonly { readonly name: string; readonly stream: Stream }[];
  readonly outputs: readonly { readonly name: string; readonly stream: Stream }[];
  readonly stages: readonly Stage[];
}

/** Products of a frame. */
export const macsOfLayer = (l: Layer): number =>
  l.kind === 'dot' || l.kind === 'depthwise'
    ? l.oh * l.ow * l.oc * l.kernel[0] * l.kernel[1] * (l.kind === 'depthwise' ? 1 : l.c / l.groups)
    : 0;
