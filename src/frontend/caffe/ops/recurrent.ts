import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type HostTensor, makeHost } from '../../host-tensor.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { blobHosts, type BlobSpec, flagOf, ignoreTraining, span, wholeOf } from './attributes.ts';

/**
 * recurrent_layer.cpp: inputs x [T, N, …] and cont [T, N], which is 0 where a sequence begins and else 1; the state before a step is
 * multiplied by it. With expose_hidden the first states come in and the last go out.
 */
interface Sequence {
  readonly steps: number;
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
  /** [T, N, inputs] */
  readonly x: ValueId;
  readonly exposes: boolean;
}

const sequenceOf = (n: LayerNode, states: number): Sequence => {
  const G = 'recurrent_param';
  ignoreTraining(n, G);
  n.ignore(`${G}.debug_info`);
  const exposes = flagOf(n, `${G}.expose_hidden`, false);
  const [steps = 0, batch = 0, ...rest] = n.shapeOf(0);
  if (n.rank(0) < 3 || steps < 1 || n.shapeOf(1).join() !== `${steps},${batch}`)
    return n.malformed(`the input is [${n.shapeOf(0).join(', ')}], the continuations are [${n.shapeOf(1).join(', ')}]`);
  if (n.inputCount !== 2 + (exposes ? states : 0)) return n.refuse(`it has ${n.inputCount} inputs: a static input is not supported`);
  const inputs = rest.reduce((a, b) => a * b, 1);
  const x = rest.length === 1 ? n.real(0) : n.reshape(n.real(0), [steps, batch, inputs]);
  return { steps, batch, inputs, hidden: wholeOf(n, `${G}.num_output`), x, exposes };
};

const zeros = (n: LayerNode, shape: readonly number[]): ValueId =>
  n.session.constant(`${n.site.origin}.state`, n.made('float32', shape, () => 0).host);
const initial = (n: LayerNode, s: Sequence, k: number): ValueId =>
  s.exposes ? n.reshape(n.real(2 + k), [s.batch, s.hidden]) : zeros(n, [s.batch, s.hidden]);

const step = (n: LayerNode, x: ValueId, t: number): ValueId => {
  const [, ...rest] = n.sizes(x);
  return n.reshape(
    n.emit('slice', [x], { starts: [t, ...rest.map(() => 0)], sizes: [1, ...rest.map(() => -1)], steps: [1, ...rest.map(() => 1)] }),
    rest,
  );
};

/** Continuations of each step as [N, 1]; undefined: 1 everywhere, or states of 0 that nothing is carried into. */
const gates = (n: LayerNode, s: Sequence): ((t: number) => ValueId | undefined) => {
  const { host } = n.input(1);
  if (host !== undefined) {
    const rest = host.data.subarray(s.batch);
    const first = host.data.subarray(0, s.batch);
    if (rest.every((v) => v === 1) && (!s.exposes || first.every((v) => v === 1))) return () => undefined;
  }
  const cont = n.real(1);
  return (t) => n.reshape(step(n, cont, t), [s.batch, 1]);
};
const gated = (n: LayerNode, state: ValueId, gate: ValueId | undefined): ValueId =>
  gate === undefined ? state : n.emit('mul', [gate, state], {});

const joined = (n: LayerNode, steps: readonly ValueId[], s: Sequence): ValueId => {
  const rows = steps.map((h) => n.reshape(h, [1, s.batch, s.hidden]));
  return rows.length === 1 ? at(rows, 0) : n.emit('concat', rows, { axis: 0 });
};

/** The blocks of rows of a host tensor in another order. */
const reordered = (n: LayerNode, host: HostTensor, order: readonly number[]): HostTensor => {
  if (!n.session.take(host.data.length)) return n.refuse('its weights are too many');
  const block = host.data.length / order.length;
  const data = makeHost(host.elem, host.data.length);
  order.forEach((from, k) => data.set(host.data.subarray(from * block, (from + 1) * block), k * block));
  return { ...host, data };
};

const constant = (n: LayerNode, name: string, host: HostTensor, shape: readonly number[] = host.shape): ValueId =>
  n.session.constant(`${n.site.origin}.${name}`, host, shape);

const lstmSpecs = (s: Sequence): readonly BlobSpec[] => [
  { shape: [4 * s.hidden, s.inputs], role: 'weight', fanIn: s.inputs },
  { shape: [4 * s.hidden], role: 'shift' },
  { shape: [4 * s.hidden, s.hidden], role: 'weight', fanIn: s.hidden },
];

/** Gates stand in the order i, f, o, g in files, and i, o, f, g in the program. */
const ORDER = [0, 2, 1, 3] as const;

const lstmWhole = (n: LayerNode, s: Sequence, hosts: readonly HostTensor[]): readonly Made[] => {
  const [w, b, r] = hosts.map((host) => reordered(n, host, ORDER));
  if (w === undefined || b === undefined || r === undefined) return n.malformed('it has no weights');
  const bias = makeHost('float32', 8 * s.hidden);
  bias.set(b.data);
  const state = [1, s.batch, s.hidden];
  const first = (k: number): ValueId => (s.exposes ? n.real(2 + k) : zeros(n, state));
  const [y, h, c] = n.emitAll(
    'lstm',
    [
      s.x,
      constant(n, 'input_weight', w, [1, ...w.shape]),
      constant(n, 'hidden_weight', r, [1, ...r.shape]),
      constant(n, 'bias', { elem: 'float32', shape: [1, 8 * s.hidden], data: bias }),
      first(0),
      first(1),
    ],
    {},
  );
  if (y === undefined || h === undefined || c === undefined) return n.malformed('it has no result');
  const whole = n.reshape(y, [s.steps, s.batch, s.hidden]);
  return s.exposes ? [whole, h, c] : [whole];
};

const lstm = (n: LayerNode): readonly Made[] => {
  const s = sequenceOf(n, 2);
  const gate = gates(n, s);
  const hosts = blobHosts(n, lstmSpecs(s));
  const isWhole = gate(0) === undefined;
  if (isWhole) return lstmWhole(n, s, hosts);
  const [w, b, r] = hosts.map((host, k) => constant(n, ['input_weight', 'bias', 'hidden_weight'][k] ?? '', host));
  if (w === undefined || b === undefined || r === undefined) return n.malformed('it has no weights');
  const all = n.emit('dense', [s.x, w, b], {});
  let [h, c] = [initial(n, s, 0), initial(n, s, 1)];
  const out: ValueId[] = [];
  for (let t = 0; t < s.steps; t++) {
    const cont = gate(t);
    const sums = n.emit('add', [step(n, all, t), n.emit('dense', [gated(n, h, cont), r], {})], {});
    const parts = n.emitAll('split', [sums], { axis: 1, sizes: span(0, 4).map(() => s.hidden) });
    const [i, f, o] = span(0, 3).map((k) => n.emit('sigmoid', [at(parts, k)], {}));
    const g = n.emit('tanh', [at(parts, 3)], {});
    if (i === undefined || f === undefined || o === undefined) return n.malformed('it has no gates');
    c = n.emit('add', [n.emit('mul', [gated(n, f, cont), c], {}), n.emit('mul', [i, g], {})], {});
    h = n.emit('mul', [o, n.emit('tanh', [c], {})], {});
    out.push(h);
  }
  const last = [h, c].map((v) => n.reshape(v, [1, s.batch, s.hidden]));
  return s.exposes ? [joined(n, out, s), ...last] : [joined(n, out, s)];
};

/** h = tanh(W_hh h + W_xh x + b_h), o = tanh(W_ho h + b_o): the outputs have as many entries as the state. */
const rnn = (n: LayerNode): readonly Made[] => {
  const s = sequenceOf(n, 1);
  const gate = gates(n, s);
  const square: BlobSpec = { shape: [s.hidden, s.hidden], role: 'weight', fanIn: s.hidden };
  const names = ['input_weight', 'hidden_bias', 'hidden_weight', 'output_weight', 'output_bias'] as const;
  const hosts = blobHosts(n, [
    { shape: [s.hidden, s.inputs], role: 'weight', fanIn: s.inputs },
    { shape: [s.hidden], role: 'shift' },
    square,
    square,
    { shape: [s.hidden], role: 'shift' },
  ]);
  const [wx, bh, wh, wo, bo] = hosts.map((host, k) => constant(n, at(names, k), host));
  if (wx === undefined || bh === undefined || wh === undefined || wo === undefined || bo === undefined)
    return n.malformed('it has no weights');
  const all = n.emit('dense', [s.x, wx, bh], {});
  let h = initial(n, s, 0);
  const out: ValueId[] = [];
  for (let t = 0; t < s.steps; t++) {
    h = n.emit('tanh', [n.emit('add', [n.emit('dense', [gated(n, h, gate(t)), wh], {}), step(n, all, t)], {})], {});
    out.push(n.emit('tanh', [n.emit('dense', [h, wo, bo], {})], {}));
  }
  return s.exposes ? [joined(n, out, s), n.reshape(h, [1, s.batch, s.hidden])] : [joined(n, out, s)];
};

export const recurrent = {
  LSTM: { import: lstm },
  RNN: { import: rnn },
} as const satisfies LayerTable;
