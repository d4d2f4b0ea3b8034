import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, int, spatialInts } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { matrixOf, span } from './util.ts';
import { channelsLast, ignoreTuning, windowOf } from './window.ts';

interface Channels {
  readonly last: boolean;
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
}

const channelsOf = (n: LayerNode): Channels => {
  const last = channelsLast(n);
  const shape = n.shapeOf(0);
  const inputs = at(shape, last ? shape.length - 1 : 1);
  const [outputs, groups] = [int(n, 'num_filter'), int(n, 'num_group', 1)];
  if (groups < 1 || outputs < 1 || inputs % groups !== 0 || outputs % groups !== 0)
    return n.malformed(`there are ${inputs} channels, ${outputs} filters and ${groups} groups`);
  return { last, inputs, outputs, groups };
};

const data = (n: LayerNode, last: boolean): ValueId => (last ? n.first(0) : n.real(0));
const placed = (value: ValueId, last: boolean): Made => ({ value, layout: last ? 'first' : 'file' });

/** Weights [a, b, …kernel], which files with the channels last keep as [a, …kernel, b]. */
const weights = (n: LayerNode, i: number, a: number, b: number, kernel: readonly number[], last: boolean): ValueId => {
  if (!last) return n.param(i, [a, b, ...kernel], 'weight');
  const rank = kernel.length + 2;
  return n.param(i, [a, ...kernel, b], 'weight', [0, rank - 1, ...span(1, rank - 1)]);
};

const bias = (n: LayerNode, i: number, count: number, without: boolean): readonly ValueId[] =>
  bool(n, 'no_bias', without) ? [] : [n.param(i, [count], 'shift')];

const convolution = (n: LayerNode): Made => {
  ignoreTuning(n);
  const { kernel, stride, pads } = windowOf(n);
  const { last, inputs, outputs, groups } = channelsOf(n);
  const dilation = spatialInts(n, 'dilate', kernel.length, 1);
  const operands = [data(n, last), weights(n, 1, outputs, inputs / groups, kernel, last), ...bias(n, 2, outputs, false)];
  return placed(n.emit('conv', operands, { stride, pads, dilation, groups }), last);
};

/** target_shape takes the place of pad and adj: what the full result has too much is cut evenly, one more before than behind. */
const deconvolution = (n: LayerNode): Made => {
  ignoreTuning(n);
  const { kernel, stride, pads } = windowOf(n);
  const { last, inputs, outputs, groups } = channelsOf(n);
  const count = kernel.length;
  const dilation = spatialInts(n, 'dilate', count, 1);
  const adj = spatialInts(n, 'adj', count, 0);
  const target = spatialInts(n, 'target_shape', count, 0);
  const operands = [data(n, last), weights(n, 1, inputs, outputs / groups, kernel, last), ...bias(n, 2, outputs, true)];
  const spatial = n.sizes(at(operands, 0)).slice(2);
  const surplus = spatial.map((size, i) => at(stride, i) * (size - 1) + at(dilation, i) * (at(kernel, i) - 1) + 1 - at(target, i));
  const given = target.some((t) => t !== 0);
  if (given && surplus.some((s) => s < 0)) return n.malformed(`target_shape is [${target.join(', ')}], more than there is`);
  const half = surplus.map((s) => Math.floor((s + 1) / 2));
  const window = given ? { pads: [...half, ...half], output_padding: surplus.map((s) => s % 2) } : { pads, output_padding: adj };
  return placed(n.emit('conv_transpose', operands, { stride, dilation, groups, ...window }), last);
};

const fullyConnected = (n: LayerNode): Made => {
  const outputs = int(n, 'num_hidden');
  if (n.rank(0) < 2) return n.malformed(`the input is [${n.shapeOf(0).join(', ')}], but a batch is wanted`);
  const x = bool(n, 'flatten', true) ? matrixOf(n, n.real(0)) : n.real(0);
  const inputs = at(n.sizes(x), n.sizes(x).length - 1);
  return n.emit('dense', [x, n.param(1, [outputs, inputs], 'weight'), ...bias(n, 2, outputs, false)], {});
};

const embedding = (n: LayerNode): Made => {
  n.ignore('dtype', 'sparse_grad', 'deterministic');
  const table = n.param(1, [int(n, 'input_dim'), int(n, 'output_dim')], 'weight');
  return n.emit('embedding', [table, n.as(n.x(0), 'i32')], {});
};

/** Offsets (row, column) and a factor for each tap; Zhu et al. 2019. */
const deformable = (n: LayerNode): Made => {
  ignoreTuning(n);
  n.ignore('im2col_step');
  const { kernel, stride, pads } = windowOf(n);
  const { last, inputs, outputs, groups } = channelsOf(n);
  if (last || kernel.length !== 2) return n.refuse(`the layout has the channels last, or the kernel is [${kernel.join(', ')}]`);
  const w = n.param(3, [outputs, inputs / groups, ...kernel], 'weight');
  const given = bias(n, 4, outputs, false);
  const b =
    given.length > 0 ? given : [n.session.constant('zeros', { elem: 'float32', shape: [outputs], data: new Float32Array(outputs) })];
  const dilation = spatialInts(n, 'dilate', 2, 1);
  const attrs = { stride, pads, dilation, groups, offset_groups: int(n, 'num_deformable_group', 1) };
  return n.emit('conv_deformable', [n.real(0), w, n.real(1), ...b, n.real(2)], attrs);
};

/** Every input is brought to the size of the first times scale, then they are joined. */
const upSampling = (n: LayerNode): Made => {
  n.ignore('workspace', 'num_args');
  const scale = int(n, 'scale');
  const mode = n.attribute('sample_type');
  const [, channels = 0, ...spatial] = n.shapeOf(0);
  if (n.rank(0) !== 4 || scale < 1) return n.malformed(`the input is [${n.shapeOf(0).join(', ')}], scale ${scale}`);
  if (mode === 'bilinear') {
    // a transposed convolution of each channel by itself, with a kernel that the file holds
    n.ignore('num_filter');
    const kernel = 2 * scale - (scale % 2);
    const pad = Math.ceil((scale - 1) / 2);
    const w = n.param(1, [channels, 1, kernel, kernel], 'weight');
    const pair = [1, 1] as const;
    return n.emit('conv_transpose', [n.real(0), w], {
      stride: [scale, scale],
      dilation: pair,
      groups: channels,
      pads: [pad, pad, pad, pad],
      output_padding: [0, 0],
    });
  }
  if (mode !== 'nearest') return n.malformed(`sample_type is ${String(mode)}`);
  n.ignore('num_filter');
  const sizes = spatial.map((s) => s * scale);
  const resized = span(0, n.inputCount).map((i) =>
    n.emit('resize', [n.real(i)], { mode: 'nearest', coordinates: 'asymmetric', rounding: 'floor', sizes }),
  );
  const sum = n.attribute('multi_input_mode') === 'sum';
  if (resized.length === 1) return at(resized, 0);
  return sum ? resized.slice(1).reduce((a, b) => n.emit('add', [a, b], {}), at(resized, 0)) : n.emit('concat', resized, { axis: 1 });
};

const layer = (parameters: readonly number[], row: (n: LayerNode) => Made) => ({ parameters, import: (n: LayerNode) => [row(n)] }) as const;

export const conv = {
  Convolution: layer([1, 2], convolution),
  Deconvolution: layer([1, 2], deconvolution),
  FullyConnected: layer([1, 2], fullyConnected),
  Embedding: layer([1], embedding),
  UpSampling: { parameters: [], import: (n) => [upSampling(n)] },
  _contrib_ModulatedDeformableConvolution: layer([3, 4], deformable),
} as const satisfies MxTable;
