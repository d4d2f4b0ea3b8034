import { type FAMILIES, isStaticShape, type OpNode, unsupported } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type OnnxGraph, refuse } from '../graph.ts';
import { ELEM, ELEM_OF, tensorMessage } from '../message.ts';
import { type Made, type Rows } from './row.ts';

const NO_INTEGERS = 'ONNX samples images of floats alone';

const roiAlign = (g: OnnxGraph, node: OpNode<'roi_align'>): Made => {
  if (g.t(node).dtype !== 'f32') return refuse(NO_INTEGERS);
  const { aligned, mode, sampling, size, spatial_scale } = node.attrs;
  const [x = '', rois = '', batch = ''] = g.xs(node);
  return g.one(
    'RoiAlign',
    [x, rois, g.long(g.bounded(batch, [at(g.t(node).shape, 0)]))],
    {
      coordinate_transformation_mode: aligned ? 'half_pixel' : 'output_half_pixel',
      mode,
      output_height: at(size, 0),
      output_width: at(size, 1),
      sampling_ratio: sampling,
      spatial_scale: { float: spatial_scale },
    },
    { opset: 16 },
  );
};

/** MaxRoiPool has the index of the image as first entry of each region. */
const roiPool = (g: OnnxGraph, node: OpNode<'roi_pool'>): Made => {
  if (g.t(node).dtype !== 'f32') return refuse(NO_INTEGERS);
  const [x = '', rois = '', batch = ''] = g.xs(node);
  const index = g.one('Unsqueeze', [g.cast(g.bounded(batch, [at(g.t(node).shape, 0)]), ELEM.float), g.ints('axes', [1])]);
  const regions = g.one('Concat', [index, rois], { axis: 1 });
  return g.one('MaxRoiPool', [x, regions], { pooled_shape: node.attrs.size, spatial_scale: { float: node.attrs.spatial_scale } });
};

export const samplingRows = {
  interpolate: unsupported('GridSample of ONNX takes coordinates from -1 to 1, which are rounded otherwise; grid_sample is exported'),
  grid_sample: (g, n) => {
    const { align_corners, mode, outside } = n.attrs;
    return g.one('GridSample', g.xs(n), { align_corners: align_corners ? 1 : 0, mode, padding_mode: outside }, { opset: 20 });
  },
  affine_grid: (g, n) => {
    const { shape } = g.t(n);
    const size = g.ints('size', [Number(shape[0]), 1, ...n.attrs.size]);
    return g.one('AffineGrid', [g.x(n), size], { align_corners: n.attrs.align_corners ? 1 : 0 }, { opset: 20 });
  },
  conv_deformable: (g, n) => {
    const { stride, pads, dilation, groups, offset_groups } = n.attrs;
    return g.one(
      'DeformConv',
      g.xs(n),
      { kernel_shape: g.sizes(n, 1).slice(2), strides: stride, pads, dilations: dilation, group: groups, offset_group: offset_groups },
      { opset: 19 },
    );
  },
  roi_align: roiAlign,
  roi_pool: roiPool,
} as const satisfies Rows<keyof (typeof FAMILIES)['sampling']>;

const REDUCTION = { set: 'none', add: 'add', mul: 'mul', max: 'max', min: 'min' } as const;
type Scatter = OpNode<'scatter_elements' | 'scatter_nd'>;

/**
 * Updates that fall outside are left out: they go to one more index behind each dimension, which is cut off again.
 * @param sizes - of the dimensions that indices count, in order of the entries of a vector
 */
const scattered = (g: OnnxGraph, node: Scatter, opType: string, axes: readonly number[], attributes: { readonly axis?: number }): Made => {
  const [x = '', raw = '', updates = ''] = g.xs(node);
  const { dtype, shape } = g.t(node);
  if (!isStaticShape(shape)) return refuse('a dimension is symbolic; bind it with --bind');
  const sizes = axes.map((a) => at(shape, a));
  const reduction = node.attrs.mode === 'set' ? {} : { reduction: REDUCTION[node.attrs.mode] };
  const write = (data: string, indices: string): string =>
    g.one(opType, [data, indices, updates], { ...attributes, ...reduction }, { opset: 18 });
  if (g.isWithin(node, sizes)) return write(x, g.long(raw));
  const limits = g.constant('sizes', (name) =>
    tensorMessage(name, { dtype: 'i32', shape: sizes.length === 1 ? [] : [sizes.length], data: Int32Array.from(sizes) }),
  );
  const behind = g.one('Where', [g.one('Less', [raw, g.int32('zero', 0)]), limits, g.one('Min', [raw, limits])]);
  const spare = shape.map((_, i) => (axes.includes(i) ? 1 : 0));
  const carrier = dtype === 'i16' ? 'i32' : dtype;
  const wide = carrier === dtype ? x : g.cast(x, ELEM_OF[carrier]);
  const roomy = g.one('Pad', [wide, g.ints('pads', [...shape.map(() => 0), ...spare])]);
  const filled = write(carrier === dtype ? roomy : g.cast(roomy, ELEM_OF[dtype]), g.long(behind));
  return g.one('Slice', [
    filled,
    g.ints(
      'starts',
      axes.map(() => 0),
    ),
    g.ints('ends', sizes),
    g.ints('axes', axes),
  ]);
};

export const scatterRows = {
  scatter_elements: (g, n) => {
    const rank = g.t(n).shape.length;
    const axis = n.attrs.axis < 0 ? n.attrs.axis + rank : n.attrs.axis;
    return scattered(g, n, 'ScatterElements', [axis], { axis });
  },
  scatter_nd: (g, n) => {
    const indices = g.t(n, 1).shape;
    const length = Number(at(indices, indices.length - 1));
    return scattered(
      g,
      n,
      'ScatterND',
      Array.from({ length }, (_, i) => i),
      {},
    );
  },
} as const satisfies Rows<keyof (typeof FAMILIES)['scatter']>;
