import { unsupported } from '../../../ir/index.ts';

const INTEGERS = 'Keras has layers of floats; integer programs are exported to PyTorch and ONNX';
const FIXED = 'Keras has no functions in fixed point; integer programs are exported to PyTorch and ONNX';
const RANDOM = 'Keras draws from a generator of its own; a model with random numbers would give others';
const SCATTER = 'TensorFlow writes in no defined order where places are equal';

/** Ops that Keras has no exact operators for. */
export const refusedRows = {
  add_rescale: unsupported(INTEGERS),
  add_saturated: unsupported(INTEGERS),
  clz: unsupported(INTEGERS),
  cos_fixed: unsupported(FIXED),
  div_floor: unsupported(INTEGERS),
  div_round: unsupported(INTEGERS),
  exp2_fixed: unsupported(FIXED),
  exp_fixed: unsupported(FIXED),
  interpolate: unsupported('Keras samples images with rules of its own'),
  isqrt: unsupported(FIXED),
  layer_norm_fixed: unsupported(FIXED),
  log2_fixed: unsupported(FIXED),
  lse_fixed: unsupported(FIXED),
  max_pool_indices: unsupported('Keras pools without indices'),
  mod: unsupported(INTEGERS),
  nms: unsupported('Keras has no suppression of boxes'),
  pow_fixed: unsupported(FIXED),
  random_bernoulli: unsupported(RANDOM),
  random_bits: unsupported(RANDOM),
  random_int: unsupported(RANDOM),
  random_uniform: unsupported(RANDOM),
  rem: unsupported(INTEGERS),
  rescale: unsupported(INTEGERS),
  roi_align: unsupported('Keras has no regions of images'),
  roi_pool: unsupported('Keras has no regions of images'),
  round_float: unsupported('Keras rounds to some of the narrow formats alone, and saturates otherwise'),
  scatter_elements: unsupported(SCATTER),
  scatter_nd: unsupported(SCATTER),
  shift_left: unsupported(INTEGERS),
  shift_right: unsupported(INTEGERS),
  shift_right_logical: unsupported(INTEGERS),
  sin_fixed: unsupported(FIXED),
  softmax_fixed: unsupported(FIXED),
  softmax_lut: unsupported(FIXED),
  table: unsupported(INTEGERS),
};
