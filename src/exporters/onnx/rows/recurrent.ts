import type { FAMILIES, OpNode } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { OnnxGraph } from '../graph.ts';
import type { Attributes } from '../message.ts';
import { type Made, type Rows } from './row.ts';

type Recurrent = OpNode<'rnn' | 'lstm' | 'gru'>;
type Activation = OpNode<'rnn'>['attrs']['f'];

/** Names of ONNX, and which of alpha and beta the activation takes. */
const ACTIVATIONS: Readonly<Record<Activation, readonly [name: string, alpha: boolean, beta: boolean]>> = {
  sigmoid: ['Sigmoid', false, false],
  tanh: ['Tanh', false, false],
  relu: ['Relu', false, false],
  affine: ['Affine', true, true],
  leaky_relu: ['LeakyRelu', true, false],
  thresholded_relu: ['ThresholdedRelu', true, false],
  scaled_tanh: ['ScaledTanh', true, true],
  hard_sigmoid: ['HardSigmoid', true, true],
  elu: ['Elu', true, false],
  softsign: ['Softsign', false, false],
  softplus: ['Softplus', false, false],
};

type Chosen = readonly [name: Activation, alpha: number, beta: number];

const chosenOf = (node: Recurrent): readonly Chosen[] => {
  const a = node.attrs;
  const f: Chosen = [a.f, a.f_alpha, a.f_beta];
  if (node.op === 'rnn') return [f];
  const { g, g_alpha, g_beta } = node.attrs;
  if (node.op === 'gru') return [f, [g, g_alpha, g_beta]];
  return [f, [g, g_alpha, g_beta], [node.attrs.h, node.attrs.h_alpha, node.attrs.h_beta]];
};

/** The activations of each direction in turn. */
const activations = (node: Recurrent): Attributes => {
  const once = chosenOf(node);
  const all = node.attrs.direction === 'bidirectional' ? [...once, ...once] : once;
  const alphas = all.flatMap(([name, alpha]) => (ACTIVATIONS[name][1] ? [alpha] : []));
  const betas = all.flatMap(([name, , beta]) => (ACTIVATIONS[name][2] ? [beta] : []));
  return {
    activations: all.map(([name]) => ACTIVATIONS[name][0]),
    ...(alphas.length > 0 ? { activation_alpha: { floats: alphas } } : {}),
    ...(betas.length > 0 ? { activation_beta: { floats: betas } } : {}),
  };
};

const OPERATOR = { rnn: 'RNN', lstm: 'LSTM', gru: 'GRU' } as const;

/** onnxruntime has time first alone, so tensors with the batch first are turned around it. */
const recurrent = (g: OnnxGraph, node: Recurrent): Made => {
  const [x = '', w = '', r = '', bias = '', ...rest] = g.xs(node);
  const states = rest.slice(0, node.op === 'lstm' ? 2 : 1);
  const [lengths = '', peephole = ''] = rest.slice(states.length);
  const first = node.attrs.batch_first;
  const turned = (name: string, perm: readonly number[]): string => (first ? g.one('Transpose', [name], { perm }) : name);
  const inputs = [turned(x, [1, 0, 2]), w, r, bias, lengths, ...states.map((s) => turned(s, [1, 0, 2]))];
  if (node.op === 'lstm') inputs.push(peephole);
  while (inputs.at(-1) === '') inputs.pop();
  const made = g.all(
    OPERATOR[node.op],
    inputs,
    {
      hidden_size: at(g.sizes(node, 2), 2),
      direction: node.attrs.direction,
      ...activations(node),
      ...(node.attrs.clip > 0 ? { clip: { float: node.attrs.clip } } : {}),
      ...(node.op === 'gru' && node.attrs.linear_before_reset ? { linear_before_reset: 1 } : {}),
      ...(node.op === 'lstm' && node.attrs.input_forget ? { input_forget: 1 } : {}),
    },
    { outputs: node.results.length },
  );
  return made.map((y, i) => turned(y, i === 0 ? [2, 0, 1, 3] : [1, 0, 2]));
};

export const recurrentRows = { rnn: recurrent, lstm: recurrent, gru: recurrent } as const satisfies Rows<
  keyof (typeof FAMILIES)['recurrent']
>;
