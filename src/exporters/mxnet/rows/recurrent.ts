import type { OpNode, Tensor } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type Made, type MxGraph, type Ref, refuse } from '../graph.ts';
import { reshaped } from './shape.ts';
import type { Rows } from './row.ts';

type Layer = 'rnn' | 'lstm' | 'gru';

/** For each gate of MXNet, its place in the program: i f c o of i o f c, r z n of z r n. */
const ORDER: Readonly<Record<Layer, readonly number[]>> = { rnn: [0], lstm: [0, 2, 3, 1], gru: [1, 0, 2] };

const weightOf = (g: MxGraph, value: OpNode<Layer>['operands'][number] | undefined): Tensor =>
  (value === undefined ? undefined : g.tensor(value)) ?? refuse('the weights have to be parameters');

/** All weights, direction by direction, then all biases, in one vector. */
const parameters = (g: MxGraph, node: OpNode<Layer>): Tensor => {
  const [, w, r, b] = node.operands.map((v) => v);
  const [input, state, bias] = [weightOf(g, w), weightOf(g, r), weightOf(g, b)];
  const [directions = 1, wide = 0, inputs = 0] = input.shape;
  const order = ORDER[node.op];
  const hidden = wide / order.length;
  const out = new Float32Array(input.data.length + state.data.length + bias.data.length);
  let place = 0;
  const copy = (from: Tensor, start: number, width: number): void => {
    for (const gate of order) {
      const begin = start + gate * hidden * width;
      out.set(from.data.subarray(begin, begin + hidden * width), place);
      place += hidden * width;
    }
  };
  for (let d = 0; d < directions; d++) {
    copy(input, d * wide * inputs, inputs);
    copy(state, d * wide * hidden, hidden);
  }
  for (let d = 0; d < directions; d++) {
    copy(bias, d * 2 * wide, 1);
    copy(bias, d * 2 * wide + wide, 1);
  }
  return { dtype: 'f32', shape: [out.length], data: out };
};

const layer = (g: MxGraph, node: OpNode<Layer>): Made => {
  const [x] = node.operands;
  const states: readonly Ref[] = node.operands.slice(4, node.op === 'lstm' ? 6 : 5).map((v) => g.x(v));
  const [steps = 0, directions = 0, batch = 0, hidden = 0] = g.sizes(at(node.results, 0));
  const vector = g.constant(`${node.origin ?? node.op}_parameters`, parameters(g, node));
  const mode = node.op === 'rnn' ? `rnn_${node.attrs.f}` : node.op;
  const { node: made } = g.op('RNN', [g.x(x), vector, ...states], {
    state_size: hidden,
    num_layers: 1,
    bidirectional: directions === 2,
    mode,
    state_outputs: true,
  });
  const y = { node: made, output: 0 };
  const split =
    directions === 1
      ? reshaped(g, y, [steps, 1, batch, hidden])
      : g.op('transpose', [reshaped(g, y, [steps, batch, directions, hidden])], { axes: [0, 2, 1, 3] });
  return [split, ...node.results.slice(1).map((_, i) => ({ node: made, output: i + 1 }))];
};

export const recurrentRows = { rnn: layer, lstm: layer, gru: layer } as const satisfies Rows;
