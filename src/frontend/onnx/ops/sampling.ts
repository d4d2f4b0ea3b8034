import { isStaticShape, type ValueId } from '../../../ir/index.ts';
import type { OnnxNode } from '../node.ts';
import type { OnnxOps } from './row.ts';
import { floatWire } from './util.ts';
import { spatialShape, windowOf } from './window.ts';

const MODES = { linear: 'linear', bilinear: 'linear', nearest: 'nearest', cubic: 'cubic', bicubic: 'cubic' } as const;
const OUTSIDE = { zeros: 'zeros', border: 'border', reflection: 'reflection' } as const;

const choice = <T extends string>(n: OnnxNode, name: string, table: Readonly<Record<string, T>>, fallback: string): T => {
  const text = n.text(name, fallback);
  return new Map(Object.entries(table)).get(text) ?? n.refuse(`${name} is ${text}`);
};

const gridSample = (n: OnnxNode): ValueId => {
  const axes = spatialShape(n).length;
  const out = n.shapeOf(1).slice(1, -1);
  if (!isStaticShape(out)) return n.unbound(out, ' of the grid');
  if (n.rank(1) !== n.rank(0) || n.shapeOf(1).at(-1) !== axes)
    return n.malformed(`X is [${n.shapeOf(0).join(', ')}] but grid is [${n.shapeOf(1).join(', ')}]`);
  return n.emit('grid_sample', [floatWire(n, 0), floatWire(n, 1)], {
    mode: choice(n, 'mode', MODES, n.since < 20 ? 'bilinear' : 'linear'),
    outside: choice(n, 'padding_mode', OUTSIDE, 'zeros'),
    align_corners: n.int('align_corners', 0) !== 0,
  });
};

const affineGrid = (n: OnnxNode): ValueId => {
  const [batch, , ...size] = n.hostInts(1, 'size');
  const [given] = n.shapeOf(0);
  if (n.rank(0) !== 3 || size.length + 1 !== n.shapeOf(0).at(-1))
    return n.malformed(`theta is [${n.shapeOf(0).join(', ')}] but size has ${size.length + 2} entries`);
  if (typeof given === 'number' && given !== batch) return n.malformed(`theta has ${given} matrices but size starts with ${String(batch)}`);
  return n.emit('affine_grid', [floatWire(n, 0)], { size, align_corners: n.int('align_corners', 0) !== 0 });
};

const deformConv = (n: OnnxNode): ValueId => {
  if (n.rank(0) !== 4) return n.refuse(`the input has ${n.rank(0) - 2} spatial dimensions, but 2 are supported`);
  const [outChannels = 0, , ...kernel] = n.staticShape(1);
  const declared = n.ints('kernel_shape');
  if (declared !== undefined && (declared.length !== kernel.length || declared.some((k, i) => k !== kernel[i])))
    return n.malformed(`kernel_shape is [${declared.join(', ')}] but the weights are [${n.shapeOf(1).join(', ')}]`);
  const operands = [floatWire(n, 0), floatWire(n, 1), floatWire(n, 2)];
  if (n.has(3)) operands.push(floatWire(n, 3));
  else if (n.has(4)) operands.push(n.session.param('bias', { dtype: 'f32', shape: [outChannels], data: new Float32Array(outChannels) }));
  if (n.has(4)) operands.push(floatWire(n, 4));
  return n.emit('conv_deformable', operands, {
    ...windowOf(n, kernel),
    groups: n.int('group', 1),
    offset_groups: n.int('offset_group', 1),
  });
};

/** Before version 16 corners were not shifted by half a cell. */
const roiAlign = (n: OnnxNode): ValueId => {
  const transform = n.since < 16 ? 'output_half_pixel' : n.text('coordinate_transformation_mode', 'half_pixel');
  if (transform !== 'half_pixel' && transform !== 'output_half_pixel') return n.refuse(`coordinate_transformation_mode is ${transform}`);
  const mode = choice(n, 'mode', { avg: 'avg', max: 'max' } as const, 'avg');
  const sampling = n.int('sampling_ratio', 0);
  if (sampling < 1 || sampling > 64) {
    return n.refuse(`sampling_ratio is ${sampling}, but 1 to 64 are supported`, [
      'With 0 the number of samples depends on the size of each region at run time: export the model with a fixed sampling_ratio, such as 2.',
    ]);
  }
  return n.emit('roi_align', [floatWire(n, 0), floatWire(n, 1), n.wire(2)], {
    size: [n.int('output_height', 1), n.int('output_width', 1)],
    spatial_scale: n.float('spatial_scale', 1),
    sampling,
    aligned: transform === 'half_pixel',
    mode,
  });
};

/** Rows of rois are (image, x1, y1, x2, y2). */
const maxRoiPool = (n: OnnxNode): ValueId => {
  const [count] = n.shapeOf(1);
  if (n.rank(1) !== 2 || n.shapeOf(1)[1] !== 5) return n.malformed(`rois are [${n.shapeOf(1).join(', ')}] but [R, 5] is wanted`);
  const size = n.ints('pooled_shape') ?? n.malformed('attribute pooled_shape is missing');
  n.approximate('the standard leaves the rounding of bins open: here they are exact, and a runtime with float32 bins may take a cell more');
  const rois = floatWire(n, 1);
  const columns = (start: number, width: number): ValueId =>
    n.emit('slice', [rois], { starts: [0, start], sizes: [-1, width], steps: [1, 1] });
  const images = n.reshape(n.emit('cast', [columns(0, 1)], { dtype: 'i32' }), [count ?? 0]);
  return n.emit('roi_pool', [floatWire(n, 0), columns(1, 4), images], { size, spatial_scale: n.float('spatial_scale', 1) });
};

export const sampling = {
  GridSample: { since: [16, 20, 22], import: (n) => [gridSample(n)] },
  AffineGrid: { since: [20], import: (n) => [affineGrid(n)] },
  DeformConv: { since: [19, 22], import: (n) => [deformConv(n)] },
  RoiAlign: { since: [10, 16, 22], import: (n) => [roiAlign(n)] },
  MaxRoiPool: { since: [1, 22], import: (n) => [maxRoiPool(n)] },
} as const satisfies OnnxOps;
