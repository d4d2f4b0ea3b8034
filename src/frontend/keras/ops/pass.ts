import { at } from '../../../support/index.ts';
import type { Made } from '../../import-session.ts';
import type { LayerRefusal, LayerRow, LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { one, span, textOf } from '../../tf-row.ts';

/** A layer that passes its input at inference. */
const training = (...ignored: readonly string[]): LayerRow =>
  one((n) => {
    n.ignore(...ignored);
    return { same: n.input(0) };
  });

/** A model in the model, after its layers: its results by their outer names. */
const model: LayerRow = { import: (n) => span(0, n.outputCount).map((i) => ({ same: n.input(i) })) };

/** Before the layer: steps become entries of the batch. After it: they become steps again. */
const timeDistributed = (n: LayerNode): Made => {
  const part = textOf(n, 'part');
  const [first = 1, ...rest] = n.shapeOf(0);
  if (part === 'before')
    return rest.length < 1 ? n.malformed('the input has no steps') : n.reshape(n.x(0), [first * at(rest, 0), ...rest.slice(1)]);
  const [batch = 1, steps = 1] = n.shapeOf(1);
  return n.reshape(n.x(0), [batch, steps, ...rest]);
};

const refused = (reason: string): LayerRefusal => ({ refused: reason });
const masks = refused('it leaves steps out by their value');
const code = refused('its function is Python code, which is not run; rewrite it with layers of Keras');

export const passes = {
  InputLayer: training(),
  Sequential: model,
  Functional: model,
  Model: model,
  TimeDistributed: one(timeDistributed),
  Dropout: training('rate', 'noise_shape'),
  SpatialDropout1D: training('rate', 'noise_shape', 'data_format'),
  SpatialDropout2D: training('rate', 'noise_shape', 'data_format'),
  SpatialDropout3D: training('rate', 'noise_shape', 'data_format'),
  GaussianDropout: training('rate'),
  AlphaDropout: training('rate', 'noise_shape'),
  GaussianNoise: training('stddev'),
  ActivityRegularization: training('l1', 'l2'),
  Identity: training(),
  StochasticDepth: training('drop_path_rate'),
  RandomFlip: training('mode', 'data_format', 'value_range'),
  RandomRotation: training('factor', 'fill_mode', 'fill_value', 'interpolation', 'data_format', 'value_range'),
  RandomZoom: training('height_factor', 'width_factor', 'fill_mode', 'fill_value', 'interpolation', 'data_format', 'value_range'),
  RandomTranslation: training('height_factor', 'width_factor', 'fill_mode', 'fill_value', 'interpolation', 'data_format', 'value_range'),
  RandomContrast: training('factor', 'value_range', 'data_format'),
  RandomBrightness: training('factor', 'value_range', 'data_format'),
  Lambda: code,
  Masking: masks,
  Merge: refused('its mode is not one of sum, mul, ave, max, concat'),
  ConvLSTM1D: refused('convolutional recurrent layers are not supported'),
  ConvLSTM2D: refused('convolutional recurrent layers are not supported'),
  ConvLSTM3D: refused('convolutional recurrent layers are not supported'),
  CuDNNLSTM: refused('its weights are in the layout of cuDNN; load the model with Keras 2 and save it again as LSTM'),
  CuDNNGRU: refused('its weights are in the layout of cuDNN; load the model with Keras 2 and save it again as GRU'),
  StringLookup: refused('texts are no tensors of numbers'),
  TextVectorization: refused('texts are no tensors of numbers'),
  IntegerLookup: refused('it has a table of keys, not weights'),
  SpectralNormalization: refused('wrappers that change weights are not supported'),
} as const satisfies LayerTable;
