import { unsupported } from '../../../ir/index.ts';

const GENERATOR = 'PyTorch draws from a generator of its own; a model with random numbers would give others';

/** Ops that PyTorch has no exact operators for. */
export const refusedRows = {
  cos_fixed: unsupported('PyTorch has no trigonometry in fixed point'),
  sin_fixed: unsupported('PyTorch has no trigonometry in fixed point'),
  pow_fixed: unsupported('PyTorch has no powers in fixed point'),
  lse_fixed: unsupported('PyTorch has no sums of exponentials in fixed point'),
  interpolate: unsupported('PyTorch samples by normalized coordinates, which round differently'),
  nms: unsupported('PyTorch has no suppression of boxes; torchvision has one for a single class, with other rules'),
  random_bernoulli: unsupported(GENERATOR),
  random_bits: unsupported(GENERATOR),
  random_int: unsupported(GENERATOR),
  random_uniform: unsupported(GENERATOR),
  roi_align: unsupported('PyTorch has no regions of images; torchvision has one with other rules'),
  roi_pool: unsupported('PyTorch has no regions of images; torchvision has one with other rules'),
  round_float: unsupported('PyTorch rounds to some of the narrow formats alone, and saturates otherwise'),
};
