import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import { noteHybrid } from './conv.ts';
import type { TfliteOps } from './row.ts';
import { activated, span } from './util.ts';

/** A sequence is unrolled: step by step, each with ops of its own. */
const MAX_STEPS = 2048;

/** Inputs of an LSTM, by gate i, f, g (cell), o. */
const GATES = [
  { w: 1, r: 5, peephole: 9, bias: 12, norm: 20 },
  { w: 2, r: 6, peephole: 10, bias: 13, norm: 21 },
  { w: 3, r: 7, peephole: undefined, bias: 14, norm: 22 },
  { w: 4, r: 8, peephole: 11, bias: 15, norm: 23 },
] as const;

interface LstmOptions {
  readonly activation: number;
  readonly cellClip: number;
  readonly projectionClip: number;
  readonly timeMajor: boolean;
}

interface Sequence {
  readonly steps: number;
  readonly batch: number;
  readonly timeMajor: boolean;
}

const sequenceOf = (n: TfliteNode, timeMajor: boolean): Sequence => {
  const [a = 0, b = 0] = n.shapeOf(0);
  if (n.rank(0) !== 3) return n.malformed(`the input has shape [${n.shapeOf(0).join(', ')}], but three dimensions are wanted`);
  const [steps, batch] = timeMajor ? [a, b] : [b, a];
  if (steps < 1 || steps > MAX_STEPS || batch < 1)
    return n.refuse(`it has ${steps} steps and a batch of ${batch}; 1 to ${MAX_STEPS} steps are supported`);
  return { steps, batch, timeMajor };
};

/** The slice of a [steps, batch, …] or [batch, steps, …] value at one step, as [batch, …]. */
const stepOf = (n: TfliteNode, x: ValueId, t: number, s: Sequence): ValueId => {
  const width = n.sizes(x)[2] ?? 0;
  const [starts, sizes] = s.timeMajor
    ? [
        [t, 0, 0],
        [1, s.batch, width],
      ]
    : [
        [0, t, 0],
        [s.batch, 1, width],
      ];
  return n.reshape(n.emit('slice', [x], { starts: starts ?? [], sizes: sizes ?? [], steps: [1, 1, 1] }), [s.batch, width]);
};

const joined = (n: TfliteNode, steps: readonly ValueId[], s: Sequence): ValueId => n.emit('stack', steps, { axis: s.timeMajor ? 0 : 1 });

const clipTo = (n: TfliteNode, x: ValueId, limit: number): ValueId => (limit > 0 ? n.emit('clip', [x], { min: -limit, max: limit }) : x);

/** A state on the grid that the file gives its variable. */
const rounded = (n: TfliteNode, i: number, x: ValueId): ValueId => {
  const { quantization, elem } = n.input(i);
  return quantization === undefined ? x : n.session.quantized(x, elem, quantization, n.site.origin);
};

const stateOf = (n: TfliteNode, i: number): ValueId =>
  n.input(i).variable === true ? n.x(i) : n.malformed(`its state (input ${i}) is no variable tensor`);

/** W x of one gate, for the whole sequence at once. */
const inputProducts = (n: TfliteNode): readonly (ValueId | undefined)[] =>
  GATES.map(({ w }) => (n.has(w) ? n.emit('dense', [n.real(0), n.real(w)], {}) : undefined));

/**
 * One step (Hochreiter and Schmidhuber 1997; Sak et al. 2014 for the projection):
 * i, f = sigmoid(W x + R h + p c + b), or i = 1 - f where the gate is coupled; c' = f c + i act(W x + R h + b);
 * o = sigmoid(W x + R h + p c' + b); h' = o act(c'), times the projection.
 */
const lstmStep = (
  n: TfliteNode,
  o: LstmOptions,
  xs: readonly (ValueId | undefined)[],
  h: ValueId,
  c: ValueId,
): readonly [h: ValueId, c: ValueId] => {
  const argument = (k: number, cell: ValueId): ValueId | undefined => {
    const { r, peephole, bias } = at(GATES, k);
    const x = xs[k];
    if (x === undefined) return undefined;
    let sum = n.emit('add', [x, n.emit('dense', [h, n.real(r)], {})], {});
    if (peephole !== undefined && n.has(peephole)) sum = n.emit('add', [sum, n.emit('mul', [n.real(peephole), cell], {})], {});
    return n.has(bias) ? n.emit('add', [sum, n.real(bias)], {}) : sum;
  };
  const gate = (k: number, cell: ValueId): ValueId | undefined => {
    const a = argument(k, cell);
    return a === undefined ? undefined : n.emit('sigmoid', [a], {});
  };
  const forget = gate(1, c) ?? n.malformed('the weights of the forget gate are missing');
  const input = gate(0, c) ?? n.emit('sub', [n.scalar(1), forget], {});
  const fresh = activated(n, argument(2, c) ?? n.malformed('the weights of the cell are missing'), o.activation);
  const sum = n.emit('add', [n.emit('mul', [forget, c], {}), n.emit('mul', [input, fresh], {})], {});
  const cell = rounded(n, 19, clipTo(n, sum, o.cellClip));
  const output = gate(3, cell) ?? n.malformed('the weights of the output gate are missing');
  const hidden = n.emit('mul', [output, activated(n, cell, o.activation)], {});
  if (!n.has(16)) return [rounded(n, 18, hidden), cell];
  const projected = n.emit('dense', [hidden, n.real(16), ...(n.has(17) ? [n.real(17)] : [])], {});
  return [rounded(n, 18, clipTo(n, projected, o.projectionClip)), cell];
};

const checkLstm = (n: TfliteNode): void => {
  const norm = GATES.find((g) => n.has(g.norm));
  if (norm !== undefined) n.refuse('layer normalization of the gates is not supported');
  noteHybrid(n, 0, 2);
  if (n.input(0).quantization !== undefined)
    n.approximate('gates are float between the stored states: TensorFlow Lite rounds their arguments and values to int16');
};

const lstmSequence = (n: TfliteNode): Made => {
  const o = n.options('UnidirectionalSequenceLSTMOptions');
  void o.asymmetric_quantize_inputs;
  if (o.diagonal_recurrent_tensors) return n.refuse('diagonal_recurrent_tensors is set');
  checkLstm(n);
  const s = sequenceOf(n, o.time_major);
  const options = { activation: o.fused_activation_function, cellClip: o.cell_clip, projectionClip: o.proj_clip, timeMajor: o.time_major };
  const products = inputProducts(n);
  let [h, c] = [stateOf(n, 18), stateOf(n, 19)];
  const steps = span(0, s.steps).map((t) => {
    const xs = products.map((p) => (p === undefined ? undefined : stepOf(n, p, t, s)));
    [h, c] = lstmStep(n, options, xs, h, c);
    return h;
  });
  return joined(n, steps, s);
};

/** One step, with the inputs of the sequence form. */
const lstmCell = (n: TfliteNode): Made => {
  const o = n.options('LSTMOptions');
  void o.asymmetric_quantize_inputs;
  if (o.kernel_type !== 0) return n.refuse('kernel_type is BASIC: only the FULL kernel is supported');
  checkLstm(n);
  const options = { activation: o.fused_activation_function, cellClip: o.cell_clip, projectionClip: o.proj_clip, timeMajor: false };
  const [h] = lstmStep(n, options, inputProducts(n), stateOf(n, 18), stateOf(n, 19));
  return h;
};

/** h' = act(W x + R h + b). Inputs: x, W, R, b, state. */
const rnnStep = (n: TfliteNode, x: ValueId, h: ValueId, activation: number): ValueId => {
  const sum = n.emit('add', [n.emit('dense', [x, n.real(1), n.real(3)], {}), n.emit('dense', [h, n.real(2)], {})], {});
  return rounded(n, 4, activated(n, sum, activation));
};

const rnnSequence = (n: TfliteNode): Made => {
  const o = n.options('SequenceRNNOptions');
  void o.asymmetric_quantize_inputs;
  noteHybrid(n, 0, 1);
  const s = sequenceOf(n, o.time_major);
  let h = stateOf(n, 4);
  const steps = span(0, s.steps).map((t) => {
    h = rnnStep(n, stepOf(n, n.real(0), t, s), h, o.fused_activation_function);
    return h;
  });
  return joined(n, steps, s);
};

const rnnCell = (n: TfliteNode): Made => {
  const o = n.options('RNNOptions');
  void o.asymmetric_quantize_inputs;
  noteHybrid(n, 0, 1);
  return rnnStep(n, n.real(0), stateOf(n, 4), o.fused_activation_function);
};

export const recurrent = {
  UNIDIRECTIONAL_SEQUENCE_LSTM: { import: (n) => [lstmSequence(n)] },
  LSTM: { import: (n) => [lstmCell(n)] },
  UNIDIRECTIONAL_SEQUENCE_RNN: { import: (n) => [rnnSequence(n)] },
  RNN: { import: (n) => [rnnCell(n)] },
} as const satisfies TfliteOps;
