import { type AnyNode, type Attrs, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import type { Affine } from '../affine.ts';
import type { Emit } from '../emit.ts';
import type { FloatView } from '../role.ts';

/** Limits of a bias before the zero point of the input is folded in (NUMERICS §1.2). */
const MAX_BIAS = 2 ** 30;
const INT32_MAX = 2 ** 31 - 1;

/** Step by which a weight scale grows until the accumulator fits int32. */
const WIDEN = 1.0625;

/** Integer weights of one layer, and the scale of its accumulator per output channel. */
interface LinearWeights {
  readonly weights: Int8Array;
  readonly bias: Int32Array;
  /** Sx * Sw[c]; 0 for a channel that is always 0. */
  readonly scales: readonly number[];
}

interface Row {
  readonly weights: Int8Array;
  readonly bias: number;
}

/** Quantizes one channel with weight scale `scale`; undefined when bias or accumulator could leave int32. */
const quantizeRow = (
  w: ArrayLike<number>,
  start: number,
  bias: number,
  x: Affine,
  scale: number,
  limit: number,
  row: Int8Array,
): Row | undefined => {
  const b = Math.floor(bias / (x.scale * scale) + 0.5);
  let sum = 0;
  let lo = 0;
  let hi = 0;
  for (let i = 0; i < row.length; i++) {
    const q = Math.min(limit, Math.max(-limit, Math.floor(at(w, start + i) / scale + 0.5)));
    row[i] = q;
    sum += q;
    lo += q >= 0 ? q * -128 : q * 127;
    hi += q >= 0 ? q * 127 : q * -128;
  }
  const folded = b - x.zero * sum;
  const fits = Math.abs(b) <= MAX_BIAS && Math.abs(folded) <= INT32_MAX && folded + lo >= -INT32_MAX && folded + hi <= INT32_MAX;
  return fits ? { weights: row, bias: folded } : undefined;
};

/** The least scale at which a bias keeps within MAX_BIAS, with a factor of 2 to spare. */
const scaleForBias = (bias: number, x: Affine): number => (2 * Math.abs(bias)) / (x.scale * MAX_BIAS);

/**
 * Symmetric weights per output channel by absmax, bias in accumulator units with the input's zero point folded in. A
 * channel whose bias or accumulator would overflow takes a wider scale.
 */
export const quantizeLinear = (w: Tensor, bias: Tensor | undefined, x: Affine, bits: 6 | 8): LinearWeights => {
  const limit = bits === 8 ? 127 : 31;
  const [channels = 0] = w.shape;
  const per = channels === 0 ? 0 : w.data.length / channels;
  const weights = new Int8Array(w.data.length);
  const biases = new Int32Array(channels);
  const scales: number[] = [];
  for (let c = 0; c < channels; c++) {
    const b = bias === undefined ? 0 : at(bias.data, c);
    let absmax = 0;
    for (let i = c * per; i < (c + 1) * per; i++) absmax = Math.max(absmax, Math.abs(at(w.data, i)));
    if (absmax === 0 && b === 0) {
      scales.push(0);
      continue;
    }
    let scale = Math.max(absmax / limit, scaleForBias(b, x));
    let row: Row | undefined;
    while (row === undefined) {
      row = quantizeRow(w.data, c * per, b, x, scale, limit, weights.subarray(c * per, (c + 1) * per));
      if (row === undefined) scale *= WIDEN;
    }
    biases[c] = row.bias;
    scales.push(x.scale * scale);
  }
  return { weights, bias: biases, scales };
};

const emitWeights = (emit: Emit, node: AnyNode) => {
  const [x, w, bias] = node.operands;
  invariant(x !== undefined && w !== undefined, `${node.op} has weights`);
  const weights = emit.plan.constantOf(w);
  invariant(weights !== undefined, `the weights of ${node.op} are constant`);
  const affine = emit.affineOf(x);
  const layer = quantizeLinear(weights, bias === undefined ? undefined : emit.plan.constantOf(bias), affine, emit.weightBits);
  const dtype = emit.weightBits === 8 ? 'i8' : 'i6';
  return {
    x: emit.int(x),
    affine,
    scales: layer.scales,
    operands: [
      emit.param(emit.paramName(w), { dtype, shape: weights.shape, data: layer.weights }),
      emit.param(bias === undefined ? `${emit.plan.nameOf(node)}.bias` : emit.paramName(bias), {
        dtype: 'i32',
        shape: [layer.bias.length],
        data: layer.bias,
      }),
    ],
  };
};

/** One factor when all are equal. */
const shared = (factors: readonly number[]): readonly number[] => (factors.every((f) => f === factors[0]) ? factors.slice(0, 1) : factors);

export const lowerConv = (emit: Emit, node: AnyNode): void => {
  const { x, affine, scales, operands } = emitWeights(emit, node);
  const to = emit.destinationOf(node);
  const acc = emit.op('conv', [x, ...operands], { ...(node.attrs as Attrs<'conv'>), pad_value: affine.zero });
  emit.define(to.value, emit.rescale(acc, shared(scales.map((s) => s / to.affine.scale)), to));
};

export const lowerDense = (emit: Emit, node: AnyNode): void => {
  const { x, scales, operands } = emitWeights(emit, node);
  const to = emit.destinationOf(node);
  const { shape } = emit.typeOf(x);
  const factors = shared(scales.map((s) => s / to.affine.scale));
  // the rescale takes one factor per index of axis 1: that is the output axis of a matrix only
  const matrix = shape.length === 2 || factors.length === 1;
  const rows = matrix ? x : emit.op('reshape', [x], { shape: [-1, shape.at(-1) ?? 0] });
  const scaled = emit.rescale(emit.op('dense', [rows, ...operands], {}), factors, to);
  emit.define(to.value, matrix ? scaled : emit.op('reshape', [scaled], { shape: [...shape.slice(0, -1), scales.length] }));
};

/** Product of two run-time matrices, or of a constant one with a run-time one. */
export const lowerMatmul = (emit: Emit, node: AnyNode): void => {
  const [a, b] = node.operands as readonly [ValueId, ValueId];
  const to = emit.destinationOf(node);
  const [sa, sb] = [emit.affineOf(a), emit.affineOf(b)];
  const acc = emit.op('matmul', [emit.int(a), emit.int(b)], { a_zero: sa.zero, b_zero: sb.zero });
  emit.define(to.value, emit.rescale(acc, [(sa.scale * sb.scale) / to.affine.scale], to));
};

/** Weights that are computed at run time have no per-channel scales. */
export const needsConstantWeights = (node: AnyNode, view: FloatView): string | undefined => {
  const names = ['weight', 'bias'];
  const dynamic = node.operands.slice(1).findIndex((v) => view.constantOf(v) === undefined);
  if (dynamic >= 0) return `its ${names[dynamic] ?? 'operand'} is computed at run time`;
  const infinite = node.operands.slice(1).findIndex((v) => view.constantOf(v)?.data.every(Number.isFinite) === false);
  return infinite < 0 ? undefined : `its ${names[infinite] ?? 'operand'} has an infinite element`;
};

/** A product of two int8 tensors over k terms stays in int32 while k * 255^2 does. */
export const matmulFits = (node: AnyNode, view: FloatView): string | undefined => {
  const k = view.typeOf(at(node.operands, 0)).shape.at(-1) ?? 0;
  return k * 255 * 255 <= INT32_MAX ? undefined : `a sum of ${k} products of two int8 values can leave int32`;
};
