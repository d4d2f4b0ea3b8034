import { type AnyNode, elementCount, type LoweringTable, type Tensor, UnsupportedError } from '../../../ir/index.ts';
import { type Code, type Field, option, py, slot, type Step } from '../../outline/code.ts';
import { float, tuple } from '../../outline/python-names.ts';
import type { Layouts, Writer } from '../../outline/writer.ts';
import { flag, isSymmetric, padOrder, same, TORCH_DTYPE } from '../text.ts';

interface Window {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly number[];
}

/** x with the padding that the layer cannot do itself. */
const padded = (x: Code, pads: readonly number[], value: string): Code =>
  isSymmetric(pads) ? x : py`F.pad(${x}, ${tuple(padOrder(pads))}${value === '0' ? '' : `, value=${value}`})`;

const own = (pads: readonly number[]): string => (isSymmetric(pads) ? same(pads.slice(0, pads.length / 2)) : '0');

const windowOptions = (a: Window, groups: number): Code =>
  py`${option('stride', same(a.stride), '1')}${option('padding', own(a.pads), '0')}${option('dilation', same(a.dilation), '1')}${option('groups', groups, 1)}`;

const tensorsOf = (weight: Tensor, bias: Tensor | undefined): Field['tensors'] => [
  { key: 'weight', tensor: weight },
  ...(bias === undefined ? [] : [{ key: 'bias', tensor: bias }]),
];

/** A layer of integers, whose weights are bytes or 16-bit numbers. */
const integerConv = (
  w: Writer,
  a: Window & { readonly groups: number; readonly pad_value: number; readonly accumulator_shift: number },
): Step => {
  const [weight, bias] = [w.tensor(1), w.has(2) ? w.tensor(2) : undefined];
  const kernel = w.type(1).shape.slice(2).map(Number);
  const options = py`${option('stride', tuple(a.stride), tuple(kernel.map(() => 1)))}${option('pads', tuple(padOrder(a.pads)), tuple(a.pads.map(() => 0)))}${option('dilation', tuple(a.dilation), tuple(kernel.map(() => 1)))}${option('groups', a.groups, 1)}${option('pad_value', a.pad_value, 0)}${option('shift', a.accumulator_shift, 0)}`;
  if (weight === undefined || (w.has(2) && bias === undefined)) {
    const code = py`integer_conv(${w.x(0)}, ${w.x(1, undefined, 'weight')}, ${w.has(2) ? w.x(2, undefined, 'bias') : ['None']}${options})`;
    return w.step(code, { helpers: ['to_i32', 'shift_right', 'integer_conv'] });
  }
  const [out = 1, perGroup = 1] = weight.shape;
  const made = py`IntegerConv(${slot('in_channels', perGroup * a.groups)}, ${slot('out_channels', out)}, ${slot('kernel_size', tuple(kernel))}${options}${option('bias', flag(bias !== undefined), 'True')}${option('dtype', TORCH_DTYPE[weight.dtype], 'torch.int8')})`;
  const step = w.layer({ leaf: 'conv', make: made, tensors: tensorsOf(weight, bias) }, w.x(0));
  return { ...step, helpers: ['to_i32', 'shift_right', 'integer_conv', 'IntegerConv'] };
};

/** The layer holds its bias for as many channels; a weight that is computed goes to the function. */
const conv = (
  c: Layouts,
  node: AnyNode,
  a: Window & { readonly groups: number; readonly pad_value: number; readonly accumulator_shift: number },
): Step => {
  const w = c.writer(node);
  if (w.resultType().shape.includes(0)) throw new UnsupportedError('PyTorch has no convolutions that give nothing');
  if (w.resultType().dtype !== 'f32') return integerConv(w, a);
  const [weight, bias] = [w.tensor(1), w.has(2) ? w.tensor(2) : undefined];
  const spatial = a.stride.length;
  const x = padded(w.x(0), a.pads, '0');
  if (weight === undefined || (w.has(2) && bias === undefined)) {
    const b = w.has(2) ? w.x(2, undefined, 'bias') : ['None'];
    return w.step(py`F.conv${spatial}d(${x}, ${w.x(1, undefined, 'weight')}, ${b}${windowOptions(a, a.groups)})`);
  }
  const [out = 1, perGroup = 1, ...kernel] = weight.shape;
  const make = py`nn.Conv${spatial}d(${slot('in_channels', perGroup * a.groups)}, ${slot('out_channels', out)}, ${slot('kernel_size', same(kernel))}${windowOptions(a, a.groups)}${option('bias', flag(bias !== undefined), 'True')})`;
  return w.layer({ leaf: 'conv', make, tensors: tensorsOf(weight, bias) }, x);
};

export const layerRows = {
  conv: (c, n) => conv(c, n, n.attrs),
  conv_transpose: (c, n) => {
    const w = c.writer(n);
    const a = n.attrs;
    if (w.resultType().dtype !== 'f32') throw new UnsupportedError('PyTorch transposes convolutions of floats alone');
    const [weight, bias] = [w.tensor(1), w.has(2) ? w.tensor(2) : undefined];
    const spatial = a.stride.length;
    const kernel = w.type(1).shape.slice(2).map(Number);
    const symmetric = isSymmetric(a.pads) && a.output_padding.every((p, i) => p < Math.max(a.stride[i] ?? 1, a.dilation[i] ?? 1));
    // what padding does not fit the layer is cut off, or added, at the end
    const cut = a.output_padding.map((p, i) => [-(a.pads[i] ?? 0), p - (a.pads[spatial + i] ?? 0)] as const);
    const options = py`${option('stride', same(a.stride), '1')}${option('padding', symmetric ? same(a.pads.slice(0, spatial)) : '0', '0')}${option('output_padding', symmetric ? same(a.output_padding) : '0', '0')}${option('groups', a.groups, 1)}${option('dilation', same(a.dilation), '1')}`;
    const finish = (y: Code): Code =>
      symmetric ? y : py`F.pad(${y}, ${tuple(padOrder([...cut.map((p) => p[0]), ...cut.map((p) => p[1])]))})`;
    // what lies beyond the last product is the bias alone
    if (!symmetric && a.output_padding.some((p, i) => p > (a.pads[spatial + i] ?? 0)))
      throw new UnsupportedError('its output padding is wider than its padding');
    if (weight === undefined || (w.has(2) && bias === undefined)) {
      const b = w.has(2) ? w.x(2, undefined, 'bias') : ['None'];
      return w.step(finish(py`F.conv_transpose${spatial}d(${w.x(0)}, ${w.x(1, undefined, 'weight')}, ${b}${options})`));
    }
    const [inChannels = 1, perGroup = 1] = weight.shape;
    const make = py`nn.ConvTranspose${spatial}d(${slot('in_channels', inChannels)}, ${slot('out_channels', perGroup * a.groups)}, ${slot('kernel_size', same(kernel))}${options}${option('bias', flag(bias !== undefined), 'True')})`;
    const field: Field = { leaf: 'conv_transpose', make, tensors: tensorsOf(weight, bias) };
    return symmetric ? w.layer(field, w.x(0)) : w.step(finish(py`${w.field(field)}(${w.x(0)})`));
  },
  dense: (c, n) => {
    const w = c.writer(n);
    const [weight, bias] = [w.tensor(1), w.has(2) ? w.tensor(2) : undefined];
    const integer = w.resultType().dtype !== 'f32';
    if (weight === undefined || (w.has(2) && bias === undefined)) {
      const given = py`${w.x(0)}, ${w.x(1, undefined, 'weight')}, ${w.has(2) ? w.x(2, undefined, 'bias') : ['None']}`;
      if (!integer) return w.step(py`F.linear(${given})`);
      return w.step(py`integer_linear(${given}${option('shift', n.attrs.accumulator_shift, 0)})`, {
        helpers: ['to_i32', 'shift_right', 'integer_linear'],
      });
    }
    const [out = 1, inside = 1] = weight.shape;
    const sizes = py`${slot('in_features', inside)}, ${slot('out_features', out)}`;
    const withBias = option('bias', flag(bias !== undefined), 'True');
    const field = (make: Code): Field => ({ leaf: 'fc', make, tensors: tensorsOf(weight, bias) });
    if (!integer) return w.layer(field(py`nn.Linear(${sizes}${withBias})`), w.x(0));
    const make = py`IntegerLinear(${sizes}${option('shift', n.attrs.accumulator_shift, 0)}${withBias}${option('dtype', TORCH_DTYPE[weight.dtype], 'torch.int8')})`;
    return { ...w.layer(field(make), w.x(0)), helpers: ['to_i32', 'shift_right', 'integer_linear', 'IntegerLinear'] };
  },
  matmul: (c, n) => {
    const w = c.writer(n);
    const { a_zero, b_zero, accumulator_shift } = n.attrs;
    const [a, b] = [w.x(0, undefined, 'weight'), w.x(1, undefined, 'weight')];
    if (w.resultType().dtype === 'f32') return w.step(py`${a} @ ${b}`);
    const centred = (x: Code, zero: number): Code => (zero === 0 ? py`${x}.double()` : py`(${x}.double() - ${zero})`);
    const product = py`${centred(a, a_zero)} @ ${centred(b, b_zero)}`;
    if (accumulator_shift === 0) return w.step(py`to_i32(${product})`, { helpers: ['to_i32'] });
    return w.step(py`to_i32(shift_right((${product}).long(), ${accumulator_shift}))`, { helpers: ['to_i32', 'shift_right'] });
  },
  batch_norm: (c, n) => {
    const w = c.writer(n);
    const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => w.tensor(i));
    const rank = w.rank(0);
    const epsilon = float(n.attrs.epsilon);
    const eps = option('eps', epsilon, '0.00001');
    if (rank > 5 || rank < 2 || scale === undefined || bias === undefined || mean === undefined || variance === undefined) {
      const [g, b, m, v] = [1, 2, 3, 4].map((i) => w.x(i, undefined, ['weight', 'bias', 'mean', 'variance'][i - 1]));
      return w.step(py`F.batch_norm(${w.x(0)}, ${m ?? []}, ${v ?? []}, ${g ?? []}, ${b ?? []}, eps=${epsilon})`);
    }
    const make = py`nn.BatchNorm${Math.max(1, rank - 2)}d(${slot('num_features', elementCount(scale.shape))}${eps})`;
    const tensors = [
      { key: 'weight', tensor: scale },
      { key: 'bias', tensor: bias },
      { key: 'running_mean', tensor: mean },
      { key: 'running_var', tensor: variance },
    ];
    return w.layer({ leaf: 'bn', make, tensors }, w.x(0));
  },
  layer_norm: (c, n) => {
    const w = c.writer(n);
    const shape = w.sizes(0);
    const axis = n.attrs.axis < 0 ? n.attrs.axis + shape.length : n.attrs.axis;
    const normalized = shape.slice(axis);
    const [scale, bias] = [w.has(1) ? w.tensor(1) : undefined, w.has(2) ? w.tensor(2) : undefined];
    const fits = (t: Tensor | undefined): t is Tensor =>
      t !== undefined && t.shape.length === normalized.length && t.shape.every((d, i) => d === normalized[i]);
    const eps = option('eps', float(n.attrs.epsilon), '0.00001');
    if (fits(scale) && (fits(bias) || !w.has(2))) {
      const make = py`nn.LayerNorm(${slot('normalized_shape', same(normalized.length === 1 ? normalized : [NaN, ...normalized]).replace('NaN, ', ''))}${eps}${option('bias', flag(bias !== undefined), 'True')})`;
      return w.layer({ leaf: 'norm', make, tensors: tensorsOf(scale, bias) }, w.x(0));
    }
    const plain = py`F.layer_norm(${w.x(0)}, ${tuple(normalized)}, eps=${float(n.attrs.epsilon)})`;
    const scaled = w.has(1) ? py`${plain} * ${w.x(1, undefined, 'weight')}` : plain;
    return w.step(w.has(2) ? py`${scaled} + ${w.x(2, undefined, 'bias')}` : scaled);
  },
  instance_norm: (c, n) =>
    normalized(c, n, (x, weight, bias) => py`F.instance_norm(${x}, weight=${weight}, bias=${bias}, eps=${float(n.attrs.epsilon)})`),
  group_norm: (c, n) => {
    const w = c.writer(n);
    const [scale, bias] = [w.tensor(1), w.tensor(2)];
    if (scale === undefined || bias === undefined)
      return w.step(py`F.group_norm(${w.x(0)}, ${n.attrs.groups}, ${w.x(1)}, ${w.x(2)}, ${float(n.attrs.epsilon)})`);
    const make = py`nn.GroupNorm(${slot('num_groups', n.attrs.groups)}, ${slot('num_channels', elementCount(scale.shape))}${option('eps', float(n.attrs.epsilon), '0.00001')})`;
    return w.layer({ leaf: 'norm', make, tensors: tensorsOf(scale, bias) }, w.x(0));
  },
  lrn: (c, n) => {
    const w = c.writer(n);
    const { size, alpha, beta, bias } = n.attrs;
    const norm = (x: Code): Code => py`F.local_response_norm(${x}, ${size}, alpha=${float(alpha)}, beta=${float(beta)}, k=${float(bias)})`;
    if (size % 2 === 1) return w.step(norm(w.x(0)));
    // PyTorch has the greater half of an even window before the channel, not behind it
    return w.step(py`torch.flip(${norm(py`torch.flip(${w.x(0)}, (1,))`)}, (1,))`);
  },
  embedding: (c, n) => {
    const w = c.writer(n);
    const table = w.tensor(0);
    const rows = w.sizes(0)[0] ?? 1;
    const indices = py`torch.clamp(${w.x(1)}, 0, ${rows - 1})`;
    if (table?.dtype !== 'f32') return w.step(py`${w.x(0, undefined, 'table')}[${indices}.long()]`);
    const make = py`nn.Embedding(${slot('num_embeddings', rows)}, ${slot('embedding_dim', table.shape[1] ?? 1)})`;
    return w.step(py`${w.field({ leaf: 'embedding', make, tensors: [{ key: 'weight', tensor: table }] })}(${indices})`);
  },
  softmax: (c, n) => onAxis(c, n, n.attrs.axis, 'torch.softmax'),
  log_softmax: (c, n) => onAxis(c, n, n.attrs.axis, 'torch.log_softmax'),
} satisfies Partial<LoweringTable<Layouts, Step>>;

const normalized = (c: Layouts, node: AnyNode, write: (x: Code, weight: Code, bias: Code) => Code): Step => {
  const w = c.writer(node);
  return w.step(write(w.x(0), w.x(1, undefined, 'weight'), w.x(2, undefined, 'bias')));
};

const onAxis = (c: Layouts, node: AnyNode, axis: number, name: string): Step => {
  const w = c.writer(node);
  const stored = w.axis(0, axis);
  const x = w.stored(0);
  w.store(w.perm(0));
  return w.step(py`${name}(${x}, dim=${stored})`, { module: `nn.${name === 'torch.softmax' ? 'Softmax' : 'LogSoftmax'}(dim=${stored})` });
};
