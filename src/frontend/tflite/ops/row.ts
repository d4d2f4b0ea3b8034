import type { OperatorName } from '../schema/operators.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';

/** How one TensorFlow Lite operator is imported. */
export interface TfliteOp {
  /** Emits the program's ops; gives one entry for each output that is supported, in order. */
  readonly import: (n: TfliteNode) => readonly Made[];
  /** Every element of its result is an element of its inputs: one quantization at both sides needs no rounding between. */
  readonly keeps?: true;
}

/** Why an operator is not imported. */
export interface TfliteRefusal {
  readonly refused: string;
}

export type TfliteOps = { readonly [K in OperatorName]?: TfliteOp };
export type TfliteTable = { readonly [K in OperatorName]: TfliteOp | TfliteRefusal };

export const isRefusal = (row: TfliteOp | TfliteRefusal): row is TfliteRefusal => 'refused' in row;
