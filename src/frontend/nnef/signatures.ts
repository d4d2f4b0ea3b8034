/**
 * Parameters of the operations of NNEF 1.0 (and of 1.0.5 where it adds some), in order: a star marks tensors, two stars a list
 * of tensors, a question mark what may be left out.
 */
const SLIDING = 'border? padding? stride? dilation?';
const TEXT = {
  reshape: 'input* shape axis_start? axis_count?',
  transpose: 'input* axes',
  concat: 'values** axis',
  split: 'value* axis ratios',
  slice: 'input* axes begin end stride?',
  squeeze: 'input* axes',
  unsqueeze: 'input* axes',
  stack: 'values** axis',
  unstack: 'value* axis',
  tile: 'input* repeats',
  pad: 'input* padding border? value?',
  gather: 'input* indices* axis?',
  cast: 'input*',
  select: 'condition* true_value* false_value*',
  clamp: 'x* a* b*',
  matmul: 'A* B* transposeA? transposeB?',
  conv: `input* filter* bias*? ${SLIDING} groups?`,
  deconv: `input* filter* bias*? ${SLIDING} output_shape? groups?`,
  separable_conv: `input* plane_filter* point_filter* bias*? ${SLIDING} groups?`,
  separable_deconv: `input* plane_filter* point_filter* bias*? ${SLIDING} output_shape? groups?`,
  box: `input* size ${SLIDING} normalize?`,
  debox: `input* size ${SLIDING} output_shape? normalize?`,
  max_pool: `input* size ${SLIDING}`,
  avg_pool: `input* size ${SLIDING}`,
  rms_pool: `input* size ${SLIDING}`,
  argmax_pool: `input* size ${SLIDING}`,
  max_pool_with_index: `input* size ${SLIDING}`,
  sample: `input* index* size ${SLIDING}`,
  desample: `input* index* size ${SLIDING} output_shape?`,
  nearest_downsample: 'input* factor',
  area_downsample: 'input* factor',
  nearest_upsample: 'input* factor',
  multilinear_upsample: 'input* factor method? border?',
  sum_reduce: 'input* axes normalize?',
  max_reduce: 'input* axes',
  min_reduce: 'input* axes',
  mean_reduce: 'input* axes',
  argmax_reduce: 'input* axes',
  argmin_reduce: 'input* axes',
  any_reduce: 'input* axes',
  all_reduce: 'input* axes',
  moments: 'input* axes',
  softabs: 'x* epsilon',
  softmax: 'x* axes?',
  prelu: 'x* alpha*',
  leaky_relu: 'x* alpha',
  linear: 'input* filter* bias*?',
  local_response_normalization: 'input* size alpha? beta? bias?',
  local_mean_normalization: 'input* size',
  local_variance_normalization: 'input* size bias? epsilon?',
  local_contrast_normalization: 'input* size bias? epsilon?',
  l1_normalization: 'input* axes bias? epsilon?',
  l2_normalization: 'input* axes bias? epsilon?',
  batch_normalization: 'input* mean* variance* offset*? scale*? epsilon?',
  min_max_linear_quantize: 'x* min* max* bits signed symmetric',
  zero_point_linear_quantize: 'x* zero_point scale bits signed symmetric',
  linear_quantize: 'x* min* max* bits',
  logarithmic_quantize: 'x* max* bits',
  avg_roi_pool: 'input* rois* batch_index* output_size',
  max_roi_pool: 'input* rois* batch_index* output_size',
  roi_resample: 'input* rois* batch_index* output_size method?',
  avg_roi_align: 'input* rois* batch_index* output_size sampling_rate resize_method?',
  max_roi_align: 'input* rois* batch_index* output_size sampling_rate resize_method?',
  copy_n: 'x* times',
  add_n: 'x**',
  update: 'variable* value*',
} as const;
const UNARY =
  'exp log sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh abs sign rcp neg copy not floor ceil round sqr sqrt rsqr rsqrt log2 relu sigmoid softplus elu selu gelu silu';
const BINARY = 'add sub mul div pow lt gt le ge eq ne and or min max';

export interface Parameter {
  readonly name: string;
  readonly kind: 'tensor' | 'tensors' | 'value';
  readonly optional: boolean;
}

const parameters = (text: string): readonly Parameter[] =>
  text.split(' ').map((word) => ({
    name: word.replace(/[*?]/g, ''),
    kind: word.includes('**') ? 'tensors' : word.includes('*') ? 'tensor' : 'value',
    optional: word.endsWith('?'),
  }));

export const SIGNATURES: ReadonlyMap<string, readonly Parameter[]> = new Map([
  ...Object.entries(TEXT).map(([op, text]) => [op, parameters(text)] as const),
  ...UNARY.split(' ').map((op) => [op, parameters('x*')] as const),
  ...BINARY.split(' ').map((op) => [op, parameters('x* y*')] as const),
]);
