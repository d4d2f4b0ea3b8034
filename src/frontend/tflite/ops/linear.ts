import { elementCount, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import { biasOf, noteHybrid } from './conv.ts';
import type { TfliteOps } from './row.ts';
import { activated, span } from './util.ts';

/** x [batch, in] by weights [out, in]; x of any rank becomes a matrix, or keeps its leading dimensions with keep_num_dims. */
const fullyConnected = (n: TfliteNode): Made => {
  const o = n.options('FullyConnectedOptions');
  // how the runtime rounds float inputs to int8, and how wide its sums are: neither is done here
  void o.asymmetric_quantize_inputs;
  void o.quantized_bias_type;
  if (o.weights_format !== 0) return n.refuse(`weights_format is ${o.weights_format}: weights in shuffled order are not supported`);
  const [outputs, inputs] = n.shapeOf(1);
  if (n.rank(1) !== 2 || outputs === undefined || inputs === undefined || inputs < 1)
    return n.malformed(`the weights have shape [${n.shapeOf(1).join(', ')}], but a matrix is wanted`);
  const own = n.shapeOf(0);
  const count = elementCount(own);
  if (count % inputs !== 0 || (o.keep_num_dims && own.at(-1) !== inputs))
    return n.malformed(`the input has shape [${own.join(', ')}], the weights [${n.shapeOf(1).join(', ')}]`);
  const x = o.keep_num_dims || (own.length === 2 && own[1] === inputs) ? n.real(0) : n.reshape(n.real(0), [count / inputs, inputs]);
  noteHybrid(n, 0, 1);
  return activated(n, n.emit('dense', [x, n.permuted(1, [0, 1]), ...biasOf(n, 2)], {}), o.fused_activation_function);
};

/** The last two dimensions change places. */
const turned = (n: TfliteNode, i: number): ValueId => {
  const rank = n.rank(i);
  if (rank < 2) return n.malformed(`input ${i} has rank ${rank}`);
  return n.permuted(i, [...span(0, rank - 2), rank - 1, rank - 2]);
};

const batchMatmul = (n: TfliteNode): Made => {
  const o = n.options('BatchMatMulOptions');
  void o.asymmetric_quantize_inputs;
  noteHybrid(n, 0, 1);
  return n.emit('matmul', [o.adj_x ? turned(n, 0) : n.real(0), o.adj_y ? turned(n, 1) : n.real(1)], {});
};

/** Rows of a table by index, along its first dimension. */
const embedding = (n: TfliteNode): Made => n.emit('gather', [n.x(1), n.as(n.x(0), 'i32')], { axis: 0 });

/**
 * Single value decomposition filter (Nakkiran et al. 2015), from an empty memory: the newest column of each filter's memory is
 * the product of the input with its feature weights, the others are 0, so only the last time weight counts.
 * Inputs: x [batch, in], feature weights [filters, in], time weights [filters, memory], bias, state [batch, filters memory].
 */
const svdf = (n: TfliteNode): Made => {
  const o = n.options('SVDFOptions');
  void o.asymmetric_quantize_inputs;
  const [filters = 0, inputs = 0] = n.shapeOf(1);
  const [timeFilters, memory = 0] = n.shapeOf(2);
  const [batch = 0, own] = n.shapeOf(0);
  if (
    n.rank(0) !== 2 ||
    n.rank(1) !== 2 ||
    n.rank(2) !== 2 ||
    own !== inputs ||
    timeFilters !== filters ||
    o.rank < 1 ||
    filters % o.rank !== 0 ||
    memory < 1
  )
    return n.malformed(
      `the input is [${n.shapeOf(0).join(', ')}], the weights [${n.shapeOf(1).join(', ')}] and [${n.shapeOf(2).join(', ')}], rank ${o.rank}`,
    );
  noteHybrid(n, 0, 1);
  const features = n.emit('dense', [n.real(0), n.real(1)], {});
  const state = n.session.wire(n.input(4));
  const old = n.emit('slice', [n.reshape(state, [batch, filters, memory])], {
    starts: [0, 0, 1],
    sizes: [-1, -1, memory - 1].map((s, i) => (i === 2 ? s : -1)),
    steps: [1, 1, 1],
  });
  const rounded = roundedState(n, features);
  const column = n.reshape(rounded, [batch, filters, 1]);
  const window = memory === 1 ? column : n.emit('concat', [old, column], { axis: 2 });
  const filtered = n.emit('reduce_sum', [n.emit('mul', [window, n.real(2)], {})], { axes: [2], keep: false });
  const units = filters / o.rank;
  const summed = n.emit('reduce_sum', [n.reshape(filtered, [batch, units, o.rank])], { axes: [2], keep: false });
  const biased = n.has(3) ? n.emit('add', [summed, n.real(3)], {}) : summed;
  return activated(n, biased, o.fused_activation_function);
};

/** The memory of a quantized filter holds integers. */
const roundedState = (n: TfliteNode, x: ValueId): ValueId => {
  const { quantization, elem, variable } = n.input(4);
  if (variable !== true) return n.malformed('its state (input 4) is no variable tensor');
  return quantization === undefined ? x : n.session.quantized(x, elem, quantization, n.site.origin);
};

/** x + y + z + … from the left. */
const addN = (n: TfliteNode): Made =>
  n.pointwise(span(0, n.inputCount), (xs) => xs.slice(1).reduce((acc, x) => n.emit('add', [acc, x], {}), at(xs, 0)));

export const linear = {
  FULLY_CONNECTED: { import: (n) => [fullyConnected(n)] },
  BATCH_MATMUL: { import: (n) => [batchMatmul(n)] },
  EMBEDDING_LOOKUP: { import: (n) => [embedding(n)], keeps: true },
  SVDF: { import: (n) => [svdf(n)] },
  ADD_N: { import: (n) => [addN(n)] },
} as const satisfies TfliteOps;
