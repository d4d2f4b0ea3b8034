import type { MxTable } from './row.ts';

const refuse = (refused: string, ...ops: readonly string[]): MxTable => Object.fromEntries(ops.map((op) => [op, { refused }]));

/** Operators that are known and not imported, with the reason. */
export const refused: MxTable = {
  ...refuse('it runs Python code that is not in the file', 'Custom', '_NDArray', '_Native', '_CustomFunction', '_CachedOp', '_npi_Custom'),
  ...refuse('its loop runs a number of times that is known only when it runs', '_foreach', '_while_loop'),
  ...refuse('which branch is taken is known only when it runs', '_cond'),
  ...refuse('the number of its results depends on values', '_contrib_boolean_mask', '_npi_boolean_mask', '_npx_nonzero', '_npi_unique'),
  ...refuse(
    'it is the head of a detector, which programs do outside: take the outputs of the layers before it (cls_prob, loc_pred, anchors)',
    '_contrib_MultiBoxPrior',
    '_contrib_MultiBoxDetection',
    '_contrib_MultiBoxTarget',
    '_npx_multibox_prior',
    '_npx_multibox_detection',
    '_npx_multibox_target',
    'MultiBoxPrior',
    'MultiBoxDetection',
  ),
  ...refuse(
    'it proposes regions, which programs do outside: take the scores and boxes before it',
    '_contrib_Proposal',
    '_contrib_MultiProposal',
    '_contrib_PSROIPooling',
    '_contrib_DeformablePSROIPooling',
    '_contrib_RROIAlign',
    '_contrib_box_nms',
    '_contrib_box_non_maximum_suppression',
    '_contrib_bipartite_matching',
  ),
  ...refuse(
    'it computes a loss for training: export the symbol before it',
    'CTCLoss',
    'ctc_loss',
    '_contrib_CTCLoss',
    '_contrib_ctc_loss',
    'softmax_cross_entropy',
    'smooth_l1',
  ),
  ...refuse(
    'its scales are ranges of floats that are measured when it runs: take the model before quantization, and quantize it with compile',
    ...['quantize', 'quantize_v2', 'dequantize', 'requantize', 'quantized_conv', 'quantized_fully_connected', 'quantized_pooling'].map(
      (op) => `_contrib_${op}`,
    ),
    ...['quantized_act', 'quantized_concat', 'quantized_flatten', 'quantized_elemwise_add', 'quantized_elemwise_mul'].map(
      (op) => `_contrib_${op}`,
    ),
    '_contrib_quantized_batch_norm',
    '_contrib_quantized_embedding',
    '_contrib_quantized_rnn',
    '_sg_mkldnn_conv',
    '_sg_mkldnn_fully_connected',
  ),
  ...refuse(
    'its result is random',
    '_random_uniform',
    '_random_normal',
    'uniform',
    'normal',
    '_sample_uniform',
    '_sample_normal',
    '_sample_multinomial',
    'shuffle',
    '_shuffle',
  ),
  ...refuse('which of several writes to one place stays is not defined', 'scatter_nd', '_scatter_set_nd'),
  ...refuse('it weights samples at the border otherwise than programs do', '_contrib_DeformableConvolution'),
  ...refuse('the program has no such function', 'gamma', 'gammaln', 'erfinv', 'khatri_rao', 'Correlation', 'diag', 'nansum', 'nanprod'),
};
