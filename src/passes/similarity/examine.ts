import type { Program } from '../../ir/index.ts';
import { BudgetError, canNormalize, normalize } from '../isomorphism/normal/index.ts';
import type { Graph } from '../isomorphism/graph.ts';
import { dissect } from './anatomy.ts';
import { canonicalLayers } from './canonical.ts';
import type { Net } from './align.ts';
import { type LayerPrint, printsOf } from './fingerprint.ts';
import { type Skeleton, skeletonOf } from './skeleton.ts';
import { twinLayers } from './twins.ts';

/** A network as it is compared: drawn together, its layers in canonical scale. */
export interface Examined extends Net {
  readonly skeleton: Skeleton;
}

/** The graph in normal form; undefined when it takes more rewriting than its size explains. */
const normalForm = (program: Program): Graph | undefined => {
  try {
    return normalize(program, { quantized: true }).graph;
  } catch (error) {
    if (error instanceof BudgetError) return undefined;
    throw error;
  }
};

/** The network that a program of any level computes; undefined when a dimension is symbolic or rewriting has no end. */
export const examine = (program: Program): Examined | undefined => {
  const graph = canNormalize(program) ? normalForm(program) : undefined;
  if (graph === undefined) return undefined;
  const twins = twinLayers(graph);
  const anatomy = dissect(graph, twins);
  return { anatomy, layers: canonicalLayers(anatomy), skeleton: skeletonOf(graph, twins) };
};

/** What an index remembers of a model; undefined as for `examine`. */
export const examineModel = (program: Program): readonly LayerPrint[] | undefined => {
  const examined = examine(program);
  return examined === undefined ? undefined : printsOf(examined.layers);
};
