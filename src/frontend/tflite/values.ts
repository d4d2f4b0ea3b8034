import type { ValueId } from '../../ir/index.ts';
import type { Diagnostic } from '../../support/index.ts';
import type { ElemName, HostTensor } from './elem.ts';

/** real = scale * (code - zero); one scale and zero, or one for each index of a dimension. */
export interface Quantization {
  readonly scales: readonly number[];
  readonly zeros: readonly number[];
  /** Dimension that the lists run along, when they have more than one entry. */
  readonly axis: number;
}

/**
 * How the dimensions of a value of the program stand: as in the file (N, spatial…, C), or with the channels first (N, C, spatial…).
 * Only values of rank 4 and 5 have the second form.
 */
export type Layout = 'file' | 'first';

/** The values of the program that stand for a tensor, by layout; the second is made from the first when it is asked for. */
export interface Wires {
  file: ValueId | undefined;
  first: ValueId | undefined;
}

/**
 * A tensor whose type is known. `wires` hold its elements, but the reals of a quantized tensor: f32 on the grid of `quantization`.
 * Shapes are those of the file.
 */
export interface KnownValue {
  readonly known: true;
  readonly name: string;
  readonly elem: ElemName;
  readonly shape: readonly number[];
  readonly quantization: Quantization | undefined;
  /** Elements known at import: codes, where the tensor is quantized. */
  readonly host?: HostTensor | undefined;
  /** State that the runtime keeps from run to run. */
  readonly variable?: boolean;
  readonly wires: Wires;
}

/** The result of an operator that could not be imported, or of one that depends on it. */
export interface UnknownValue {
  readonly known: false;
  readonly name: string;
  /** The operator at the root of the trouble. */
  readonly cause: string;
}

export type Value = KnownValue | UnknownValue;

/** What an importer gives for one output: a value in the layout of the file, a value in a layout, or a constant. */
export type Made = ValueId | { readonly value: ValueId; readonly layout: Layout } | { readonly host: HostTensor };

/** What happened to one operator of the user's model. */
export interface NodeReport {
  readonly name: string;
  readonly op: string;
  readonly domain: '';
  readonly version: number;
  readonly verdict: 'ok' | 'approximated' | 'unsupported';
  readonly reason?: string;
  /** Ops of the program that it became; empty when it was computed at import or could not be checked. */
  readonly becomes: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

export const sameQuantization = (a: Quantization | undefined, b: Quantization | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.scales.length === 1 &&
  b.scales.length === 1 &&
  a.scales[0] === b.scales[0] &&
  a.zeros[0] === b.zeros[0];
