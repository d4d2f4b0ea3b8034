import type { DType, OpName, Program, ValueId } from '../../ir/index.ts';
import type { ImageHeader } from './isa/image.ts';

/** Bytes that have to be in memory before the initialization; all else may hold anything. */
export interface ImagePart {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface FpgaPort {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly address: number;
  readonly bytes: number;
  /** For an output that is an input, passed through untouched: the number of the input. */
  readonly passes?: number;
}

/**
 * How the elements of a value lie: row-major, or `pixelBytes` from a pixel to the next with the channels of a pixel one behind the other. The pixels
 * of [N, C, spatial...] are positions, channels being axis 1; else those of [..., C] are rows.
 */
export type ResultLayout =
  | { readonly kind: 'rows' }
  | { readonly kind: 'blocks'; readonly pixelBytes: number; readonly channelsFirst: boolean };

/** Where a value is after a run. */
export interface FpgaResult {
  /** In `FpgaProgram.traced`. */
  readonly value: ValueId;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly address: number;
  readonly layout: ResultLayout;
}

/** A step of the run; its number is its `mark`. */
export interface FpgaStep {
  readonly place: string;
  readonly op: OpName;
  readonly macs: number;
  /** What it computes, in every form that memory has of it; of programs that are traced. */
  readonly results?: readonly FpgaResult[];
}

/** A program for the core: what memory holds, and what is where in it. */
export interface FpgaProgram {
  readonly name: string;
  readonly header: ImageHeader;
  /** In the order of addresses, without overlaps; the first is the header. */
  readonly parts: readonly ImagePart[];
  /** Bytes of instructions, from `header.codeStart` on; constants come behind them. */
  readonly instructionBytes: number;
  readonly inputs: readonly FpgaPort[];
  readonly outputs: readonly FpgaPort[];
  readonly steps: readonly FpgaStep[];
  /** Names of functions by address, for listings. */
  readonly labels: ReadonlyMap<number, string>;
  /** The program whose values the results of steps are; of programs that are traced. */
  readonly traced?: Program;
}
