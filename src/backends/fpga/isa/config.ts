/** How many products the array makes at once; programs are the same for all sizes, and their bytes too. */
export interface ArraySize {
  /** Groups of 16 lanes, each with a copy of the activations: they do neighbouring output columns, with the same weights. */
  readonly groups: 1 | 2 | 4;
  /** Inputs of a lane in a cycle: a beat has 16, and takes so many cycles more. */
  readonly inputs: 16 | 8 | 4;
}

/** What a core is built with: parameters of cx_core. */
export interface CoreConfig extends ArraySize {
  /** Without the array, its other fields mean nothing. */
  readonly array: boolean;
  /** Of weights; activations have 8. */
  readonly bits: 8 | 6;
  /** Of accumulators, 24 to 32: a program needs those that its sums are proven to fit. */
  readonly accumulatorBits: number;
  /** Two products on one multiplier. */
  readonly pack: boolean;
  /** A weight memory of each byte column, for block RAM without write enables by byte (Intel); nothing else differs. */
  readonly columns: boolean;
  /** Activations of the array, in beats of 16 bytes. */
  readonly scratchBeats: number;
  /** Weights of the array, in entries of 16 x 16 bytes. */
  readonly weightEntries: number;
  /** Parameters of the array, in beats of 16 bytes. */
  readonly parameterBeats: number;
  /** Lines of 64 bytes. */
  readonly icacheLines: number;
  readonly dcacheLines: number;
}

/** 512 KiB of activations, 256 KiB of weights, 32 KiB of parameters and as much of caches. */
export const DEFAULT_CONFIG: CoreConfig = {
  array: true,
  bits: 8,
  accumulatorBits: 32,
  groups: 1,
  inputs: 16,
  pack: false,
  columns: false,
  scratchBeats: 32768,
  weightEntries: 1024,
  parameterBeats: 2048,
  icacheLines: 256,
  dcacheLines: 256,
};

/** Parameters of cx_core by their names in Verilog. */
export const verilogParameters = (config: CoreConfig): Readonly<Record<string, number>> => ({
  ARRAY: config.array ? 1 : 0,
  BITS: config.bits,
  ACC: config.accumulatorBits,
  GROUPS: config.groups,
  INPUTS: config.inputs,
  PACK: config.pack ? 1 : 0,
  COLUMNS: config.columns ? 1 : 0,
  SCRATCH: config.scratchBeats,
  WEIGHTS: config.weightEntries,
  PARAMETERS: config.parameterBeats,
  ICACHE: config.icacheLines,
  DCACHE: config.dcacheLines,
});

/** Products that the array makes in a cycle. */
export const productsOf = ({ groups, inputs }: ArraySize): number => 16 * groups * inputs;
