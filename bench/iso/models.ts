import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type FilesBeside, type Frontend, FRONTENDS } from '../../src/frontend/index.ts';
import { examineOnnx, importOnnx } from '../../src/frontend/onnx/index.ts';
import { importTflite } from '../../src/frontend/tflite/index.ts';
import type { Program } from '../../src/ir/index.ts';
import { compareCodeUnits, diagnostic, fail, ok, unwrap } from '../../src/support/index.ts';

/** What a file leaves open. */
export interface ImportArgs {
  /** Shapes of inputs. */
  readonly shapes?: Readonly<Record<string, readonly number[]>> | undefined;
  /** File with the weights, in the data folder. */
  readonly params?: string | undefined;
  /** Weights that are not there are zeros, which takes no time: only layers and shapes matter. */
  readonly structureOnly?: boolean;
}

const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(path));

const frontendOf = (data: string, path: string): Frontend | undefined =>
  FRONTENDS.find((f) => f.detect(bytesOf(join(data, path)).subarray(0, 4096), path));

/** Whether there is an importer for a file; a checkpoint of PyTorch (.pth) is weights without a network. */
export const isImportable = (data: string, path: string): boolean =>
  path.endsWith('.onnx') || path.endsWith('.tflite') || (!path.endsWith('.pth') && frontendOf(data, path) !== undefined);

const besideOf = (folder: string): FilesBeside => {
  const names = readdirSync(folder).sort(compareCodeUnits);
  return {
    list: () => names,
    has: (name) => names.includes(name),
    read: (name) => (names.includes(name) ? ok(bytesOf(join(folder, name))) : fail(diagnostic('CLI2001', `${name} does not exist`))),
  };
};

/** A model of the data folder; symbolic dimensions are 1, weights that are not there are random. */
export const importModel = async (
  data: string,
  path: string,
  { shapes = {}, params, structureOnly = false }: ImportArgs = {},
): Promise<Program> => {
  const full = join(data, path);
  const bytes = bytesOf(full);
  if (path.endsWith('.tflite')) return unwrap(importTflite(bytes)).program;
  if (path.endsWith('.onnx')) {
    const symbols = examineOnnx(bytes).inputs.flatMap((p) => p.type.shape.filter((d) => typeof d === 'string'));
    return unwrap(importOnnx(bytes, symbols.length === 0 ? {} : { bind: new Map(symbols.map((s) => [s, 1])) })).program;
  }
  const frontend = frontendOf(data, path);
  if (frontend === undefined) throw new Error(`there is no importer for ${path}`);
  const { program, problems } = await frontend.examine(bytes, {
    file: basename(path),
    beside: besideOf(dirname(full)),
    params: params === undefined ? undefined : bytesOf(join(data, params)),
    shapes: new Map(Object.entries(shapes)),
    randomParams: true,
    structureOnly,
  });
  if (program === undefined || problems.length > 0)
    throw new Error(`${path}: ${problems.map((p) => `${p.code} ${p.where ?? ''} ${p.message}`).join('; ')}`);
  return program;
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
