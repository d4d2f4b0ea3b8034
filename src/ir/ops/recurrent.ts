import { attr } from '../attr.ts';
import { composite, constraint, type SampleOperand, violates, type Wire } from '../schema.ts';
import type { StaticType } from '../types.ts';
import {
  activationAttr,
  alphaAttr,
  betaAttr,
  Layer,
  LAYER_RULES,
  layerProblem,
  layerResults,
  layerSample,
  RECURRENT_DOC,
  type RecurrentAttrs,
  recurrentAttrs,
  sizesOf,
} from './recurrent-util.ts';
import { countOf, describe } from './util.ts';

const f32 = (...shape: readonly number[]): string => `f32[${shape.join(',')}]`;

/** Types of a layer with T = 3, B = 2, I = 2, H = 2, one direction, and `states` initial states. */
const small = (gates: number, states: number): readonly string[] => [
  f32(3, 2, 2),
  f32(1, 2 * gates, 2),
  f32(1, 2 * gates, 2),
  f32(1, 4 * gates),
  ...new Array<string>(states).fill(f32(1, 2, 2)),
];

const changed = (types: readonly string[], i: number, type: string): readonly string[] => types.map((t, k) => (k === i ? type : t));

const layerConstraints = (gates: number, states: number) => {
  const ok = small(gates, states);
  return {
    c1: constraint(LAYER_RULES.x, changed(ok, 0, f32(0, 2, 2))),
    c2: constraint(LAYER_RULES.weights(gates), changed(ok, 3, f32(1, 2 * gates))),
    c3: constraint(LAYER_RULES.states, changed(ok, 4, f32(2, 1, 2))),
    c4: constraint(LAYER_RULES.lengths, [...ok, 'i32[3]']),
    c5: constraint(LAYER_RULES.size, changed(ok, 0, f32(2049, 2, 2))),
    c6: constraint(LAYER_RULES.clip, ok, { clip: -1 }),
  } as const;
};

const cost =
  (gates: number) =>
  (types: readonly (StaticType | undefined)[], a: RecurrentAttrs): number => {
    const [x, , r] = types;
    if (x === undefined || r === undefined) return 0;
    const { hidden, directions, inputs } = sizesOf(x, r, a);
    return (countOf(x) / inputs) * directions * hidden * (gates * (inputs + hidden + 6) + 6);
  };

interface Shape {
  readonly gates: number;
  readonly states: number;
  readonly directions?: number;
  readonly batchFirst?: boolean;
  readonly peephole?: boolean;
  readonly lengths?: readonly number[];
}

/** Operands for T = 4, B = 3, I = 2, H = 3. */
const operands = ({ gates, states, directions: d = 1, batchFirst = false, peephole = false, lengths }: Shape): readonly SampleOperand[] => {
  const state = batchFirst ? [3, d, 3] : [d, 3, 3];
  const x = batchFirst ? [3, 4, 2] : [4, 3, 2];
  const all = layerSample([x, [d, 3 * gates, 2], [d, 3 * gates, 3], [d, 6 * gates], ...new Array<number[]>(states).fill(state)], lengths);
  return peephole ? [...all, ...layerSample([[d, 9]])] : all;
};

/** h r^T + bias, and the rows of w x + bias of each step. */
const projected = (l: Layer, rows: Wire, w: Wire, bias: Wire): readonly Wire[] => {
  const { steps, batch } = l.sizes;
  return l.split(l.b.emit('dense', [rows, w, bias]), 0, new Array<number>(steps).fill(batch));
};

const at = (parts: readonly Wire[], i: number, otherwise: Wire): Wire => parts[i] ?? otherwise;

/** Recurrent layers over a static number of steps, unrolled. Formulas and gate orders are those of the ONNX operators. */
export const recurrent = {
  rnn: composite({
    code: 0x110,
    summary: 'Elman recurrent layer (float), unrolled.',
    doc: `h = f((x w^T + bias_w) + (h r^T + bias_r)) at each step. ${RECURRENT_DOC}Elman, Finding structure in time (1990); ONNX RNN.`,
    operands: ['x', 'w', 'r', 'bias', 'initial_h', 'lengths?'],
    results: ['y', 'y_h'],
    attrs: { ...recurrentAttrs, f: activationAttr('tanh'), f_alpha: alphaAttr, f_beta: betaAttr },
    constraints: layerConstraints(1, 1),
    infer: ([x, w, r, bias, h, lengths], a) =>
      layerProblem({ x, w, r, bias, states: [h], lengths }, 1, a) ?? layerResults(sizesOf(x, r, a), a, 1),
    decompose: (b, [x, w, r, bias, h0, lengths], a) => {
      const l = new Layer(b, sizesOf(x.type, r.type, a), a);
      const [ws, rs, bs] = [w, r, bias].map((v) => l.perDirection(v));
      const f = { name: a.f, alpha: a.f_alpha, beta: a.f_beta };
      return l.run(x, [h0], lengths, (rows, d) => {
        const [bw = bias, br = bias] = l.split(at(bs ?? [], d, bias), 0, [l.sizes.hidden, l.sizes.hidden]);
        const xw = projected(l, rows, at(ws ?? [], d, w), bw);
        return (t, [h = h0]) => [l.activate(f, l.add(at(xw, t, x), b.emit('dense', [h, at(rs ?? [], d, r), br])))];
      });
    },
    cost: cost(1),
    samples: [
      { operands: operands({ gates: 1, states: 1 }) },
      { operands: operands({ gates: 1, states: 1, lengths: [4, 0, 2] }), attrs: { direction: 'reverse', f: 'softsign' } },
      {
        operands: operands({ gates: 1, states: 1, batchFirst: true }),
        attrs: { batch_first: true, f: 'affine', f_alpha: 0.5, f_beta: -0.25 },
      },
      {
        operands: operands({ gates: 1, states: 1, directions: 2 }),
        attrs: { direction: 'bidirectional', f: 'scaled_tanh', f_alpha: 1.5, f_beta: 0.5 },
      },
      { operands: operands({ gates: 1, states: 1 }), attrs: { f: 'thresholded_relu', f_alpha: 0.25 } },
      { operands: operands({ gates: 1, states: 1 }), attrs: { f: 'leaky_relu', f_alpha: 0.125 } },
      { operands: operands({ gates: 1, states: 1 }), attrs: { f: 'elu', f_alpha: 2, clip: 0.5 } },
      { operands: operands({ gates: 1, states: 1 }), attrs: { f: 'softplus' } },
    ],
  }),

  lstm: composite({
    code: 0x111,
    summary: 'Long short-term memory layer (float), unrolled.',
    doc: `Gates stand in the order i, o, f, c in w, r and bias, i, o, f in peephole. z = (x w^T + bias_w) + (h r^T + bias_r); i = f(z_i + p_i c), f = f(z_f + p_f c), or 1 - i with input_forget; c = f c + i g(z_c); o = f(z_o + p_o c) with the new c; h = o h(c). ${RECURRENT_DOC}Hochreiter and Schmidhuber (1997), Gers and Schmidhuber (2000); ONNX LSTM.`,
    operands: ['x', 'w', 'r', 'bias', 'initial_h', 'initial_c', 'lengths?', 'peephole?'],
    results: ['y', 'y_h', 'y_c'],
    attrs: {
      ...recurrentAttrs,
      f: activationAttr('sigmoid'),
      f_alpha: alphaAttr,
      f_beta: betaAttr,
      g: activationAttr('tanh'),
      g_alpha: alphaAttr,
      g_beta: betaAttr,
      h: activationAttr('tanh'),
      h_alpha: alphaAttr,
      h_beta: betaAttr,
      input_forget: attr.bool({ default: false }),
    },
    constraints: {
      ...layerConstraints(4, 2),
      c7: constraint('peephole is f32[D, 3 H].', [...small(4, 2), 'i32[2]', f32(1, 8)]),
    },
    infer: ([x, w, r, bias, h, c, lengths, peephole], a) => {
      const problem = layerProblem({ x, w, r, bias, states: [h, c], lengths }, 4, a);
      if (problem !== undefined) return problem;
      const s = sizesOf(x, r, a);
      const fits = peephole === undefined || (peephole.dtype === 'f32' && peephole.shape.join() === [s.directions, 3 * s.hidden].join());
      return fits ? layerResults(s, a, 2) : violates('c7', describe('peephole', peephole));
    },
    decompose: (b, [x, w, r, bias, h0, c0, lengths, peephole], a) => {
      const l = new Layer(b, sizesOf(x.type, r.type, a), a);
      const n = l.sizes.hidden;
      const [ws = [], rs = [], bs = [], ps = []] = [w, r, bias, ...(peephole === undefined ? [] : [peephole])].map((v) =>
        l.perDirection(v),
      );
      const [f, g, h] = [
        { name: a.f, alpha: a.f_alpha, beta: a.f_beta },
        { name: a.g, alpha: a.g_alpha, beta: a.g_beta },
        { name: a.h, alpha: a.h_alpha, beta: a.h_beta },
      ];
      return l.run(x, [h0, c0], lengths, (rows, d) => {
        const [bw = bias, br = bias] = l.split(at(bs, d, bias), 0, [4 * n, 4 * n]);
        const xw = projected(l, rows, at(ws, d, w), bw);
        const own = ps[d];
        const [pi, po, pf] = own === undefined ? [] : l.split(own, 0, [n, n, n]);
        const peeped = (z: Wire, p: Wire | undefined, c: Wire): Wire => (p === undefined ? z : l.add(z, l.mul(p, c)));
        return (t, [hidden = h0, cell = c0]) => {
          const z = l.add(at(xw, t, x), b.emit('dense', [hidden, at(rs, d, r), br]));
          const [zi = z, zo = z, zf = z, zc = z] = l.split(z, 1, [n, n, n, n]);
          const input = l.activate(f, peeped(zi, pi, cell));
          const forget = a.input_forget ? l.oneMinus(input) : l.activate(f, peeped(zf, pf, cell));
          const next = l.add(l.mul(forget, cell), l.mul(input, l.activate(g, zc)));
          const output = l.activate(f, peeped(zo, po, next));
          return [l.mul(output, l.activate(h, next)), next];
        };
      });
    },
    cost: cost(4),
    samples: [
      { operands: operands({ gates: 4, states: 2 }) },
      { operands: operands({ gates: 4, states: 2, lengths: [4, 0, 2] }), attrs: { direction: 'reverse', g: 'softsign', h: 'relu' } },
      {
        operands: operands({ gates: 4, states: 2, directions: 2, lengths: [1, 4, 3], peephole: true }),
        attrs: { direction: 'bidirectional', clip: 0.75 },
      },
      {
        operands: operands({ gates: 4, states: 2, directions: 2, batchFirst: true }),
        attrs: { direction: 'bidirectional', batch_first: true, input_forget: true },
      },
      { operands: operands({ gates: 4, states: 2 }), attrs: { f: 'hard_sigmoid', f_alpha: 0.25, f_beta: 0.5 } },
    ],
  }),

  gru: composite({
    code: 0x112,
    summary: 'Gated recurrent unit layer (float), unrolled.',
    doc: `Gates stand in the order z, r, h in w, r and bias. z = f((x w_z^T + bias) + (h r_z^T + bias)), r likewise; n = g((x w_h^T + bias) + ((r h) r_h^T + bias)), with linear_before_reset g((x w_h^T + bias) + r (h r_h^T + bias)); h = (1 - z) n + z h. ${RECURRENT_DOC}Cho et al. (2014); ONNX GRU, whose linear_before_reset is the form of PyTorch and cuDNN.`,
    operands: ['x', 'w', 'r', 'bias', 'initial_h', 'lengths?'],
    results: ['y', 'y_h'],
    attrs: {
      ...recurrentAttrs,
      f: activationAttr('sigmoid'),
      f_alpha: alphaAttr,
      f_beta: betaAttr,
      g: activationAttr('tanh'),
      g_alpha: alphaAttr,
      g_beta: betaAttr,
      linear_before_reset: attr.bool({ default: false }),
    },
    constraints: layerConstraints(3, 1),
    infer: ([x, w, r, bias, h, lengths], a) =>
      layerProblem({ x, w, r, bias, states: [h], lengths }, 3, a) ?? layerResults(sizesOf(x, r, a), a, 1),
    decompose: (b, [x, w, r, bias, h0, lengths], a) => {
      const l = new Layer(b, sizesOf(x.type, r.type, a), a);
      const n = l.sizes.hidden;
      const [ws = [], rs = [], bs = []] = [w, r, bias].map((v) => l.perDirection(v));
      const [f, g] = [
        { name: a.f, alpha: a.f_alpha, beta: a.f_beta },
        { name: a.g, alpha: a.g_alpha, beta: a.g_beta },
      ];
      return l.run(x, [h0], lengths, (rows, d) => {
        const [bw = bias, brGates = bias, brNew = bias] = l.split(at(bs, d, bias), 0, [3 * n, 2 * n, n]);
        const [rGates = r, rNew = r] = l.split(at(rs, d, r), 0, [2 * n, n]);
        const xw = projected(l, rows, at(ws, d, w), bw);
        return (t, [h = h0]) => {
          const [xGates = x, xNew = x] = l.split(at(xw, t, x), 1, [2 * n, n]);
          const gates = l.activate(f, l.add(xGates, b.emit('dense', [h, rGates, brGates])));
          const [update = gates, reset = gates] = l.split(gates, 1, [n, n]);
          const past = a.linear_before_reset
            ? l.mul(reset, b.emit('dense', [h, rNew, brNew]))
            : b.emit('dense', [l.mul(reset, h), rNew, brNew]);
          const candidate = l.activate(g, l.add(xNew, past));
          return [l.add(l.mul(l.oneMinus(update), candidate), l.mul(update, h))];
        };
      });
    },
    cost: cost(3),
    samples: [
      { operands: operands({ gates: 3, states: 1 }) },
      { operands: operands({ gates: 3, states: 1, lengths: [4, 0, 2] }), attrs: { linear_before_reset: true, direction: 'reverse' } },
      { operands: operands({ gates: 3, states: 1, directions: 2, lengths: [3, 4, 1] }), attrs: { direction: 'bidirectional', clip: 0.5 } },
      {
        operands: operands({ gates: 3, states: 1, batchFirst: true }),
        attrs: { batch_first: true, f: 'hard_sigmoid', f_alpha: 0.25, f_beta: 0.5 },
      },
    ],
  }),
} as const;
