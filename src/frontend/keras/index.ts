import type { Frontend } from '../contract.ts';
import { examineKeras, isKeras } from './examine.ts';
import { examineLayersModel, isLayersModel } from './layers-model.ts';
import { KERAS_LAYERS } from './ops/index.ts';

/** Models of Keras 1, 2 and 3: legacy HDF5, archives, and JSON with the weights beside it. */
export const keras: Frontend = {
  name: 'keras',
  title: 'Keras',
  files: 'model.keras, model.h5, model.hdf5, model.json with model.weights.h5',
  layers: KERAS_LAYERS,
  detect: isKeras,
  examine: examineKeras,
};

/** Models of TensorFlow.js with the topology of Keras. */
export const tfjsLayers: Frontend = {
  name: 'tfjs-layers',
  title: 'TensorFlow.js layers model',
  files: 'model.json with its shards',
  layers: KERAS_LAYERS,
  detect: isLayersModel,
  examine: examineLayersModel,
};
