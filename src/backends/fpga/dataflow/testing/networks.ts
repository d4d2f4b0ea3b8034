import type { Program } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { NetworkBuilder } from './builder.ts';

const pool2 = { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] } as const;

const lenet = (): Program => {
  const n = new NetworkBuilder('lenet', 1);
  const a = n.layer(n.input([1, 1, 12, 12]), { channels: 4, kernel: [5, 5], pads: [2, 2, 2, 2] }, -60);
  const b = n.layer(n.emit('max_pool', [a], pool2), { channels: 6, kernel: [3, 3], pads: [1, 0, 0, 1] });
  const c = n.emit('max_pool', [b], { kernel: [3, 3], stride: [3, 3], dilation: [1, 1], pads: [0, 0, 0, 0], ceil: true });
  return n.finish([n.logits(n.dense(n.emit('reshape', [c], { shape: [1, 6 * 4] }), 10))]);
};

/** As MLPerf Tiny's ResNet-8: pictures with channels last in memory, two blocks, one with a convolution beside it, softmax. */
const residual = (): Program => {
  const n = new NetworkBuilder('residual', 2);
  const image = n.emit('transpose', [n.input([1, 8, 8, 3])], { perm: [0, 3, 1, 2] });
  const same = { kernel: [3, 3], pads: [1, 1, 1, 1] } as const;
  const a = n.layer(image, { channels: 4, ...same });
  const b = n.add(a, n.layer(n.layer(a, { channels: 4, ...same }, -90), { channels: 4, ...same }));
  const beside = n.layer(b, { channels: 8, kernel: [1, 1], stride: [2, 2] });
  const inner = n.layer(b, { channels: 8, kernel: [3, 3], stride: [2, 2], pads: [0, 0, 1, 1] }, -100);
  const c = n.add(beside, n.layer(inner, { channels: 8, ...same }));
  const mean = n.emit('average_pool', [c], { ...pool2, kernel: [4, 4], stride: [4, 4] });
  const logits = n.rescale(n.dense(n.emit('reshape', [mean], { shape: [1, 8] }), 10), 8);
  return n.finish([n.softmax(logits)]);
};

/** As MLPerf Tiny's DS-CNN: products by channel and pointwise ones in turn. */
const separable = (): Program => {
  const n = new NetworkBuilder('separable', 3);
  const image = n.emit('reshape', [n.input([1, 13, 10, 1])], { shape: [1, 1, 13, 10] });
  let x = n.layer(image, { channels: 8, kernel: [5, 4], stride: [2, 2], pads: [2, 1, 2, 1] });
  for (const stride of [1, 2]) {
    x = n.layer(x, { channels: 8, kernel: [3, 3], stride: [stride, 1], pads: [1, 1, 1, 1], groups: 8 });
    x = n.layer(x, { channels: 8, kernel: [1, 1] }, -70);
  }
  const mean = n.emit('reduce_mean', [x], { axes: [2, 3], keep: true });
  return n.finish([n.rescale(n.dense(n.emit('reshape', [mean], { shape: [1, 8] }), 12), 8)]);
};

/** What networks have less often: u8, 6 bits, groups, dilation, means with padding, tables by channel, two results. */
const corners = (): Program => {
  const n = new NetworkBuilder('corners', 4);
  const a = n.layer(n.input([1, 4, 9, 7], 'u8'), { channels: 6, kernel: [3, 2], dilation: [2, 1], pads: [2, 1, 1, 0], groups: 2, bits: 6 });
  const odd = { kernel: [3, 3], stride: [2, 1], dilation: [1, 1], pads: [1, 1, 1, 0] } as const;
  const b = n.emit('average_pool', [a], { ...odd, include_pad: false });
  const c = n.emit('average_pool', [a], { ...odd, include_pad: true, pad_value: -9 });
  const table = n.builder.constant(n.numbers.tensor('i8', [6, 256], -128, 127));
  const scale = [20000, 14].map((v) => n.builder.constant({ dtype: 'i32', shape: [1], data: Int32Array.of(v) }));
  const d = n.add(
    n.emit('table', [b, table]),
    n.emit('rescale', [c, ...scale], { input_zero: -4, output_zero: 3, lo: -90, hi: 80, dtype: 'i8' }),
  );
  const e = n.emit('max_pool', [d], { kernel: [2, 3], stride: [1, 2], dilation: [1, 1], pads: [1, 1, 0, 1] });
  const sums = n.conv(e, { channels: 3, kernel: [2, 2], pads: [0, 0, 1, 1] });
  return n.finish([sums, n.emit('reduce_max', [e], { axes: [2, 3], keep: true })]);
};

/** One spatial dimension, more outputs than inputs by channel, rows of a dense layer. */
const line = (): Program => {
  const n = new NetworkBuilder('line', 5);
  const a = n.layer(n.input([1, 3, 20]), { channels: 6, kernel: [4], stride: [2], pads: [3, 1], groups: 3 });
  const b = n.rescale(n.conv(a, { channels: 6, kernel: [3], pads: [2, 2], dilation: [2], groups: 6 }), 3, 127, -128, 14);
  const c = n.emit('average_pool', [b], { kernel: [3], stride: [2], dilation: [1], pads: [0, 0] });
  const shape = n.shape(c);
  return n.finish([n.rescale(n.dense(n.emit('reshape', [c], { shape: [1, at(shape, 1) * at(shape, 2)] }), 7), 30)]);
};

/** Small networks that together have every stage and every parameter of them. */
export const NETWORKS = { lenet, residual, separable, corners, line } as const satisfies Readonly<Record<string, () => Program>>;
export type NetworkName = keyof typeof NETWORKS;
