import { caffe } from './caffe/index.ts';
import type { Frontend } from './contract.ts';
import { keras, tfjsLayers } from './keras/index.ts';
import { mxnet } from './mxnet/index.ts';
import { nnef } from './nnef/index.ts';
import { pytorch } from './pytorch/index.ts';
import { tensorflow } from './tensorflow/index.ts';
import { tfjs } from './tfjs/index.ts';

export type { FilesBeside, Frontend, ImportOptions, ImportPort, ImportReport, LayerReport } from './contract.ts';

/** Formats that are imported by way of layers, in the order in which a file is tried; ONNX and TensorFlow Lite stand apart. */
export const FRONTENDS: readonly Frontend[] = [tensorflow, pytorch, mxnet, caffe, keras, tfjsLayers, tfjs, nnef];
