import type { LayerRefusal, LayerRow } from '../../layer-graph.ts';

/** How an operator is imported, and what its inputs are. */
export interface MxRow extends LayerRow {
  /** Inputs that are parameters of the layer: variables there need no shape. */
  readonly parameters?: readonly number[];
  /** Inputs that only training reads. */
  readonly labels?: readonly number[];
}
export type MxTable = Readonly<Record<string, MxRow | LayerRefusal>>;
