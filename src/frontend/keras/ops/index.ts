import type { LayerRefusal, LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { activation } from './activation.ts';
import { attentions } from './attention.ts';
import { convolutions } from './conv.ts';
import { functions } from './functions.ts';
import { linear } from './linear.ts';
import { merges } from './merge.ts';
import { norms } from './norm.ts';
import { passes } from './pass.ts';
import { pooling } from './pool.ts';
import { recurrentLayers } from './recurrent.ts';
import { shapes } from './shape.ts';
import { slicing } from './slicing.ts';

const FAMILIES = [
  activation,
  attentions,
  convolutions,
  functions,
  linear,
  merges,
  norms,
  passes,
  pooling,
  recurrentLayers,
  shapes,
  slicing,
] as const;

/** The type in which a layer computes: programs compute in float32. */
const policy = (n: LayerNode): void => {
  n.ignore('keras');
  const dtype = n.attribute('dtype');
  if (dtype === undefined) return;
  const name = String(dtype);
  if (/^(mixed_)?(b?float16|float64)$/.test(name)) n.approximate(`the layer computes in ${name}, here it does in float32`);
  else if (!/^u?int(8|16|32|64)$|^bool$/.test(name)) n.refuse(`its type is ${name}`);
};

const withPolicy = (row: LayerRow | LayerRefusal): LayerRow | LayerRefusal => {
  if ('refused' in row) return row;
  return {
    ...row,
    import: (n) => {
      policy(n);
      return row.import(n);
    },
  };
};

/** Every layer of Keras 1, 2 and 3 that is known, by its class. */
export const KERAS_LAYERS: LayerTable = Object.fromEntries(
  FAMILIES.flatMap((family) => Object.entries<LayerRow | LayerRefusal>(family)).map(([name, row]) => [name, withPolicy(row)]),
);
