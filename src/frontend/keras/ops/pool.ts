import type { ValueId } from '../../../ir/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { one } from '../../tf-row.ts';
import { flagOf, imageOf, listOf, windowOf } from './util.ts';

/** Padding never counts, neither for the greatest nor for the mean. */
const pool =
  (op: 'max_pool' | 'average_pool', dims: number) =>
  (n: LayerNode): Made => {
    const image = imageOf(n, dims);
    const kernel = listOf(n, 'pool_size', dims, new Array<number>(dims).fill(2));
    const window = windowOf(n, image.sizes, kernel, listOf(n, 'strides', dims, kernel));
    return image.made(n.emit(op, [image.x], { kernel, ...window }));
  };

const globalPool =
  (op: 'global_max_pool' | 'global_average_pool', dims: number) =>
  (n: LayerNode): Made => {
    const image = imageOf(n, dims);
    const y: ValueId = n.emit(op, [image.x], {});
    return flagOf(n, 'keepdims') ? image.made(y) : n.reshape(y, [image.batch, image.channels]);
  };

export const pooling = {
  MaxPooling1D: one(pool('max_pool', 1)),
  MaxPooling2D: one(pool('max_pool', 2)),
  MaxPooling3D: one(pool('max_pool', 3)),
  AveragePooling1D: one(pool('average_pool', 1)),
  AveragePooling2D: one(pool('average_pool', 2)),
  AveragePooling3D: one(pool('average_pool', 3)),
  GlobalMaxPooling1D: one(globalPool('global_max_pool', 1)),
  GlobalMaxPooling2D: one(globalPool('global_max_pool', 2)),
  GlobalMaxPooling3D: one(globalPool('global_max_pool', 3)),
  GlobalAveragePooling1D: one(globalPool('global_average_pool', 1)),
  GlobalAveragePooling2D: one(globalPool('global_average_pool', 2)),
  GlobalAveragePooling3D: one(globalPool('global_average_pool', 3)),
} as const satisfies LayerTable;
