import type { ArraySize, CoreConfig } from '../isa/config.ts';

/** The dot-product array that lists of commands are made for. */
export interface ArrayConfig extends ArraySize {
  /** Beats of 16 bytes in the memory of activations, at most 65536. */
  readonly scratchBeats: number;
  /** Entries of 256 bytes in the memory of weights, at most 4096. */
  readonly weightEntries: number;
  /** Blocks of 16 channels in the memory of parameters, at most 8192. */
  readonly parameterBlocks: number;
  /** Bits of weights; activations have 8. */
  readonly bits: 6 | 8;
  /** Bits of accumulators: the array does no layer whose sums may need more. */
  readonly accumulatorBits: number;
}

/** 512 KiB of activations, 256 KiB of weights, 32 KiB of parameters: less than 1 MiB on chip. */
export const DEFAULT_ARRAY: ArrayConfig = {
  scratchBeats: 32_768,
  weightEntries: 1024,
  parameterBlocks: 256,
  bits: 8,
  accumulatorBits: 32,
  groups: 1,
  inputs: 16,
};

/** Channels of a block, and bytes of a beat. */
export const LANES = 16;
/** Beats of a weight entry, and of the parameters of a block. */
export const ENTRY_BEATS = 16;
export const PARAMETER_BEATS = 8;
export const TABLES = 8;
export const TABLE_BYTES = 256;

export const blocksOf = (channels: number): number => Math.ceil(channels / LANES);

/** The array of a core. */
export const arrayOf = ({
  scratchBeats,
  weightEntries,
  parameterBeats,
  bits,
  accumulatorBits,
  groups,
  inputs,
}: CoreConfig): ArrayConfig => ({
  scratchBeats,
  weightEntries,
  parameterBlocks: Math.floor(parameterBeats / PARAMETER_BEATS),
  bits,
  accumulatorBits,
  groups,
  inputs,
});
