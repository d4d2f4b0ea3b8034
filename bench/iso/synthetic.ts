import { Philox, type Program, ProgramBuilder, randomTensor, type ValueId } from '../../src/ir/index.ts';
import { at } from '../../src/support/index.ts';
import { put } from './edit.ts';

const conv = (b: ProgramBuilder, x: ValueId, name: string, seed: number, channels = 4): ValueId => {
  const w = b.param(name, randomTensor({ dtype: 'f32', shape: [channels, channels, 1, 1] }, new Philox(seed), -1, 1));
  return put(b, 'conv', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0] });
};

/** A residual network of about `nodes` nodes. */
export const deepNetwork = (nodes: number, prefix: string): Program => {
  const b = new ProgramBuilder('deep');
  let x = b.input('x', { dtype: 'f32', shape: [1, 4, 8, 8] });
  for (let i = 0; i < Math.ceil(nodes / 5); i++) {
    const inner = conv(b, put(b, 'relu', [conv(b, x, `${prefix}${i}.a`, 2 * i)]), `${prefix}${i}.b`, 2 * i + 1);
    x = put(b, 'relu', [put(b, 'add', [x, inner])]);
  }
  b.output('y', x);
  return b.finish();
};

/** Towers of one structure side by side, summed in the given order. */
export const towers = (order: readonly number[], prefix: string): Program => {
  const b = new ProgramBuilder('towers');
  const x = b.input('x', { dtype: 'f32', shape: [1, 4, 8, 8] });
  const outputs = order.map((i) => conv(b, put(b, 'relu', [conv(b, x, `${prefix}${i}.a`, 2 * i)]), `${prefix}${i}.b`, 2 * i + 1));
  let sum = at(outputs, 0);
  for (const o of outputs.slice(1)) sum = put(b, 'add', [sum, o]);
  b.output('y', sum);
  return b.finish();
};
