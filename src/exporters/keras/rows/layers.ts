import { type AnyNode, elementCount, type LoweringTable, type Tensor, UnsupportedError } from '../../../ir/index.ts';
import { type Code, type Field, joinCode, option, py, slot, type Step } from '../../outline/code.ts';
import { float, tuple } from '../../outline/python-names.ts';
import { type Layouts, permuted, type Writer } from '../../outline/writer.ts';
import { flag, lastPerm, pairs, same } from '../text.ts';

interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
}

/** Padding as TensorFlow calls it: same puts what is missing for ceil(size / stride) results at both ends, more at the end. */
export const paddingOf = (a: Window, input: readonly number[]): 'valid' | 'same' | undefined => {
  if (a.pads.every((p) => p === 0)) return 'valid';
  const n = a.kernel.length;
  const isSame = a.kernel.every((k, i) => {
    const stride = a.stride[i] ?? 1;
    const size = input[i] ?? 1;
    const reach = (a.dilation[i] ?? 1) * (k - 1) + 1;
    const total = Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0);
    return a.pads[i] === Math.floor(total / 2) && a.pads[n + i] === total - Math.floor(total / 2);
  });
  return isSame ? 'same' : undefined;
};

/** x in the layout of layers, with zeros around it where the layer cannot put them. */
const spatialInput = (w: Writer, a: Window): { readonly x: Code; readonly padding: string } => {
  const rank = w.rank(0);
  const x = w.x(0, lastPerm(rank));
  const own = paddingOf(a, w.sizesBehindBatch(0).slice(2));
  if (own !== undefined) return { x, padding: own };
  return { x: py`layers.ZeroPadding${rank - 2}D(${pairs(a.pads)})(${x})`, padding: 'valid' };
};

const options = (a: Window, padding: string): Code =>
  py`${option('strides', same(a.stride), '1')}${option('padding', `"${padding}"`, '"valid"')}${option('dilation_rate', same(a.dilation), '1')}`;

const withBias = (kernel: Tensor, bias: Tensor | undefined): Field['tensors'] => [
  { key: 'kernel', tensor: kernel },
  ...(bias === undefined ? [] : [{ key: 'bias', tensor: bias }]),
];

const useBias = (bias: Tensor | undefined): Code => py`${option('use_bias', flag(bias !== undefined), 'True')}`;

/** O I … as … I O. */
const kernelPerm = (spatial: number): readonly number[] => [...Array.from({ length: spatial }, (_, i) => i + 2), 1, 0];

/** Weights of depthwise layers: … C M from C M, 1, …. */
const depthwiseKernel = (weight: Tensor, channels: number): Tensor => {
  const [out = 1, , ...kernel] = weight.shape;
  const perm = [...kernel.map((_, i) => i + 2), 0, 1];
  return permuted({ ...weight, shape: [channels, out / channels, ...kernel] }, perm);
};

const convRow = (c: Layouts, node: AnyNode, attrs: Omit<Window, 'kernel'> & { readonly groups: number }): Step => {
  const w = c.writer(node);
  if (w.resultType().dtype !== 'f32') throw new UnsupportedError('Keras has convolutions of floats alone');
  if (w.resultType().shape.includes(0)) throw new UnsupportedError('Keras has no convolutions that give nothing');
  const kernel = w.type(1).shape.slice(2).map(Number);
  if (attrs.dilation.some((d) => d > 1) && attrs.stride.some((s) => s > 1)) {
    // Keras does not stride dilated kernels: of all results, those that a stride would give
    const whole = convStep(w, { ...attrs, kernel, stride: kernel.map(() => 1) }, attrs.groups);
    return {
      ...whole,
      isCall: false,
      code: py`every(${whole.code}, ${tuple(attrs.stride)})`,
      helpers: [...(whole.helpers ?? []), 'every'],
    };
  }
  return convStep(w, { ...attrs, kernel }, attrs.groups);
};

const convStep = (w: Writer, a: Window, groups: number): Step => {
  const rank = w.rank(0);
  const spatial = rank - 2;
  const [weight, bias] = [w.tensor(1), w.has(2) ? w.tensor(2) : undefined];
  const { x, padding } = spatialInput(w, a);
  w.store(lastPerm(rank));
  if (weight === undefined || (w.has(2) && bias === undefined)) {
    if (groups > 1) throw new UnsupportedError('Keras has no groups for weights that are computed');
    const kernel = w.x(1, kernelPerm(spatial), 'kernel');
    const plain = py`ops.conv(${x}, ${kernel}${options(a, padding)}, data_format="channels_last")`;
    return w.step(w.has(2) ? py`${plain} + ${w.x(2, undefined, 'bias')}` : plain);
  }
  const [out = 1, perGroup = 1] = weight.shape;
  const kernelSize = slot('kernel_size', same(a.kernel));
  if (groups === 1) {
    const make = py`layers.Conv${spatial}D(${slot('filters', out)}, ${kernelSize}${options(a, padding)}${useBias(bias)}`;
    return w.layer({ leaf: 'conv', make, tensors: withBias(permuted(weight, kernelPerm(spatial)), bias) }, x);
  }
  const depthwise = perGroup === 1 && spatial < 3 && a.stride.every((s) => s === a.stride[0]);
  if (depthwise) {
    const make = py`layers.DepthwiseConv${spatial}D(${kernelSize}${options(a, padding)}${option('depth_multiplier', out / groups, 1)}${useBias(bias)}`;
    return w.layer({ leaf: 'depthwise', make, tensors: withBias(depthwiseKernel(weight, groups), bias) }, x);
  }
  return groupedConv(w, a, { x, padding, weight, bias, groups });
};

/** TensorFlow has no groups on processors: a layer for each group, side by side. */
const groupedConv = (
  w: Writer,
  a: Window,
  o: { readonly x: Code; readonly padding: string; readonly weight: Tensor; readonly bias: Tensor | undefined; readonly groups: number },
): Step => {
  const spatial = a.kernel.length;
  const [out = 1] = o.weight.shape;
  const filters = out / o.groups;
  if (o.groups > MOST_GROUPS) throw new UnsupportedError(`${o.groups} groups would be as many layers`);
  const size = o.weight.data.length / o.groups;
  const calls = Array.from({ length: o.groups }, (_, g) => {
    const own: Tensor = { dtype: 'f32', shape: [filters, ...o.weight.shape.slice(1)], data: o.weight.data.slice(g * size, (g + 1) * size) };
    const bias: Tensor | undefined =
      o.bias === undefined ? undefined : { dtype: 'f32', shape: [filters], data: o.bias.data.slice(g * filters, (g + 1) * filters) };
    const make = py`layers.Conv${spatial}D(${slot('filters', filters)}, ${slot('kernel_size', same(a.kernel))}${options(a, o.padding)}${useBias(bias)}`;
    const made = w.field({ leaf: `group${g + 1}`, make, tensors: withBias(permuted(own, kernelPerm(spatial)), bias) });
    return py`${made}(parts[${g}])`;
  });
  return w.step(py`in_groups(${o.x}, ${o.groups}, lambda parts: [${joinCode(calls, ', ')}])`, { helpers: ['in_groups'] });
};

const MOST_GROUPS = 64;

export const layerRows = {
  conv: (c, n) => convRow(c, n, n.attrs),
  conv_transpose: (c, n) => {
    const w = c.writer(n);
    const a = { ...n.attrs, kernel: w.type(1).shape.slice(2).map(Number) };
    const weight = w.tensor(1);
    const bias = w.has(2) ? w.tensor(2) : undefined;
    const rank = w.rank(0);
    const spatial = rank - 2;
    const input = w.sizesBehindBatch(0).slice(2);
    const output = w.resultType().shape.slice(2).map(Number);
    const full = a.kernel.map((k, i) => ((input[i] ?? 1) - 1) * (a.stride[i] ?? 1) + Math.max(k, a.stride[i] ?? 1));
    const crop = [
      ...a.kernel.map((_, i) => a.pads[i] ?? 0),
      ...a.kernel.map((_, i) => (full[i] ?? 0) - (output[i] ?? 0) - (a.pads[i] ?? 0)),
    ];
    const simple = w.resultType().dtype === 'f32' && a.groups === 1 && a.dilation.every((d) => d === 1) && crop.every((p) => p >= 0);
    if (!simple || weight === undefined || (w.has(2) && bias === undefined))
      throw new UnsupportedError('Keras has no such transposed convolution');
    const x = w.x(0, lastPerm(rank));
    w.store(lastPerm(rank));
    const make = py`layers.Conv${spatial}DTranspose(${slot('filters', weight.shape[1] ?? 1)}, ${slot('kernel_size', same(a.kernel))}${option('strides', same(a.stride), '1')}${useBias(bias)}`;
    const field: Field = { leaf: 'conv_transpose', make, tensors: withBias(permuted(weight, kernelPerm(spatial)), bias) };
    if (crop.every((p) => p === 0)) return w.layer(field, x);
    return w.step(py`layers.Cropping${spatial}D(${pairs(crop)})(${w.field(field)}(${x}))`);
  },
  dense: (c, n) => {
    const w = c.writer(n);
    if (w.resultType().dtype !== 'f32') throw new UnsupportedError('Keras has products of floats alone');
    const [weight, bias] = [w.tensor(1), w.has(2) ? w.tensor(2) : undefined];
    if (weight === undefined || (w.has(2) && bias === undefined) || w.rank(0) < 2) {
      const plain = py`ops.matmul(${w.x(0)}, ${w.x(1, [1, 0], 'kernel')})`;
      return w.step(w.has(2) ? py`${plain} + ${w.x(2, undefined, 'bias')}` : plain);
    }
    const make = py`layers.Dense(${slot('units', weight.shape[0] ?? 1)}${useBias(bias)}`;
    return w.layer({ leaf: 'dense', make, tensors: withBias(permuted(weight, [1, 0]), bias) }, w.x(0));
  },
  matmul: (c, n) => {
    const w = c.writer(n);
    if (w.resultType().dtype !== 'f32') throw new UnsupportedError('Keras has products of floats alone');
    return w.step(py`ops.matmul(${w.x(0, undefined, 'weight')}, ${w.x(1, undefined, 'weight')})`);
  },
  batch_norm: (c, n) => {
    const w = c.writer(n);
    const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => w.tensor(i));
    if (gamma === undefined || beta === undefined || mean === undefined || variance === undefined)
      throw new UnsupportedError('its statistics are computed while the model runs');
    const rank = w.rank(0);
    const perm = rank === 2 ? [0, 1] : lastPerm(rank);
    const x = w.x(0, perm);
    w.store(perm);
    const make = py`layers.BatchNormalization(${slot('epsilon', `epsilon=${float(n.attrs.epsilon)}`)}`;
    const tensors = [
      { key: 'gamma', tensor: gamma },
      { key: 'beta', tensor: beta },
      { key: 'moving_mean', tensor: mean },
      { key: 'moving_variance', tensor: variance },
    ];
    return w.layer({ leaf: 'bn', make, tensors }, x);
  },
  layer_norm: (c, n) => {
    const w = c.writer(n);
    const shape = w.sizes(0);
    const axis = n.attrs.axis < 0 ? n.attrs.axis + shape.length : n.attrs.axis;
    const own = shape.slice(axis);
    const [scale, bias] = [1, 2].map((i) => (w.has(i) ? w.tensor(i) : undefined));
    const fits = (t: Tensor | undefined): t is Tensor =>
      t !== undefined && elementCount(t.shape) === elementCount(own) && t.shape.length === own.length;
    if (!w.has(1) || !fits(scale) || (w.has(2) && !fits(bias))) throw new UnsupportedError('its scale and bias are not those of a layer');
    const axes =
      own.length === 1
        ? ''
        : `axis=${tuple(own.map((_, i) => axis + i))
            .replace('(', '[')
            .replace(')', ']')}, `;
    const make = py`layers.LayerNormalization(${axes}${slot('epsilon', `epsilon=${float(n.attrs.epsilon)}`)}${option('center', flag(bias !== undefined), 'True')}`;
    const tensors = [{ key: 'gamma', tensor: scale }, ...(bias === undefined ? [] : [{ key: 'beta', tensor: bias }])];
    return w.layer({ leaf: 'norm', make, tensors }, w.x(0));
  },
  embedding: (c, n) => {
    const w = c.writer(n);
    const table = w.tensor(0);
    if (table?.dtype !== 'f32') throw new UnsupportedError('its table is no parameter of floats');
    const [rows = 1, width = 1] = table.shape;
    const make = py`layers.Embedding(${slot('input_dim', rows)}, ${slot('output_dim', width)}`;
    return w.step(
      py`${w.field({ leaf: 'embedding', make, tensors: [{ key: 'embeddings', tensor: table }] })}(ops.clip(${w.x(1)}, 0, ${rows - 1}))`,
    );
  },
  softmax: (c, n) => onAxis(c, n, n.attrs.axis, 'ops.softmax'),
  log_softmax: (c, n) => onAxis(c, n, n.attrs.axis, 'ops.log_softmax'),
  lrn: (c, n) => {
    const w = c.writer(n);
    const { size, alpha, beta, bias } = n.attrs;
    const rank = w.rank(0);
    const x = w.x(0, lastPerm(rank));
    w.store(lastPerm(rank));
    return w.step(py`local_response_norm(${x}, ${size}, alpha=${float(alpha)}, beta=${float(beta)}, bias=${float(bias)})`, {
      helpers: ['local_response_norm'],
    });
  },
} satisfies Partial<LoweringTable<Layouts, Step>>;

const onAxis = (c: Layouts, node: AnyNode, axis: number, name: string): Step => {
  const w = c.writer(node);
  if (w.type(0).shape.includes(0)) throw new UnsupportedError('Keras has no greatest of nothing');
  const stored = w.axis(0, axis);
  const x = w.stored(0);
  w.store(w.perm(0));
  return w.step(py`${name}(${x}, axis=${stored === w.rank(0) - 1 ? -1 : stored})`);
};
