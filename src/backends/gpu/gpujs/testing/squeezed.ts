import { Philox, type Program, ProgramBuilder, randomTensor, type ValueId } from '../../../../ir/index.ts';

/**
 * A network in the manner of SqueezeNet (Iandola et al. 2016): fire modules, whose squeezed image two convolutions expand side by side, a residual sum,
 * pools, more branches than a kernel reads arrays, and the mean of all positions as scores.
 */
export const squeezed = (): Program => {
  const random = new Philox(11);
  const b = new ProgramBuilder('squeezed');
  const conv = (x: ValueId, inputs: number, outputs: number, kernel: number, stride = 1): ValueId => {
    const weights = b.constant(randomTensor({ dtype: 'i8', shape: [outputs, inputs, kernel, kernel] }, random));
    const bias = b.constant({ dtype: 'i32', shape: [outputs], data: Int32Array.from({ length: outputs }, (_, i) => i * 9973 - 40_000) });
    const pad = (kernel - 1) / 2;
    const window = { stride: [stride, stride], dilation: [1, 1], pads: [pad, pad, pad, pad], groups: 1, pad_value: -5 };
    const sum = b.emit('conv', [x, weights, bias], window);
    const multipliers = b.constant({
      dtype: 'i32',
      shape: [outputs],
      data: Int32Array.from({ length: outputs }, (_, i) => 16_384 + i * 211),
    });
    const bits = Math.round(Math.log2(inputs * kernel * kernel) / 2);
    const shifts = b.constant({
      dtype: 'i32',
      shape: [outputs],
      data: Int32Array.from({ length: outputs }, (_, i) => 20 + bits + (i % 2)),
    });
    return b.emit('rescale', [sum, multipliers, shifts], { dtype: 'i8', output_zero: -5, lo: -5, hi: 127 });
  };
  const fire = (x: ValueId, inputs: number, squeeze: number, expand: number): ValueId => {
    const s = conv(x, inputs, squeeze, 1);
    return b.emit('concat', [conv(s, squeeze, expand, 1), conv(s, squeeze, expand, 3)], { axis: 1 });
  };
  const pool = { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pads: [0, 0, 0, 0] };
  const x = b.input('image', { dtype: 'i8', shape: [2, 3, 33, 33] });
  const first = b.emit('max_pool', [conv(x, 3, 16, 3, 2)], pool);
  const second = fire(first, 16, 8, 16);
  const third = fire(second, 32, 8, 16);
  const sum = b.emit('add_rescale', [second, third], { multipliers: [700_000, 900_000], zeros: [-5, -5], shift: 20, output_zero: -5 });
  const branches = Array.from({ length: 9 }, () => conv(sum, 32, 4, 1));
  const joined = b.emit('concat', branches, { axis: 1 });
  const scores = b.emit('reduce_mean', [conv(joined, 36, 10, 1)], { axes: [2, 3] });
  b.output('scores', scores);
  b.output('best', b.emit('argmax', [scores], { axis: 1 }));
  return b.finish();
};
