import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { HostTensor } from '../../host-tensor.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { flag, span, tensor, tensors, whole } from '../args.ts';

interface Kind {
  readonly op: 'lstm' | 'gru' | 'rnn';
  /** Gate k of the program is gate order[k] of torch. */
  readonly order: readonly number[];
  readonly activation?: 'tanh' | 'relu';
}
/** torch: i, f, g, o; the program: i, o, f, g. torch: r, z, n; the program: z, r, n. */
const LSTM: Kind = { op: 'lstm', order: [0, 3, 1, 2] };
const GRU: Kind = { op: 'gru', order: [1, 0, 2] };

/** The gates of stored weights in another order, one direction behind the other, in front of which stands the direction. */
const joined = (n: LayerNode, kind: Kind, list: readonly number[]): ValueId => {
  const hosts = list.map((i) => n.host(i, 'the weights'));
  const [head] = hosts;
  if (head === undefined || hosts.some((h) => h.shape.join() !== head.shape.join()))
    return n.malformed('the weights of the directions have different shapes');
  const size = head.data.length / kind.order.length;
  if (!Number.isInteger(size) || !n.session.take(head.data.length * hosts.length))
    return n.malformed(`the weights are [${head.shape.join(', ')}]`);
  const data = new Float32Array(head.data.length * hosts.length);
  hosts.forEach((h, d) => kind.order.forEach((g, k) => data.set(h.data.subarray(g * size, (g + 1) * size), d * h.data.length + k * size)));
  const made: HostTensor = { elem: 'float32', shape: [hosts.length, ...head.shape], data };
  return n.session.constant(n.input(at(list, 0)).name, made);
};

/** Biases of x and of h of each direction, side by side. */
const biasOf = (n: LayerNode, kind: Kind, pairs: readonly (readonly number[])[], gates: number): ValueId => {
  if (pairs.some((p) => p.length === 0)) {
    const shape = [pairs.length, 2 * gates];
    return n.session.param('zeros', { dtype: 'f32', shape, data: new Float32Array(elementCount(shape)) });
  }
  const halves = [0, 1].map((k) =>
    joined(
      n,
      kind,
      pairs.map((p) => at(p, k)),
    ),
  );
  return n.emit('concat', halves, { axis: 1 });
};

/**
 * Layers one on the other. Weights stand layer by layer, direction by direction: of x, of h, and with biases those of x and of h. A
 * state is [layers directions, batch, hidden].
 */
const recurrent =
  (kind: Kind) =>
  (n: LayerNode): readonly Made[] => {
    n.ignore('dropout');
    if (flag(n, 'train')) return n.refuse('train is set', ['Export the model for inference: model.eval().']);
    const [layers, hasBias, two, batchFirst] = [
      whole(n, 'num_layers'),
      flag(n, 'has_biases'),
      flag(n, 'bidirectional'),
      flag(n, 'batch_first'),
    ];
    const x = tensor(n, 'input');
    const params = tensors(n, 'params');
    const states = kind.op === 'lstm' ? tensors(n, 'hx') : [tensor(n, 'hx')];
    const directions = two ? 2 : 1;
    const each = hasBias ? 4 : 2;
    if (n.rank(x) !== 3) return n.refuse(`the input has rank ${n.rank(x)}, but a batch of sequences is wanted`);
    if (layers < 1 || layers > 64 || params.length !== layers * directions * each)
      return n.refuse(`there are ${params.length} weights for ${layers} layers (projections are not supported)`);
    const stateParts = states.map((s) =>
      layers === 1 ? [n.real(s)] : n.emitAll('split', [n.real(s)], { axis: 0, sizes: span(0, layers).map(() => directions) }),
    );
    let value = n.real(x);
    const last: ValueId[][] = states.map(() => []);
    for (const l of span(0, layers)) {
      const own = span(0, directions).map((d) => params.slice((l * directions + d) * each, (l * directions + d + 1) * each));
      const gates = n.shapeOf(at(at(own, 0), 0))[0] ?? 0;
      const weights = [0, 1].map((k) =>
        joined(
          n,
          kind,
          own.map((p) => at(p, k)),
        ),
      );
      const bias = biasOf(
        n,
        kind,
        own.map((p) => p.slice(2)),
        gates,
      );
      // states of torch have the layer in front with batch_first too
      const given = stateParts.map((parts) => (batchFirst ? n.emit('transpose', [at(parts, l)], { perm: [1, 0, 2] }) : at(parts, l)));
      const operands = [value, ...weights, bias, ...given];
      const common = { direction: two ? ('bidirectional' as const) : ('forward' as const), batch_first: batchFirst };
      const results =
        kind.op === 'lstm'
          ? n.emitAll('lstm', operands, common)
          : kind.op === 'gru'
            ? n.emitAll('gru', operands, { ...common, linear_before_reset: true })
            : n.emitAll('rnn', operands, { ...common, f: kind.activation ?? 'tanh' });
      const y = at(results, 0);
      const sizes = n.sizes(y);
      const [a, b, c, hidden] = [at(sizes, 0), at(sizes, 1), at(sizes, 2), at(sizes, 3)];
      value = batchFirst
        ? n.reshape(y, [a, b, c * hidden])
        : n.reshape(directions === 1 ? y : n.emit('transpose', [y], { perm: [0, 2, 1, 3] }), [a, c, b * hidden]);
      states.forEach((_, k) => {
        const state = at(results, k + 1);
        last[k]?.push(batchFirst ? n.emit('transpose', [state], { perm: [1, 0, 2] }) : state);
      });
    }
    return [value, ...last.map((parts) => (parts.length === 1 ? at(parts, 0) : n.emit('concat', parts, { axis: 0 })))];
  };

export const recurrentRows = {
  'aten.lstm': { import: recurrent(LSTM) },
  'aten.gru': { import: recurrent(GRU) },
  'aten.rnn_tanh': { import: recurrent({ op: 'rnn', order: [0], activation: 'tanh' }) },
  'aten.rnn_relu': { import: recurrent({ op: 'rnn', order: [0], activation: 'relu' }) },
} as const satisfies LayerTable;
