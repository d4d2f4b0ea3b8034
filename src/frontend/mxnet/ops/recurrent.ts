import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { HostTensor } from '../../host-tensor.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, int, optionalFloat, optionalInt, word } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { span } from './util.ts';

/** The gates as they stand in the file, and the places in which the program wants them. */
const MODES = {
  rnn_relu: { op: 'rnn', order: [0] },
  rnn_tanh: { op: 'rnn', order: [0] },
  // i f c o to i o f c
  lstm: { op: 'lstm', order: [0, 3, 1, 2] },
  // r z n to z r n
  gru: { op: 'gru', order: [1, 0, 2] },
} as const;

interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
  readonly layers: number;
  readonly directions: number;
  readonly gates: number;
}

/** Elements of the vector of parameters: the weights of every layer and direction, then all biases. */
const parameterCount = ({ inputs, hidden, layers, directions, gates }: Sizes): number => {
  const rest = layers - 1;
  const weights = gates * hidden * (inputs + hidden + rest * (hidden * directions + hidden));
  return directions * (weights + layers * 2 * gates * hidden);
};

const gated = (data: HostTensor['data'], start: number, width: number, hidden: number, order: readonly number[]): Float32Array => {
  const out = new Float32Array(order.length * hidden * width);
  order.forEach((gate, i) =>
    out.set(data.subarray(start + gate * hidden * width, start + (gate + 1) * hidden * width), i * hidden * width),
  );
  return out;
};

/** w, r and bias of one layer: the directions are dimension 0. */
const layerWeights = (n: LayerNode, host: HostTensor, layer: number, s: Sizes, order: readonly number[]): readonly ValueId[] => {
  const { hidden, directions, gates, layers } = s;
  const wide = gates * hidden;
  const widthOf = (l: number): number => (l === 0 ? s.inputs : hidden * directions);
  const before = span(0, layer).reduce((sum, l) => sum + directions * wide * (widthOf(l) + hidden), 0);
  const weightCount = span(0, layers).reduce((sum, l) => sum + directions * wide * (widthOf(l) + hidden), 0);
  const width = widthOf(layer);
  const [w, r, b] = [
    new Float32Array(directions * wide * width),
    new Float32Array(directions * wide * hidden),
    new Float32Array(directions * 2 * wide),
  ];
  for (let d = 0; d < directions; d++) {
    const start = before + d * wide * (width + hidden);
    w.set(gated(host.data, start, width, hidden, order), d * wide * width);
    r.set(gated(host.data, start + wide * width, hidden, hidden, order), d * wide * hidden);
    const bias = weightCount + (layer * directions + d) * 2 * wide;
    b.set(gated(host.data, bias, 1, hidden, order), d * 2 * wide);
    b.set(gated(host.data, bias + wide, 1, hidden, order), d * 2 * wide + wide);
  }
  const constant = (what: string, shape: readonly number[], data: Float32Array): ValueId =>
    n.session.constant(`${n.site.origin}_l${layer}_${what}`, { elem: 'float32', shape, data });
  return [
    constant('i2h_weight', [directions, wide, width], w),
    constant('h2h_weight', [directions, wide, hidden], r),
    constant('bias', [directions, 2 * wide], b),
  ];
};

/** The first state of a layer; zeros where the file has a tensor of an unknown batch, as begin_state makes it. */
const stateOf = (n: LayerNode, i: number, layer: number, { batch, hidden, directions, layers }: Sizes): ValueId => {
  const value = n.site.inputs[i];
  const shape = [directions, batch, hidden];
  const count = elementCount(shape);
  if (value === undefined || value.known === 'open' || elementCount(value.shape) === 0)
    return n.session.constant(`${n.site.origin}_state`, { elem: 'float32', shape, data: new Float32Array(count) });
  if (elementCount(value.shape) !== layers * count) return n.malformed(`input ${i} is [${value.shape.join(', ')}]`);
  if (layers === 1) return n.real(i);
  return n.emit('slice', [n.real(i)], { starts: [layer * directions, 0, 0], sizes: [directions, -1, -1], steps: [1, 1, 1] });
};

/** [T, D, B, H] to [T, B, D H]. */
const joined = (n: LayerNode, y: ValueId, { steps, batch, hidden, directions }: Sizes): ValueId =>
  directions === 1
    ? n.reshape(y, [steps, batch, hidden])
    : n.reshape(n.emit('transpose', [y], { perm: [0, 2, 1, 3] }), [steps, batch, directions * hidden]);

const emitLayer = (n: LayerNode, mode: keyof typeof MODES, operands: readonly ValueId[], direction: 'forward' | 'bidirectional') => {
  switch (mode) {
    case 'lstm':
      return n.emitAll('lstm', operands, { direction });
    case 'gru':
      return n.emitAll('gru', operands, { direction, linear_before_reset: true });
    case 'rnn_relu':
    case 'rnn_tanh':
      return n.emitAll('rnn', operands, { direction, f: mode === 'rnn_relu' ? 'relu' : 'tanh' });
    default:
      return mode satisfies never;
  }
};

const rnn = (n: LayerNode): readonly Made[] => {
  n.ignore('p', 'lstm_state_clip_nan', 'state_outputs');
  const mode = word(n, 'mode', ['rnn_relu', 'rnn_tanh', 'lstm', 'gru']);
  if (optionalInt(n, 'projection_size') !== undefined) return n.refuse('projection_size is given');
  if ([optionalFloat(n, 'lstm_state_clip_min'), optionalFloat(n, 'lstm_state_clip_max')].some((v) => v !== undefined))
    return n.refuse('lstm_state_clip is given');
  if (bool(n, 'use_sequence_length', false)) return n.refuse('use_sequence_length is True');
  const [steps = 0, batch = 0, inputs = 0] = n.shapeOf(0);
  if (n.rank(0) !== 3) return n.malformed(`the input is [${n.shapeOf(0).join(', ')}], but [time, batch, inputs] is wanted`);
  const { order } = MODES[mode];
  const [hidden, layers] = [int(n, 'state_size'), int(n, 'num_layers')];
  if (hidden < 1 || layers < 1 || layers > 1024) return n.malformed(`state_size is ${hidden}, num_layers ${layers}`);
  const directions = bool(n, 'bidirectional', false) ? 2 : 1;
  const sizes: Sizes = { steps, batch, inputs, hidden, layers, directions, gates: order.length };
  const host = parametersOf(n, parameterCount(sizes));
  let x = n.real(0);
  const finals: (readonly ValueId[])[] = [];
  for (const layer of span(0, layers)) {
    const states = span(2, mode === 'lstm' ? 4 : 3).map((i) => stateOf(n, i, layer, sizes));
    const operands = [x, ...layerWeights(n, host, layer, sizes, order), ...states];
    const [y, ...last] = emitLayer(n, mode, operands, directions === 2 ? 'bidirectional' : 'forward');
    x = joined(n, y ?? n.malformed('it has no result'), sizes);
    finals.push(last);
  }
  const states = span(0, mode === 'lstm' ? 2 : 1).map((k) => {
    const parts = finals.map((f) => at(f, k));
    return parts.length === 1 ? at(parts, 0) : n.emit('concat', parts, { axis: 0 });
  });
  return [x, ...states];
};

/** The vector of parameters, which has to be known: it is cut into layers at import. */
const parametersOf = (n: LayerNode, count: number): HostTensor => {
  const value = n.site.inputs[1];
  if (value?.known === 'open') return n.storedHost(value.name, [count], 'weight', Math.ceil(Math.sqrt(count)));
  const host = n.host(1, 'the parameters');
  return host.data.length === count ? host : n.malformed(`there are ${host.data.length} parameters, but ${count} are wanted`);
};

export const recurrent = {
  RNN: { parameters: [1], import: rnn, never: 'folded' },
} as const satisfies MxTable;
