import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { ints, word } from '../attributes.ts';
import type { MxTable } from './row.ts';

const LAST = [0, 2, 3, 1] as const;
const FIRST = [0, 3, 1, 2] as const;

/** x at a grid [N, rows, columns, 2] of (x, y) from -1 to 1, the corners being centres of cells; 0 outside. */
const sampled = (n: LayerNode, grid: ValueId): Made =>
  n.emit('grid_sample', [n.real(0), grid], { align_corners: true, mode: 'linear', outside: 'zeros' });

/** The grid of affine matrices [N, 6] (Jaderberg et al. 2015), with the coordinates last. */
const affine = (n: LayerNode, theta: ValueId): ValueId => {
  const [batch = 0] = n.sizes(theta);
  return n.emit('affine_grid', [n.reshape(theta, [batch, 2, 3])], { align_corners: true, size: ints(n, 'target_shape') });
};

/** A flow in cells [N, 2, rows, columns] added to the place of each cell, then normalized to -1 … 1. */
const warped = (n: LayerNode): ValueId => {
  const [, , rows = 0, columns = 0] = n.shapeOf(0);
  n.ignore('target_shape');
  if (rows < 2 || columns < 2) return n.refuse(`the flow is [${n.shapeOf(0).join(', ')}]`);
  const places = new Float32Array(2 * rows * columns);
  for (let i = 0; i < rows * columns; i++) {
    places[i] = i % columns;
    places[rows * columns + i] = Math.floor(i / columns);
  }
  const half = Float32Array.of((columns - 1) / 2, (rows - 1) / 2);
  const constant = (name: string, shape: readonly number[], data: Float32Array): ValueId =>
    n.session.constant(name, { elem: 'float32', shape, data });
  const moved = n.emit('add', [n.real(0), constant('cells', [1, 2, rows, columns], places)], {});
  return n.emit('sub', [n.emit('div', [moved, constant('half', [1, 2, 1, 1], half)], {}), n.scalar(1)], {});
};

const gridGenerator = (n: LayerNode): Made =>
  word(n, 'transform_type', ['affine', 'warp']) === 'warp' ? warped(n) : n.emit('transpose', [affine(n, n.real(0))], { perm: FIRST });

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;

export const spatial = {
  BilinearSampler: one((n) => {
    n.ignore('cudnn_off');
    return sampled(n, n.emit('transpose', [n.real(1)], { perm: LAST }));
  }),
  GridGenerator: one(gridGenerator),
  SpatialTransformer: one((n) => {
    n.ignore('cudnn_off');
    word(n, 'transform_type', ['affine']);
    word(n, 'sampler_type', ['bilinear']);
    if (at(n.shapeOf(1), n.rank(1) - 1) !== 6) return n.malformed(`loc is [${n.shapeOf(1).join(', ')}]`);
    return sampled(n, affine(n, n.real(1)));
  }),
} as const satisfies MxTable;
