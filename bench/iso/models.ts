import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { examineOnnx, importOnnx } from '../../src/frontend/onnx/index.ts';
import { importTflite } from '../../src/frontend/tflite/index.ts';
import type { Program } from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';

const IMPORTABLE = ['.onnx', '.tflite'];

/** Whether there is an importer for a file of this name. */
export const isImportable = (path: string): boolean => IMPORTABLE.some((end) => path.endsWith(end));

/** A model of the data folder; symbolic dimensions are 1. */
export const importModel = (data: string, path: string): Program => {
  const bytes = new Uint8Array(readFileSync(join(data, path)));
  if (path.endsWith('.tflite')) return unwrap(importTflite(bytes)).program;
  const symbols = examineOnnx(bytes).inputs.flatMap((p) => p.type.shape.filter((d) => typeof d === 'string'));
  return unwrap(importOnnx(bytes, symbols.length === 0 ? {} : { bind: new Map(symbols.map((s) => [s, 1])) })).program;
};

/** Small trained models for mutations. */
export const MUTATED: readonly string[] = [
  'pairs/micro_kws_m/micro_kws_m_static_fp32.onnx',
  'pairs/micro_kws_m/micro_kws_m_fp32.tflite',
  'pairs/hls4ml/three_layer_pytorch.onnx',
  'onnx-trained/mnist-cntk/model.onnx',
  'onnx-trained/mnist-pytorch/cnn_mnist_pytorch.onnx',
  'tflite/mlperf-tiny/pretrainedResnet.tflite',
  'tflite/mlperf-tiny/kws_ref_model_float32.tflite',
  'pairs/face-rfb-320/version-RFB-320_simplified.onnx',
  'onnx-trained/resnet20-cifar10/resnet20.onnx',
];
