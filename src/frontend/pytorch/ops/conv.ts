import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { flag, has, maybeReal, maybeTensor, number, one, spatial, tensor, text, whole, wholes } from '../args.ts';

/** Input i with a batch in front, and how to take it off again: modules take single samples too. */
export const batched = (
  n: LayerNode,
  i: number,
  rank: number,
): { readonly x: ValueId; readonly sizes: readonly number[]; readonly back: (y: ValueId) => ValueId } => {
  const shape = n.shapeOf(i);
  if (shape.length === rank) return { x: n.real(i), sizes: shape, back: (y) => y };
  if (shape.length !== rank - 1) return n.malformed(`input ${i} has rank ${shape.length}, but ${rank} is wanted`);
  return { x: n.reshape(n.real(i), [1, ...shape]), sizes: [1, ...shape], back: (y) => n.reshape(y, n.sizes(y).slice(1)) };
};

/** Padding by a number, or by a name. Half of an odd total stands behind, more than before. */
const padsOf = (
  n: LayerNode,
  count: number,
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): readonly number[] => {
  if (typeof n.attribute('padding') !== 'string') {
    const pads = spatial(n, 'padding', count, 0);
    return [...pads, ...pads];
  }
  const name = text(n, 'padding');
  if (name === 'valid') return new Array<number>(2 * count).fill(0);
  if (name !== 'same' || stride.some((s) => s !== 1)) return n.malformed(`padding is ${name}, the stride [${stride.join(', ')}]`);
  const totals = kernel.map((k, i) => at(dilation, i) * (k - 1));
  const before = totals.map((t) => Math.floor(t / 2));
  return [...before, ...totals.map((t, i) => t - at(before, i))];
};

const forward = (n: LayerNode, count: number): Made => {
  const { x, back } = batched(n, tensor(n, 'input'), count + 2);
  const w = tensor(n, 'weight');
  const kernel = n.shapeOf(w).slice(2);
  const [stride, dilation] = [spatial(n, 'stride', count, 1), spatial(n, 'dilation', count, 1)];
  const pads = padsOf(n, count, kernel, stride, dilation);
  return back(n.emit('conv', [x, n.real(w), ...maybeReal(n, 'bias')], { stride, dilation, pads, groups: whole(n, 'groups', 1) }));
};

const backward = (n: LayerNode, count: number): Made => {
  const { x, back } = batched(n, tensor(n, 'input'), count + 2);
  const pads = spatial(n, 'padding', count, 0);
  const y = n.emit('conv_transpose', [x, n.real(tensor(n, 'weight')), ...maybeReal(n, 'bias')], {
    stride: spatial(n, 'stride', count, 1),
    dilation: spatial(n, 'dilation', count, 1),
    pads: [...pads, ...pads],
    output_padding: spatial(n, 'output_padding', count, 0),
    groups: whole(n, 'groups', 1),
  });
  return back(y);
};

/** Of 1 to 3 dimensions, forward or transposed. */
const convolution = (n: LayerNode): Made => {
  n.ignore('benchmark', 'deterministic', 'cudnn_enabled', 'allow_tf32');
  const count = n.rank(tensor(n, 'weight')) - 2;
  if (flag(n, 'transposed')) return backward(n, count);
  if (wholes(n, 'output_padding', []).some((p) => p !== 0)) return n.malformed('output_padding of what is not transposed');
  return forward(n, count);
};

/** Statistics are those of training, as the module keeps them. */
const batchNorm = (n: LayerNode): Made => {
  n.ignore('momentum', 'cudnn_enabled');
  if (flag(n, 'training')) return n.refuse('training is set', ['Export the model for inference: model.eval().']);
  const x = tensor(n, 'input');
  const channels = n.shapeOf(x)[1] ?? 0;
  const one = (value: number): ValueId =>
    n.session.param('unit', { dtype: 'f32', shape: [channels], data: new Float32Array(channels).fill(value) });
  const [scale = one(1)] = maybeReal(n, 'weight');
  const [shift = one(0)] = maybeReal(n, 'bias');
  const statistics = [tensor(n, 'running_mean'), tensor(n, 'running_var')].map((i) => n.real(i));
  const epsilon = Math.fround(number(n, 'eps', 1e-5));
  return n.emit('batch_norm', [n.real(x), scale, shift, ...statistics], { epsilon });
};

/** Factors that are left out are 1 and 0. */
const affine = (n: LayerNode, shape: readonly number[]): readonly [ValueId, ValueId] => {
  const filled = (value: number): ValueId => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value);
    return n.session.param('unit', { dtype: 'f32', shape, data });
  };
  const [scale = filled(1)] = maybeReal(n, 'weight');
  const [shift = filled(0)] = maybeReal(n, 'bias');
  return [scale, shift];
};

/** Over the last dimensions, as many as normalized_shape has. */
const normAxis = (n: LayerNode, x: number): number => {
  const shape = wholes(n, 'normalized_shape');
  const own = n.shapeOf(x);
  const fits = shape.length > 0 && shape.length <= own.length && shape.every((d, i) => d === own[own.length - shape.length + i]);
  return fits ? own.length - shape.length : n.malformed(`normalized_shape is [${shape.join(', ')}], the input [${own.join(', ')}]`);
};

const layerNorm = (n: LayerNode): Made => {
  n.ignore('cudnn_enable');
  const x = tensor(n, 'input');
  const axis = normAxis(n, x);
  const epsilon = Math.fround(number(n, 'eps', 1e-5));
  const plain = maybeTensor(n, 'weight') === undefined && maybeTensor(n, 'bias') === undefined;
  const factors = plain ? [] : maybeTensor(n, 'bias') === undefined ? maybeReal(n, 'weight') : affine(n, n.shapeOf(x).slice(axis));
  return n.emit('layer_norm', [n.real(x), ...factors], { axis, epsilon });
};

const rmsNorm = (n: LayerNode): Made => {
  const x = tensor(n, 'input');
  // the least step of float32 where it is left out
  const epsilon = Math.fround(number(n, 'eps', 2 ** -23));
  return n.emit('rms_norm', [n.real(x), ...maybeReal(n, 'weight')], { axis: normAxis(n, x), epsilon });
};

const groupNorm = (n: LayerNode): Made => {
  n.ignore('cudnn_enabled', 'N', 'C', 'HxW');
  const x = tensor(n, 'input');
  const groups = has(n, 'num_groups') ? whole(n, 'num_groups') : whole(n, 'group');
  const epsilon = Math.fround(number(n, 'eps', 1e-5));
  return n.emit('group_norm', [n.real(x), ...affine(n, [n.shapeOf(x)[1] ?? 0])], { groups, epsilon });
};

const instanceNorm = (n: LayerNode): Made => {
  n.ignore('momentum', 'cudnn_enabled');
  const x = tensor(n, 'input');
  const epsilon = Math.fround(number(n, 'eps', 1e-5));
  const factors = affine(n, [n.shapeOf(x)[1] ?? 0]);
  if (flag(n, 'use_input_stats')) {
    n.ignore('running_mean', 'running_var');
    return n.emit('instance_norm', [n.real(x), ...factors], { epsilon });
  }
  const statistics = [tensor(n, 'running_mean'), tensor(n, 'running_var')].map((i) => n.real(i));
  return n.emit('batch_norm', [n.real(x), ...factors, ...statistics], { epsilon });
};

export const conv = {
  'aten.conv1d': one((n) => forward(n, 1)),
  'aten.conv2d': one((n) => forward(n, 2)),
  'aten.conv3d': one((n) => forward(n, 3)),
  'aten.conv_transpose1d': one((n) => backward(n, 1)),
  'aten.conv_transpose2d': one((n) => backward(n, 2)),
  'aten.conv_transpose3d': one((n) => backward(n, 3)),
  'aten.convolution': one(convolution),
  'aten._convolution': one(convolution),
  'aten.batch_norm': one(batchNorm),
  'aten._native_batch_norm_legit_no_training': one(batchNorm),
  'aten.native_batch_norm': one(batchNorm),
  'aten.layer_norm': one(layerNorm),
  'aten.native_layer_norm': one(layerNorm),
  'aten.rms_norm': one(rmsNorm),
  'aten.group_norm': one(groupNorm),
  'aten.native_group_norm': one(groupNorm),
  'aten.instance_norm': one(instanceNorm),
} as const satisfies LayerTable;
