import { field, type JsonObject } from './json.ts';

/** A layer in the words of Keras 2. */
interface Modern {
  readonly className: string;
  readonly config: JsonObject;
}

const CLASSES: Readonly<Record<string, string>> = {
  Convolution1D: 'Conv1D',
  Convolution2D: 'Conv2D',
  Convolution3D: 'Conv3D',
  AtrousConvolution1D: 'Conv1D',
  AtrousConvolution2D: 'Conv2D',
  SeparableConvolution2D: 'SeparableConv2D',
};

/** `mode` of the layer Merge. */
const MERGES: Readonly<Record<string, string>> = {
  sum: 'Add',
  mul: 'Multiply',
  ave: 'Average',
  max: 'Maximum',
  concat: 'Concatenate',
};

/** Of all modes together. */
const MERGE_KEYS = new Set([
  'mode',
  'concat_axis',
  'dot_axes',
  'output_shape',
  'output_mask',
  'arguments',
  'mode_type',
  'output_shape_type',
]);

/** Keys that only have another name. */
const KEYS: Readonly<Record<string, string>> = {
  output_dim: 'units',
  bias: 'use_bias',
  nb_filter: 'filters',
  border_mode: 'padding',
  subsample: 'strides',
  subsample_length: 'strides',
  filter_length: 'kernel_size',
  pool_length: 'pool_size',
  stride: 'strides',
  atrous_rate: 'dilation_rate',
  p: 'rate',
  sigma: 'stddev',
  inner_activation: 'recurrent_activation',
};

/** Keys of training. */
const DROPPED = new Set([
  'init',
  'inner_init',
  'forget_bias_init',
  'beta_init',
  'gamma_init',
  'weights',
  'W_regularizer',
  'b_regularizer',
  'U_regularizer',
  'W_constraint',
  'b_constraint',
  'U_constraint',
  'gamma_regularizer',
  'beta_regularizer',
  'dropout_W',
  'dropout_U',
  'consume_less',
  'sparse_input',
  'input_dtype',
]);

const LAYOUTS: Readonly<Record<string, string>> = { th: 'channels_first', tf: 'channels_last' };

const kernelOf = (config: JsonObject): readonly unknown[] | undefined => {
  if ('nb_row' in config) return [config['nb_row'], config['nb_col']];
  return 'kernel_dim1' in config ? [config['kernel_dim1'], config['kernel_dim2'], config['kernel_dim3']] : undefined;
};
const KERNEL_KEYS = new Set(['nb_row', 'nb_col', 'kernel_dim1', 'kernel_dim2', 'kernel_dim3']);

/** A layer of Keras 1 as Keras 2 would have it (keras/legacy/interfaces.py of Keras 2.0 lists the renamed arguments). */
export const modernConfig = (className: string, config: JsonObject): Modern => {
  const kernel = kernelOf(config);
  const renamed = Object.entries(config).flatMap(([key, value]): readonly (readonly [string, unknown])[] => {
    if (DROPPED.has(key) || KERNEL_KEYS.has(key)) return [];
    // 0: statistics per channel; 2: of the batch in training
    if (key === 'mode' && className === 'BatchNormalization' && (value === 0 || value === 2)) return [];
    if (key === 'dim_ordering') return [['data_format', typeof value === 'string' ? (LAYOUTS[value] ?? value) : value]];
    // Embedding kept the name
    const kept = key === 'output_dim' && className === 'Embedding';
    return [[kept || !Object.hasOwn(KEYS, key) ? key : (KEYS[key] ?? key), value]];
  });
  const modern = Object.fromEntries([...(kernel === undefined ? [] : [['kernel_size', kernel] as const]), ...renamed]);
  if (className !== 'Merge') return { className: CLASSES[className] ?? className, config: modern };
  const mode = field(modern, 'mode');
  const merge = typeof mode === 'string' && Object.hasOwn(MERGES, mode) ? MERGES[mode] : undefined;
  if (merge === undefined) return { className, config: modern };
  const rest = Object.fromEntries(Object.entries(modern).filter(([key]) => !MERGE_KEYS.has(key)));
  return { className: merge, config: merge === 'Concatenate' ? { ...rest, axis: field(modern, 'concat_axis') ?? -1 } : rest };
};
