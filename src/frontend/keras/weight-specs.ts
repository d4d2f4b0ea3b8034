import { field, isObject, type JsonObject, textField } from './json.ts';

/** A weight of a class of layers. */
export interface WeightSpec {
  /** Its name in the layer; of wrappers and attention, with the part before. */
  readonly key: string;
  readonly trainable: boolean;
  /** Where archives of Keras 3 keep it, below the layer; with another way that tf_keras writes it. */
  readonly places: readonly string[];
}

const flag = (config: JsonObject, key: string, fallback: boolean): boolean => {
  const value = field(config, key);
  return typeof value === 'boolean' || value === 0 || value === 1 ? Boolean(value) : fallback;
};

const isLeftOut = (config: JsonObject, key: string): boolean => (field(config, key) ?? null) === null;

/** Weights in the order in which a layer makes them. */
const listed = (
  trained: readonly string[],
  frozen: readonly string[] = [],
  prefix = '',
  places: readonly string[] = [''],
): readonly WeightSpec[] =>
  [...trained, ...frozen].map((key, i) => ({
    key: `${prefix}${key}`,
    trainable: i < trained.length,
    places: places.map((p) => `${p}vars/${i}`),
  }));

const biased = (config: JsonObject, ...kernels: readonly string[]): readonly string[] =>
  flag(config, 'use_bias', true) ? [...kernels, 'bias'] : kernels;
const affine = (config: JsonObject): readonly string[] => [
  ...(flag(config, 'scale', true) ? ['gamma'] : []),
  ...(flag(config, 'center', true) ? ['beta'] : []),
];

type Specs = (config: JsonObject) => readonly WeightSpec[];
const kernel: Specs = (c) => listed(biased(c, 'kernel'));
const separable: Specs = (c) => listed(biased(c, 'depthwise_kernel', 'pointwise_kernel'));
const scaled: Specs = (c) => listed(affine(c));

const recurrentKeys = (c: JsonObject): readonly string[] => biased(c, 'kernel', 'recurrent_kernel');
const recurrent: Specs = (c) => listed(recurrentKeys(c), [], '', ['cell/', '']);

/** The config of a layer that is given as `{class_name, config}`. */
export const innerConfig = (config: JsonObject, key: string): JsonObject => {
  const inner = field(field(config, key), 'config');
  return isObject(inner) ? inner : {};
};

const bidirectional: Specs = (c) => {
  const inner = innerConfig(c, 'layer');
  // a layer RNN keeps the arguments of its cell in the cell
  const config = isObject(field(inner, 'cell')) ? innerConfig(inner, 'cell') : inner;
  return [
    ...listed(recurrentKeys(config), [], 'forward/', ['forward_layer/cell/', 'forward_layer/']),
    ...listed(recurrentKeys(config), [], 'backward/', ['backward_layer/cell/', 'backward_layer/']),
  ];
};

const multiHead: Specs = (c) =>
  ['query', 'key', 'value', 'output'].flatMap((part) => listed(biased(c, 'kernel'), [], `${part}/`, [`${part}_dense/`, `_${part}_dense/`]));

const attention: Specs = (c) =>
  listed([...(flag(c, 'use_scale', false) ? ['scale'] : []), ...(textField(c, 'score_mode') === 'concat' ? ['concat_score_weight'] : [])]);

/** By class; the others have none. */
const WITH: Readonly<Record<string, Specs>> = {
  Dense: kernel,
  EinsumDense: (c) => listed(['kernel', ...(isLeftOut(c, 'bias_axes') ? [] : ['bias'])]),
  Embedding: () => listed(['embeddings']),
  Conv1D: kernel,
  Conv2D: kernel,
  Conv3D: kernel,
  Conv1DTranspose: kernel,
  Conv2DTranspose: kernel,
  Conv3DTranspose: kernel,
  DepthwiseConv1D: (c) => listed(biased(c, 'depthwise_kernel')),
  DepthwiseConv2D: (c) => listed(biased(c, 'depthwise_kernel')),
  SeparableConv1D: separable,
  SeparableConv2D: separable,
  BatchNormalization: (c) => listed(affine(c), ['moving_mean', 'moving_variance']),
  SyncBatchNormalization: (c) => listed(affine(c), ['moving_mean', 'moving_variance']),
  LayerNormalization: scaled,
  GroupNormalization: scaled,
  RMSNormalization: () => listed(['scale']),
  Normalization: (c) => (isLeftOut(c, 'mean') ? listed([], ['mean', 'variance', 'count']) : []),
  LayerScale: () => listed(['gamma']),
  PReLU: () => listed(['alpha']),
  SimpleRNN: recurrent,
  LSTM: recurrent,
  GRU: recurrent,
  RNN: (c) => recurrent(innerConfig(c, 'cell')),
  Bidirectional: bidirectional,
  MultiHeadAttention: multiHead,
  Attention: attention,
  AdditiveAttention: (c) => listed(flag(c, 'use_scale', true) ? ['scale'] : []),
};

/** The weights of a layer of the table, in the order in which Keras makes them. */
export const weightsOfClass = (op: string, config: JsonObject): readonly WeightSpec[] =>
  Object.hasOwn(WITH, op) ? (WITH[op]?.(config) ?? []) : [];
