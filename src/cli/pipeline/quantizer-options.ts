import type { QuantizeOptions, Rounding, RangeMethod, WeightBits } from '../../passes/index.ts';

/** What the command line says about quantization. Left out means `auto` where there is one. */
export interface QuantizerArgs {
  readonly bits: string;
  readonly pot: boolean;
  readonly method?: string | undefined;
  readonly rounding?: string | undefined;
  readonly equalize?: string | undefined;
  readonly 'output-bits': number;
}

/** The options of the quantizer that decide the bytes of a package, besides the samples. */
export type QuantizerOptions = Required<Pick<QuantizeOptions, 'bits' | 'powerOfTwo' | 'method' | 'rounding' | 'equalize' | 'outputBits'>>;

const BITS: Readonly<Record<string, WeightBits>> = { 6: 6, 8: 8, 16: 16 };
const METHODS: Readonly<Record<string, RangeMethod>> = { minmax: 'minmax', percentile: 'percentile', entropy: 'entropy', mse: 'mse' };
const ROUNDING: Readonly<Record<string, Rounding>> = { nearest: 'nearest', feedback: 'feedback' };

export const quantizerOptions = (args: QuantizerArgs): QuantizerOptions => ({
  bits: BITS[args.bits] ?? 8,
  powerOfTwo: args.pot,
  method: METHODS[args.method ?? ''] ?? 'auto',
  // layers of 6 bits need the feedback
  rounding: ROUNDING[args.rounding ?? ''] ?? (args.bits === 'mixed' ? 'feedback' : 'auto'),
  equalize: args.equalize === 'on' ? true : args.equalize === 'off' ? false : 'auto',
  outputBits: args['output-bits'] === 8 ? 8 : 16,
});
