import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRow, LayerTable } from '../../layer-graph.ts';
import { LayerNode } from '../../layer-node.ts';
import { span, textOf, wholeOf } from '../../tf-row.ts';
import { field, isObject, textField } from '../json.ts';
import { activationName } from './activation.ts';
import { filled, flagOf, weightHost } from './util.ts';

const KINDS = { SimpleRNN: 'rnn', LSTM: 'lstm', GRU: 'gru' } as const;
type Kind = (typeof KINDS)[keyof typeof KINDS];

/** Gates of Keras (LSTM i, f, c, o; GRU z, r, h) in the order of the op (i, o, f, c; z, r, h). */
const ORDER: Readonly<Record<Kind, readonly number[]>> = { rnn: [0], lstm: [0, 3, 1, 2], gru: [0, 1, 2] };

interface Chosen {
  readonly name: 'sigmoid' | 'tanh' | 'relu' | 'affine' | 'leaky_relu' | 'hard_sigmoid' | 'elu' | 'softsign' | 'softplus';
  readonly alpha: number;
  readonly beta: number;
}

const ACTIVATIONS: Readonly<Record<string, Chosen>> = {
  sigmoid: { name: 'sigmoid', alpha: 1, beta: 0 },
  tanh: { name: 'tanh', alpha: 1, beta: 0 },
  relu: { name: 'relu', alpha: 1, beta: 0 },
  linear: { name: 'affine', alpha: 1, beta: 0 },
  elu: { name: 'elu', alpha: 1, beta: 0 },
  softsign: { name: 'softsign', alpha: 1, beta: 0 },
  softplus: { name: 'softplus', alpha: 1, beta: 0 },
  leaky_relu: { name: 'leaky_relu', alpha: Math.fround(0.2), beta: 0 },
  hard_sigmoid: { name: 'hard_sigmoid', alpha: Math.fround(1 / 6), beta: 0.5 },
  'hard_sigmoid of Keras 2': { name: 'hard_sigmoid', alpha: Math.fround(0.2), beta: 0.5 },
};

const chosen = (n: LayerNode, key: string, fallback: string): Chosen => {
  const name = activationName(n, key, fallback);
  const found = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined;
  return found ?? n.refuse(`the activation ${name} of a recurrent layer is not supported`);
};

/** One direction of a layer, as its config says. */
interface Direction {
  readonly kind: Kind;
  readonly units: number;
  readonly bias: boolean;
  readonly f: Chosen;
  readonly g: Chosen;
  readonly resetAfter: boolean;
  readonly backwards: boolean;
  readonly sequences: boolean;
  readonly states: boolean;
  /** Before the names of its weights. */
  readonly prefix: string;
}

const directionOf = (n: LayerNode, kind: Kind, prefix = ''): Direction => {
  if (flagOf(n, 'stateful')) return n.refuse('stateful is set: a program keeps nothing from one run to the next');
  if (flagOf(n, 'time_major')) return n.refuse('time_major is set');
  // says what a masked step gives; masks are refused where they are made
  n.ignore('zero_output_for_mask', 'input_dim', 'keras');
  const activation = chosen(n, 'activation', 'tanh');
  return {
    kind,
    units: wholeOf(n, 'units'),
    bias: flagOf(n, 'use_bias', true),
    f: kind === 'rnn' ? activation : chosen(n, 'recurrent_activation', 'hard_sigmoid'),
    g: activation,
    resetAfter: kind === 'gru' && flagOf(n, 'reset_after'),
    backwards: flagOf(n, 'go_backwards'),
    sequences: flagOf(n, 'return_sequences'),
    states: flagOf(n, 'return_state'),
    prefix,
  };
};

/** A weight whose rows are the gates, in the order of the op: element (gate, unit, column) of [1, gates units, columns]. */
const gateRows = (n: LayerNode, d: Direction, key: string, columns: number): readonly number[] => {
  const gates = ORDER[d.kind];
  const width = gates.length * d.units;
  const { data } = weightHost(n, `${d.prefix}${key}`, [columns, width], 'weight');
  return gates.flatMap((gate) => span(0, d.units).flatMap((u) => span(0, columns).map((c) => data[c * width + gate * d.units + u] ?? 0)));
};

/** Bias of the inputs, then of the state: Keras has one, or with reset_after both. */
const biasOf = (n: LayerNode, d: Direction): readonly number[] => {
  const gates = ORDER[d.kind];
  const width = gates.length * d.units;
  if (!d.bias) return new Array<number>(2 * width).fill(0);
  const { data } = weightHost(n, `${d.prefix}bias`, d.resetAfter ? [2, width] : [width], 'shift');
  const part = (row: number): readonly number[] =>
    gates.flatMap((gate) => span(0, d.units).map((u) => data[row * width + gate * d.units + u] ?? 0));
  return [...part(0), ...(d.resetAfter ? part(1) : new Array<number>(width).fill(0))];
};

const constant = (n: LayerNode, name: string, shape: readonly number[], values: readonly number[]): ValueId =>
  n.session.constant(`${n.site.origin}/${name}`, n.made('float32', shape, (i) => at(values, i)).host);

/** Results of the op: all steps [batch, steps, directions, units], and the states [batch, directions, units]. */
interface Results {
  readonly y: ValueId;
  readonly states: readonly ValueId[];
}

const emitted = (n: LayerNode, directions: readonly Direction[], initial: readonly ValueId[]): Results => {
  const first = at(directions, 0);
  const { kind, units, f, g } = first;
  const [batch = 1, steps = 0, inputs = 0] =
    n.rank(0) === 3 ? n.shapeOf(0) : n.malformed(`the input has rank ${n.rank(0)}, but 3 is wanted`);
  if (units < 1 || steps < 1 || inputs < 1) return n.malformed(`it has ${units} units, ${steps} steps and ${inputs} features`);
  if (!n.session.take(elementCount([directions.length, 4, units, units + inputs])))
    return n.refuse('its weights are larger than the file justifies');
  const [count, gates] = [directions.length, ORDER[kind].length];
  const rows = (key: string, columns: number): ValueId =>
    constant(
      n,
      key,
      [count, gates * units, columns],
      directions.flatMap((d) => gateRows(n, d, key, columns)),
    );
  const weights = [rows('kernel', inputs), rows('recurrent_kernel', units)];
  const bias = constant(
    n,
    'bias',
    [count, 2 * gates * units],
    directions.flatMap((d) => biasOf(n, d)),
  );
  const states = span(0, kind === 'lstm' ? 2 : 1).map(
    (i) => initial[i] ?? filled(n, i === 0 ? 'initial_h' : 'initial_c', [batch, count, units], 0),
  );
  const direction = count === 2 ? 'bidirectional' : first.backwards ? 'reverse' : 'forward';
  const operands = [n.real(0), ...weights, bias, ...states];
  const common = { direction, batch_first: true, f: f.name, f_alpha: f.alpha, f_beta: f.beta } as const;
  const gated = { ...common, g: g.name, g_alpha: g.alpha, g_beta: g.beta } as const;
  const [y, ...last] =
    kind === 'rnn'
      ? n.emitAll('rnn', operands, common)
      : kind === 'gru'
        ? n.emitAll('gru', operands, { ...gated, linear_before_reset: first.resetAfter })
        : n.emitAll('lstm', operands, { ...gated, h: g.name, h_alpha: g.alpha, h_beta: g.beta });
  return {
    y: at(
      [y].flatMap((v) => (v === undefined ? [] : [v])),
      0,
    ),
    states: last,
  };
};

/** States that are given as inputs 1…: each [batch, units], `count` for each direction in turn. */
const initialStates = (n: LayerNode, kind: Kind, directions: number, units: number): readonly ValueId[] => {
  if (n.hasAttribute('call.mask')) return n.refuse('a mask leaves steps out at run time');
  n.ignore('call.initial_state');
  if (n.inputCount === 1) return [];
  const each = kind === 'lstm' ? 2 : 1;
  if (n.inputCount !== 1 + each * directions)
    return n.refuse(`it has ${n.inputCount} inputs; x and ${each * directions} states are supported`);
  const [batch = 1] = n.shapeOf(0);
  return span(0, each).map((s) => {
    const parts = span(0, directions).map((d) => n.reshape(n.real(1 + d * each + s), [batch, 1, units]));
    return parts.length === 1 ? at(parts, 0) : n.emit('concat', parts, { axis: 1 });
  });
};

/** Direction d of a value, without the dimension of directions. */
const directionAt = (n: LayerNode, v: ValueId, d: number, axis: number): ValueId => {
  const sizes = n.sizes(v);
  const part = at(n.emitAll('split', [v], { axis, sizes: new Array<number>(at(sizes, axis)).fill(1) }), d);
  return n.reshape(
    part,
    sizes.filter((_, i) => i !== axis),
  );
};

const oneWay = (n: LayerNode, d: Direction): readonly Made[] => {
  const { y, states } = emitted(n, [d], initialStates(n, d.kind, 1, d.units));
  const [batch = 1, steps = 1] = n.shapeOf(0);
  const flat = (v: ValueId): ValueId => n.reshape(v, [batch, d.units]);
  const sequence = (): ValueId => {
    const inOrder = n.reshape(y, [batch, steps, d.units]);
    // Keras lists the steps as they were done; the op in the order of the input
    return d.backwards ? n.emit('flip', [inOrder], { axes: [1] }) : inOrder;
  };
  const result = d.sequences ? sequence() : flat(at(states, 0));
  return d.states ? [result, ...states.map(flat)] : [result];
};

/** The node of a layer that a wrapper holds, on the inputs of the wrapper. */
const innerNode = (n: LayerNode, key: string): { readonly node: LayerNode; readonly kind: Kind } => {
  const layer = n.attribute(key);
  const className = textField(layer, 'class_name') ?? '';
  const kind = Object.hasOwn(KINDS, className) ? KINDS[className as keyof typeof KINDS] : n.refuse(`${key} is ${className}`);
  const config = field(layer, 'config');
  const ignored =
    /^(name|trainable|dtype|seed|implementation|unroll|dropout|recurrent_dropout|unit_forget_bias|batch_input_shape|batch_shape|input_length)$|_(initializer|regularizer|constraint)$/;
  const entries = Object.entries(isObject(config) ? config : {}).filter(([k, v]) => v !== null && !ignored.test(k));
  const attributes = new Map<string, unknown>([...entries, ['keras', n.attribute('keras')]]);
  return { kind, node: new LayerNode({ ...n.site, op: `${n.op} of ${className}`, attributes }, n.session) };
};

const wrapped = (n: LayerNode, key: string, prefix: string): Direction => {
  const { node, kind } = innerNode(n, key);
  const direction = directionOf(node, kind, prefix);
  const [unread] = node.unread();
  return unread === undefined ? direction : n.refuse(unread.message);
};

/** How the two directions become one. */
const mergedBy = (n: LayerNode, mode: string, forward: ValueId, backward: ValueId): ValueId => {
  switch (mode) {
    case 'sum':
      return n.emit('add', [forward, backward], {});
    case 'mul':
      return n.emit('mul', [forward, backward], {});
    case 'ave':
      return n.emit('mul', [n.emit('add', [forward, backward], {}), n.scalar(0.5)], {});
    default:
      return n.refuse(`merge_mode is ${mode}`);
  }
};

const same = (a: Direction, b: Direction): boolean =>
  JSON.stringify({ ...a, backwards: false, prefix: '' }) === JSON.stringify({ ...b, backwards: false, prefix: '' });

const bidirectional = (n: LayerNode): readonly Made[] => {
  n.ignore('return_sequences', 'return_state', 'stateful', 'zero_output_for_mask', 'input_dim');
  const forward = wrapped(n, 'layer', 'forward/');
  const backward = n.hasAttribute('backward_layer')
    ? wrapped(n, 'backward_layer', 'backward/')
    : { ...forward, backwards: !forward.backwards, prefix: 'backward/' };
  if (!same(forward, backward) || forward.backwards || !backward.backwards) return n.refuse('its two directions are not of one kind');
  // null is left out of the attributes; Keras writes the default, which is concat
  const mode = textOf(n, 'merge_mode', 'none');
  const { y, states } = emitted(n, [forward, backward], initialStates(n, forward.kind, 2, forward.units));
  const [batch = 1, steps = 1] = n.shapeOf(0);
  const source = forward.sequences ? y : at(states, 0);
  const axis = forward.sequences ? 2 : 1;
  const results = (): readonly ValueId[] => {
    if (mode === 'concat') return [n.reshape(source, [batch, ...(forward.sequences ? [steps] : []), 2 * forward.units])];
    const [ahead, back] = [directionAt(n, source, 0, axis), directionAt(n, source, 1, axis)];
    return mode === 'none' ? [ahead, back] : [mergedBy(n, mode, ahead, back)];
  };
  const all = results();
  return forward.states ? [...all, ...[0, 1].flatMap((d) => states.map((s) => directionAt(n, s, d, 1)))] : all;
};

/** The layer RNN of a cell of Keras: the arguments of the cell and those of the layer are those of one layer. */
const withCell = (n: LayerNode): readonly Made[] => {
  const cell = n.attribute('cell');
  const className = (textField(cell, 'class_name') ?? '').replace(/Cell$/, '');
  if (!Object.hasOwn(KINDS, className)) return n.refuse(`its cell is ${textField(cell, 'class_name') ?? 'missing'}`);
  const config = field(cell, 'config');
  const layer = {
    class_name: className,
    config: {
      ...(isObject(config) ? config : {}),
      ...Object.fromEntries([...n.site.attributes].filter(([k]) => k !== 'cell' && !k.startsWith('call.'))),
    },
  };
  for (const key of n.site.attributes.keys()) if (key !== 'cell' && !key.startsWith('call.')) n.ignore(key);
  const outer = new LayerNode(
    {
      ...n.site,
      attributes: new Map<string, unknown>([
        ['layer', layer],
        ['keras', n.attribute('keras')],
      ]),
    },
    n.session,
  );
  return oneWay(n, wrapped(outer, 'layer', ''));
};

const simple = (kind: Kind): LayerRow => ({ import: (n) => oneWay(n, directionOf(n, kind)) });

export const recurrentLayers = {
  SimpleRNN: simple('rnn'),
  LSTM: simple('lstm'),
  GRU: simple('gru'),
  RNN: { import: withCell },
  Bidirectional: { import: bidirectional },
} as const satisfies LayerTable;
