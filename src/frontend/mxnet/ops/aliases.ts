/** Other names of operators, by the version or the interface that writes them: alias, then the name that has a row. */
const BINARY = ['add', 'sub', 'mul', 'div', 'mod', 'power', 'maximum', 'minimum', 'hypot'] as const;
const LOGIC = [
  'equal',
  'not_equal',
  'greater',
  'greater_equal',
  'lesser',
  'lesser_equal',
  'logical_and',
  'logical_or',
  'logical_xor',
] as const;

const capital = (name: string): string => name.replace(/(^|_)[a-z]/g, (m) => m.toUpperCase());
const words = (name: string): readonly string[] => (name === 'add' ? ['add', 'plus'] : name === 'sub' ? ['sub', 'minus'] : [name]);

/** elemwise_NAME, broadcast_NAME and _NAME; before 0.9 with capitals. */
const twoTensors = [...BINARY, ...LOGIC].flatMap((name) =>
  words(name).flatMap((w) =>
    [`elemwise_${w}`, `broadcast_${w}`, `_${w}`, `_${capital(w)}`].flatMap((alias) =>
      alias === `broadcast_${name}` ? [] : [[alias, `broadcast_${name}`] as const],
    ),
  ),
);
/** _PlusScalar, _RMinusScalar, … */
const scalars = [...BINARY, ...LOGIC].flatMap((name) => {
  const word = name === 'add' ? 'plus' : name === 'sub' ? 'minus' : name;
  const camel = capital(word).replaceAll('_', '');
  const reversed = name === 'sub' || name === 'div' || name === 'mod' || name === 'power';
  return [[`_${camel}Scalar`, `_${word}_scalar`] as const, ...(reversed ? [[`_R${camel}Scalar`, `_r${word}_scalar`] as const] : [])];
});

export const ALIASES: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...twoTensors, ...scalars]),
  _grad_add: 'broadcast_add',
  ElementWiseSum: 'add_n',
  Convolution_v1: 'Convolution',
  _contrib_SparseEmbedding: 'Embedding',
  BatchNorm_v1: 'BatchNorm',
  CuDNNBatchNorm: 'BatchNorm',
  _contrib_SyncBatchNorm: 'BatchNorm',
  Softmax: 'SoftmaxOutput',
  reshape: 'Reshape',
  flatten: 'Flatten',
  swapaxes: 'SwapAxis',
  concat: 'Concat',
  flip: 'reverse',
  pad: 'Pad',
  broadcast_axes: 'broadcast_axis',
  crop: 'slice',
  split: 'SliceChannel',
  sum_axis: 'sum',
  max_axis: 'max',
  min_axis: 'min',
  _np_cumsum: 'cumsum',
  choose_element_0index: 'pick',
  linalg_gemm: '_linalg_gemm',
  linalg_gemm2: '_linalg_gemm2',
  cast: 'Cast',
  amp_cast: 'Cast',
  _copy: 'identity',
  stop_gradient: 'identity',
  BlockGrad: 'identity',
  make_loss: 'identity',
  _CrossDeviceCopy: 'identity',
  MAERegressionOutput: 'LinearRegressionOutput',
  fix: 'trunc',
  _contrib_round_ste: 'round',
  _contrib_sign_ste: 'sign',
};
