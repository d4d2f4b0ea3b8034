import { elementCount, Philox, type Program, ProgramBuilder, randomTensor, type Tensor, type ValueId } from '../../ir/index.ts';

/** A builder of small networks with the names that PyTorch gives to weights, and weights from a seed. */
class Network {
  readonly builder: ProgramBuilder;
  private readonly random = new Philox(11);

  constructor(name: string) {
    this.builder = new ProgramBuilder(name);
  }

  private weights(name: string, shape: readonly number[], lo = -0.5, hi = 0.5): ValueId {
    return this.builder.param(name, randomTensor({ dtype: 'f32', shape }, this.random, lo, hi));
  }

  conv(x: ValueId, name: string, [out, inside, kernel]: readonly [number, number, number], stride = 1): ValueId {
    const pads = Array<number>(4).fill(Math.floor(kernel / 2));
    const w = this.weights(`${name}.weight`, [out, inside, kernel, kernel]);
    return this.builder.emit('conv', [x, w], { stride: [stride, stride], dilation: [1, 1], pads }, 'Conv_1');
  }

  norm(x: ValueId, name: string, channels: number): ValueId {
    const parts = ['weight', 'bias', 'running_mean'].map((p) => this.weights(`${name}.${p}`, [channels]));
    const variance = this.weights(`${name}.running_var`, [channels], 0.5, 1.5);
    return this.builder.emit('batch_norm', [x, ...parts, variance], {}, 'BatchNormalization_2');
  }

  relu(x: ValueId): ValueId {
    return this.builder.emit('relu', [x], {}, 'Relu_3');
  }

  dense(x: ValueId, name: string, [out, inside]: readonly [number, number]): ValueId {
    return this.builder.emit(
      'dense',
      [x, this.weights(`${name}.weight`, [out, inside]), this.weights(`${name}.bias`, [out])],
      {},
      'Gemm_9',
    );
  }
}

/** A stem, three residual blocks of one kind in a row, one that halves the image, a classifier; named as PyTorch exports them. */
export const residualNet = (): Program => {
  const n = new Network('torch_jit');
  const b = n.builder;
  const block = (x: ValueId, name: string, inside: number, out: number): ValueId => {
    const stride = inside === out ? 1 : 2;
    const y = n.relu(n.norm(n.conv(x, `${name}.conv1`, [out, inside, 3], stride), `${name}.bn1`, out));
    const z = n.norm(n.conv(y, `${name}.conv2`, [out, out, 3]), `${name}.bn2`, out);
    const shortcut = inside === out ? x : n.norm(n.conv(x, `${name}.downsample.0`, [out, inside, 1], stride), `${name}.downsample.1`, out);
    return n.relu(b.emit('add', [z, shortcut], {}, 'Add_4'));
  };
  let x = n.relu(n.norm(n.conv(b.input('image', { dtype: 'f32', shape: [1, 3, 8, 8] }), 'conv1', [4, 3, 3]), 'bn1', 4));
  for (let i = 0; i < 3; i++) x = block(x, `layer1.${i}`, 4, 4);
  x = block(x, 'layer2.0', 4, 8);
  x = b.emit('global_average_pool', [x], {}, 'GlobalAveragePool_7');
  b.output('scores', n.dense(b.emit('flatten', [x], {}, 'Flatten_8'), 'fc', [10, 8]));
  return b.finish();
};

/** Residual units of two stages with the names that MXNet gives: `stage2_unit1_conv1`, and `_plus3` for sums. */
export const stagedNet = (): Program => {
  const n = new Network('resnet-symbol');
  const b = n.builder;
  let sums = 0;
  const unit = (x: ValueId, name: string, inside: number, out: number): ValueId => {
    const first = n.relu(n.norm(x, `${name}_bn1`, inside));
    let y = n.conv(first, `${name}_conv1`, [out, inside, 1]);
    y = n.conv(n.relu(n.norm(y, `${name}_bn2`, out)), `${name}_conv2`, [out, out, 3]);
    y = n.conv(n.relu(n.norm(y, `${name}_bn3`, out)), `${name}_conv3`, [out, out, 1]);
    const shortcut = inside === out ? x : n.conv(first, `${name}_sc`, [out, inside, 1]);
    return b.emit('add', [y, shortcut], {}, `_plus${sums++}`);
  };
  let x = n.conv(b.input('data', { dtype: 'f32', shape: [1, 3, 6, 6] }), 'conv0', [4, 3, 3]);
  for (const [stage, inside, out] of [
    [1, 4, 6],
    [2, 6, 8],
  ] as const)
    for (let i = 1; i <= 4; i++) x = unit(x, `stage${stage}_unit${i}`, i === 1 ? inside : out, out);
  b.output('scores', n.relu(n.norm(x, 'bn1', 8)));
  return b.finish();
};

/** A convolution, then depthwise and pointwise ones, three times, without any names. */
export const namelessNet = (): Program => {
  const b = new ProgramBuilder('nameless');
  const random = new Philox(12);
  const weights = (name: string, shape: readonly number[]): ValueId =>
    b.param(name, randomTensor({ dtype: 'f32', shape }, random, -0.5, 0.5));
  const window = { stride: [1, 1], dilation: [1, 1] };
  const image = b.input('0', { dtype: 'f32', shape: [1, 3, 6, 6] });
  let x = b.emit('conv', [image, weights('0.w', [4, 3, 3, 3])], { ...window, pads: [0, 1, 0, 1] });
  for (let i = 0; i < 3; i++) {
    x = b.emit('relu', [b.emit('conv', [x, weights(`${4 * i + 1}`, [4, 1, 3, 3])], { ...window, pads: [1, 1, 1, 1], groups: 4 })], {});
    x = b.emit('relu', [b.emit('conv', [x, weights(`${4 * i + 2}`, [4, 4, 1, 1])], { ...window, pads: [0, 0, 0, 0] })], {});
  }
  b.output('y', x);
  return b.finish();
};

/** An image with its channels last, as TensorFlow Lite has it: transposed before and behind each layer. */
export const channelsLastNet = (): Program => {
  const b = new ProgramBuilder('last');
  const random = new Philox(13);
  const tensor = (shape: readonly number[]): Tensor => randomTensor({ dtype: 'f32', shape }, random, -0.5, 0.5);
  let x = b.input('x', { dtype: 'f32', shape: [1, 6, 6, 3] });
  for (const [i, inside] of [3, 4].entries()) {
    const first = b.emit('transpose', [x], { perm: [0, 3, 1, 2] });
    const w = b.param(`conv${i}/kernel`, tensor([4, inside, 3, 3]));
    const y = b.emit('conv', [first, w], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1] }, `conv${i}/Conv2D`);
    x = b.emit('relu', [b.emit('transpose', [y], { perm: [0, 2, 3, 1] })], {}, `conv${i}/Relu`);
  }
  b.output('y', b.emit('softmax', [b.emit('reshape', [x], { shape: [1, 144] })], { axis: 1 }));
  return b.finish();
};

/** A quantized layer: product, rescale to bytes, a table. */
export const integerNet = (): Program => {
  const b = new ProgramBuilder('integer');
  const random = new Philox(14);
  const w = b.param('conv1.weight', randomTensor({ dtype: 'i8', shape: [4, 2, 3, 3] }, random));
  const bias = b.param('conv1.bias', randomTensor({ dtype: 'i32', shape: [4] }, random, -1000, 1000));
  const x = b.input('x', { dtype: 'i8', shape: [1, 2, 5, 5] });
  const sums = b.emit('conv', [x, w, bias], { stride: [1, 1], dilation: [1, 1], pads: [1, 1, 1, 1], pad_value: -3 }, 'conv1');
  const multiplier = b.param('m', { dtype: 'i32', shape: [4], data: Int32Array.of(20000, 21000, 22000, 23000) });
  const shift = b.param('s', { dtype: 'i32', shape: [4], data: Int32Array.of(22, 22, 21, 23) });
  const bytes = b.emit('rescale', [sums, multiplier, shift], { dtype: 'i8', output_zero: 3, lo: -128, hi: 127 }, 'conv1');
  const table = b.param('t', { dtype: 'i8', shape: [256], data: Int8Array.from({ length: elementCount([256]) }, (_, i) => (i * 7) % 256) });
  b.output('y', b.emit('table', [bytes, table], {}, 'act'));
  return b.finish();
};
