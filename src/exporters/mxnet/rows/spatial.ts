import type { OpNode } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made, MxGraph } from '../graph.ts';
import type { Rows } from './row.ts';

const resize = (g: MxGraph, node: OpNode<'resize'>): Made => {
  const [x] = node.operands;
  const { mode, sizes, coordinates } = node.attrs;
  const [height = 0, width = 0] = sizes;
  if (mode === 'nearest') return g.op('UpSampling', [g.x(x)], { scale: height / at(g.sizes(x), 2), sample_type: 'nearest', num_args: 1 });
  return g.op('_contrib_BilinearResize2D', [g.x(x)], { height, width, align_corners: coordinates === 'align_corners' });
};

export const spatialRows = {
  resize,
  grid_sample: (g, node) => {
    const [x, grid] = node.operands;
    return g.op('BilinearSampler', [g.x(x), g.op('transpose', [g.x(grid)], { axes: [0, 3, 1, 2] })]);
  },
  affine_grid: (g, node) => {
    const [theta] = node.operands;
    const [batch = 0] = g.sizes(theta);
    const rows = g.op('Reshape', [g.x(theta)], { shape: [batch, 6] });
    const grid = g.op('GridGenerator', [rows], { transform_type: 'affine', target_shape: node.attrs.size });
    return g.op('transpose', [grid], { axes: [0, 2, 3, 1] });
  },
} as const satisfies Rows;
