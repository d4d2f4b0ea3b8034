import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { blobs, flagOf, ignoreTraining, numberOf, numbersOf, ones, wordOf } from './attributes.ts';

/** scale x + shift, without what changes nothing. */
const affine = (n: LayerNode, x: ValueId, scale: number, shift: number): ValueId => {
  const scaled = scale === 1 ? x : n.emit('mul', [x, n.scalar(scale)], {});
  return shift === 0 ? scaled : n.emit('add', [scaled, n.scalar(shift)], {});
};

/** (shift + scale x)^power */
const power = (n: LayerNode): Made => {
  const [exponent, scale, shift] = ['power', 'scale', 'shift'].map((name, i) => numberOf(n, `power_param.${name}`, i < 2 ? 1 : 0));
  const inner = affine(n, n.real(0), scale ?? 1, shift ?? 0);
  if (exponent === 1) return inner === n.x(0) ? { same: n.input(0) } : inner;
  if (exponent === 2) return n.emit('mul', [inner, inner], {});
  return exponent === 0.5 ? n.emit('sqrt', [inner], {}) : n.emit('pow', [inner, n.scalar(exponent ?? 1)], {});
};

/** Logarithm of the base of Exp and Log; e by default. */
const logOfBase = (n: LayerNode, group: string): number => {
  const base = numberOf(n, `${group}.base`, -1);
  if (base !== -1 && !(base > 0)) return n.malformed(`base is ${base}`);
  return base === -1 ? 1 : Math.log(base);
};

/** base^(shift + scale x) */
const exp = (n: LayerNode): ValueId => {
  const log = logOfBase(n, 'exp_param');
  const [scale, shift] = [numberOf(n, 'exp_param.scale', 1), numberOf(n, 'exp_param.shift', 0)];
  return n.emit('exp', [affine(n, n.real(0), scale * log, shift * log)], {});
};

/** log of (shift + scale x) to the base */
const log = (n: LayerNode): ValueId => {
  const own = logOfBase(n, 'log_param');
  const [scale, shift] = [numberOf(n, 'log_param.scale', 1), numberOf(n, 'log_param.shift', 0)];
  return affine(n, n.emit('log', [affine(n, n.real(0), scale, shift)], {}), own === 1 ? 1 : 1 / own, 0);
};

const relu = (n: LayerNode): ValueId => {
  n.ignore('relu_param.engine');
  const alpha = numberOf(n, 'relu_param.negative_slope', 0);
  return alpha === 0 ? n.emit('relu', [n.real(0)], {}) : n.emit('leaky_relu', [n.real(0)], { alpha });
};

const prelu = (n: LayerNode): ValueId => {
  ignoreTraining(n, 'prelu_param');
  const channels = n.rank(0) > 1 ? at(n.shapeOf(0), 1) : n.malformed('the input has no channels');
  const shared = flagOf(n, 'prelu_param.channel_shared', false);
  const [slope] = blobs(n, [{ shape: shared ? [] : [channels, ...ones(n.rank(0) - 2)], role: 'shift' }]);
  return n.emit('prelu', [n.real(0), slope ?? n.malformed('it has no slopes')], {});
};

const swish = (n: LayerNode): ValueId => {
  const beta = numberOf(n, 'swish_param.beta', 1);
  const x = n.real(0);
  return beta === 1 ? n.emit('silu', [x], {}) : n.emit('mul', [x, n.emit('sigmoid', [affine(n, x, beta, 0)], {})], {});
};

const threshold = (n: LayerNode): ValueId => {
  const above = n.emit('less', [n.scalar(numberOf(n, 'threshold_param.threshold', 0)), n.real(0)], {});
  return n.emit('select', [above, n.scalar(1), n.scalar(0)], {});
};

const clip = (n: LayerNode): ValueId => {
  const [min, max] = [numberOf(n, 'clip_param.min', Number.NaN), numberOf(n, 'clip_param.max', Number.NaN)];
  return min <= max ? n.emit('clip', [n.real(0)], { min, max }) : n.malformed(`min is ${min}, max is ${max}`);
};

/** Sum with factors, product or maximum of inputs of one shape. */
const eltwise = (n: LayerNode): ValueId => {
  n.ignore('eltwise_param.stable_prod_grad');
  const operation = wordOf(n, 'eltwise_param.operation', { PROD: 0, SUM: 1, MAX: 2 }, 'SUM');
  const factors = numbersOf(n, 'eltwise_param.coeff');
  const operands = ones(n.inputCount).map((_, i) => {
    if (n.shapeOf(i).join() !== n.shapeOf(0).join())
      n.malformed(`input ${i} is [${n.shapeOf(i).join(', ')}], but input 0 is [${n.shapeOf(0).join(', ')}]`);
    return n.real(i);
  });
  if (operands.length < 2) return n.malformed('it has fewer than two inputs');
  if (factors.length > 0 && (operation !== 'SUM' || factors.length !== operands.length))
    return n.malformed(`${factors.length} factors are given for a ${operation} of ${operands.length}`);
  const [first, ...rest] = operands;
  const start = affine(n, first ?? n.malformed('it has no inputs'), factors[0] ?? 1, 0);
  return rest.reduce((sum, x, i) => {
    const factor = factors[i + 1] ?? 1;
    if (operation !== 'SUM') return n.emit(operation === 'PROD' ? 'mul' : 'maximum', [sum, x], {});
    return factor === -1 ? n.emit('sub', [sum, x], {}) : n.emit('add', [sum, affine(n, x, factor, 0)], {});
  }, start);
};

const plain =
  (op: 'abs' | 'sigmoid' | 'tanh' | 'softplus' | 'relu6', group: string) =>
  (n: LayerNode): readonly Made[] => {
    n.ignore(`${group}.engine`);
    return [n.emit(op, [n.real(0)], {})];
  };

export const elementwise = {
  AbsVal: { import: plain('abs', 'absval_param') },
  BNLL: { import: plain('softplus', 'bnll_param') },
  Sigmoid: { import: plain('sigmoid', 'sigmoid_param') },
  TanH: { import: plain('tanh', 'tanh_param') },
  ReLU6: { import: plain('relu6', 'relu_param') },
  ReLU: { import: (n) => [relu(n)] },
  PReLU: { import: (n) => [prelu(n)] },
  ELU: { import: (n) => [n.emit('elu', [n.real(0)], { alpha: numberOf(n, 'elu_param.alpha', 1) })] },
  Swish: { import: (n) => [swish(n)] },
  Clip: { import: (n) => [clip(n)] },
  Threshold: { import: (n) => [threshold(n)] },
  Power: { import: (n) => [power(n)] },
  Exp: { import: (n) => [exp(n)] },
  Log: { import: (n) => [log(n)] },
  Eltwise: { import: (n) => [eltwise(n)] },
} as const satisfies LayerTable;
