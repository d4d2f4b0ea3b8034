import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { elemOf } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { floatWire, span } from './util.ts';

type RecurrentOp = 'rnn' | 'lstm' | 'gru';

/** What an activation takes, with the defaults of the ONNX operator of that name; `null`: it has to be given. */
interface ActivationRow {
  readonly name:
    | 'sigmoid'
    | 'tanh'
    | 'relu'
    | 'affine'
    | 'leaky_relu'
    | 'thresholded_relu'
    | 'scaled_tanh'
    | 'hard_sigmoid'
    | 'elu'
    | 'softsign'
    | 'softplus';
  readonly alpha?: number | null;
  readonly beta?: number | null;
}

const ACTIVATIONS: ReadonlyMap<string, ActivationRow> = new Map<string, ActivationRow>([
  ['sigmoid', { name: 'sigmoid' }],
  ['tanh', { name: 'tanh' }],
  ['relu', { name: 'relu' }],
  ['affine', { name: 'affine', alpha: null, beta: null }],
  ['leakyrelu', { name: 'leaky_relu', alpha: 0.01 }],
  ['thresholdedrelu', { name: 'thresholded_relu', alpha: 1 }],
  ['scaledtanh', { name: 'scaled_tanh', alpha: null, beta: null }],
  ['hardsigmoid', { name: 'hard_sigmoid', alpha: 0.2, beta: 0.5 }],
  ['elu', { name: 'elu', alpha: 1 }],
  ['softsign', { name: 'softsign' }],
  ['softplus', { name: 'softplus' }],
]);

interface Chosen {
  readonly name: ActivationRow['name'];
  readonly alpha: number;
  readonly beta: number;
}

/** The activations of every direction in turn; alphas and betas go, in order, to those that take one. */
const activationsOf = (n: OnnxNode, defaults: readonly string[], directions: number): readonly Chosen[] => {
  const names = n.texts('activations') ?? span(0, directions).flatMap(() => defaults);
  if (names.length !== defaults.length * directions)
    return n.malformed(`activations has ${names.length} entries but ${defaults.length * directions} are wanted`);
  const given = { activation_alpha: [...(n.floats('activation_alpha') ?? [])], activation_beta: [...(n.floats('activation_beta') ?? [])] };
  const take = (list: keyof typeof given, name: string, fallback: number | null): number =>
    Math.fround(given[list].shift() ?? fallback ?? n.malformed(`${list} has no entry for the activation ${name}`));
  const chosen = names.map((name): Chosen => {
    const row = ACTIVATIONS.get(name.toLowerCase()) ?? n.refuse(`the activation ${name} is not supported`);
    return {
      name: row.name,
      alpha: row.alpha === undefined ? 1 : take('activation_alpha', name, row.alpha),
      beta: row.beta === undefined ? 0 : take('activation_beta', name, row.beta),
    };
  });
  for (const list of ['activation_alpha', 'activation_beta'] as const)
    if (given[list].length > 0) return n.refuse(`${list} has ${given[list].length} entries more than the activations take`);
  return chosen;
};

interface Operands {
  readonly x: ValueId;
  /** w, r and bias: the direction is dimension 0. */
  readonly weights: readonly ValueId[];
  readonly states: readonly ValueId[];
  readonly lengths: ValueId | undefined;
  readonly peephole: ValueId | undefined;
}

interface Layer {
  readonly op: RecurrentOp;
  readonly gates: number;
  readonly directions: number;
  readonly batchFirst: boolean;
}

const zeros = (n: OnnxNode, shape: readonly number[]): ValueId =>
  n.session.param('zeros', { dtype: 'f32', shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });

const lengthsOf = (n: OnnxNode, steps: number, batch: number): ValueId | undefined => {
  if (!n.has(4)) return undefined;
  const { host, elem } = n.input(4);
  if (elemOf(elem).kind !== 'int') return n.malformed(`sequence_lens (input 4) is ${elem} but integers are wanted`);
  if (n.shapeOf(4).join() !== String(batch))
    return n.malformed(`sequence_lens has shape [${n.shapeOf(4).join(', ')}] but the batch is ${batch}`);
  const outside = host?.data.find((v) => !(v >= 0 && v <= steps));
  if (outside !== undefined) return n.malformed(`sequence_lens holds ${outside} but there are ${steps} steps`);
  return host?.data.every((v) => v === steps) === true ? undefined : n.wire(4);
};

/** Operands that the program's op needs where ONNX leaves them out: zeros, which change nothing. */
const operandsOf = (n: OnnxNode, l: Layer): Operands => {
  const [first = 1, second = 1] = n.rank(0) === 3 ? n.staticShape(0) : n.malformed(`X has rank ${n.rank(0)} but 3 is wanted`);
  const [steps, batch] = l.batchFirst ? [second, first] : [first, second];
  const hidden = n.rank(2) === 3 ? at(n.staticShape(2), 2) : n.malformed(`R has rank ${n.rank(2)} but 3 is wanted`);
  if (n.hasAttr('hidden_size') && n.int('hidden_size') !== hidden)
    return n.malformed(`hidden_size is ${n.int('hidden_size')} but R has shape [${n.shapeOf(2).join(', ')}]`);
  const d = l.directions;
  const optional = (i: number, shape: readonly number[]): ValueId => (n.has(i) ? floatWire(n, i) : zeros(n, shape));
  const state = l.batchFirst ? [batch, d, hidden] : [d, batch, hidden];
  const peephole = l.op === 'lstm' && n.has(7) ? floatWire(n, 7) : undefined;
  const whole = (): ValueId => n.session.param('lengths', { dtype: 'i32', shape: [batch], data: new Int32Array(batch).fill(steps) });
  const lengths = lengthsOf(n, steps, batch);
  return {
    x: floatWire(n, 0),
    weights: [floatWire(n, 1), floatWire(n, 2), optional(3, [d, 2 * l.gates * hidden])],
    states: (l.op === 'lstm' ? [5, 6] : [5]).map((i) => optional(i, state)),
    // a peephole stands behind the lengths
    lengths: lengths ?? (peephole === undefined ? undefined : whole()),
    peephole,
  };
};

/** Direction d of operands for two. */
const half = (n: OnnxNode, o: Operands, d: number, stateAxis: number): Operands => {
  const cut = (v: ValueId, axis: number): ValueId => at(n.emitAll('split', [v], { axis, sizes: [1, 1] }), d);
  return {
    ...o,
    weights: o.weights.map((v) => cut(v, 0)),
    states: o.states.map((v) => cut(v, stateAxis)),
    peephole: o.peephole === undefined ? undefined : cut(o.peephole, 0),
  };
};

type Direction = 'forward' | 'reverse' | 'bidirectional';

const emitLayer = (n: OnnxNode, l: Layer, o: Operands, direction: Direction, activations: readonly Chosen[]): readonly ValueId[] => {
  const values = [o.x, ...o.weights, ...o.states, o.lengths, o.peephole].filter((v) => v !== undefined);
  const f = at(activations, 0);
  const common = { direction, batch_first: l.batchFirst, clip: clipOf(n), f: f.name, f_alpha: f.alpha, f_beta: f.beta };
  if (l.op === 'rnn') return n.emitAll('rnn', values, common);
  const g = at(activations, 1);
  const gated = { ...common, g: g.name, g_alpha: g.alpha, g_beta: g.beta };
  if (l.op === 'gru')
    return n.emitAll('gru', values, { ...gated, linear_before_reset: n.since >= 3 && n.int('linear_before_reset', 0) !== 0 });
  const h = at(activations, 2);
  const coupled = n.int('input_forget', 0) !== 0;
  return n.emitAll('lstm', values, { ...gated, h: h.name, h_alpha: h.alpha, h_beta: h.beta, input_forget: coupled });
};

const clipOf = (n: OnnxNode): number => {
  if (!n.hasAttr('clip')) return 0;
  const clip = n.float('clip');
  return clip > 0 && Number.isFinite(clip) ? clip : n.malformed(`clip is ${clip} but a number above 0 is wanted`);
};

const layer = (n: OnnxNode, op: RecurrentOp, gates: number, defaults: readonly string[]): readonly Made[] => {
  // version 1 told by it whether there is a first output
  n.ignore('output_sequence');
  const direction = n.text('direction', 'forward');
  if (direction !== 'forward' && direction !== 'reverse' && direction !== 'bidirectional') return n.malformed(`direction is ${direction}`);
  const layout = n.since >= 14 ? n.int('layout', 0) : 0;
  if (layout !== 0 && layout !== 1) return n.malformed(`layout is ${layout}`);
  const l: Layer = { op, gates, directions: direction === 'bidirectional' ? 2 : 1, batchFirst: layout === 1 };
  const operands = operandsOf(n, l);
  const activations = activationsOf(n, defaults, l.directions);
  const [ahead, back] = [activations.slice(0, defaults.length), activations.slice(defaults.length)];
  const key = (list: readonly Chosen[]): string => JSON.stringify(list);
  if (l.directions === 1 || key(ahead) === key(back)) return emitLayer(n, l, operands, direction, ahead);
  const stateAxis = l.batchFirst ? 1 : 0;
  const [forward = [], reverse = []] = [ahead, back].map((chosen, d) =>
    emitLayer(n, { ...l, directions: 1 }, half(n, operands, d, stateAxis), d === 0 ? 'forward' : 'reverse', chosen),
  );
  return forward.map((v, i) => n.emit('concat', [v, at(reverse, i)], { axis: i > 0 ? stateAxis : l.batchFirst ? 2 : 1 }));
};

export const recurrent = {
  RNN: { since: [1, 7, 14, 22], import: (n) => layer(n, 'rnn', 1, ['Tanh']) },
  GRU: { since: [1, 3, 7, 14, 22], import: (n) => layer(n, 'gru', 3, ['Sigmoid', 'Tanh']) },
  LSTM: { since: [1, 7, 14, 22], import: (n) => layer(n, 'lstm', 4, ['Sigmoid', 'Tanh', 'Tanh']) },
} as const satisfies OnnxOps;
