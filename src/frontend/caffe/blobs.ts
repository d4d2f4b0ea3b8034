import { elementCount } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { type ElemName, checkShape, type HostTensor, hostFromBytes } from '../host-tensor.ts';
import { parameterProblem, stop } from '../import-problems.ts';
import { type Fields, messages, numbers, text } from './fields.ts';

/** Names of the blobs of a layer, in the order in which files hold them. */
export const BLOB_NAMES: Readonly<Record<string, readonly string[]>> = {
  Convolution: ['weight', 'bias'],
  ConvolutionDepthwise: ['weight', 'bias'],
  DepthwiseConvolution: ['weight', 'bias'],
  Deconvolution: ['weight', 'bias'],
  InnerProduct: ['weight', 'bias'],
  Embed: ['weight', 'bias'],
  BatchNorm: ['mean', 'variance', 'factor'],
  Scale: ['scale', 'bias'],
  Bias: ['bias'],
  PReLU: ['slope'],
  Normalize: ['scale'],
  LSTM: ['input_weight', 'bias', 'hidden_weight'],
  RNN: ['input_weight', 'hidden_bias', 'hidden_weight', 'output_weight', 'output_bias'],
  Parameter: ['value'],
};

/** Types of raw_data (NVIDIA's fork). */
const RAW: Readonly<Record<string, ElemName>> = { DOUBLE: 'float64', FLOAT: 'float32', FLOAT16: 'float16', INT: 'int32', UINT: 'uint32' };

/** Elements of one field: arrays of packed runs, or numbers one by one. */
const floatsOf = (blob: Fields, name: string): Float32Array | undefined => {
  const values = blob.get(name);
  if (values === undefined) return undefined;
  const [only] = values;
  if (values.length === 1 && only instanceof Float32Array) return only;
  const parts = values.map((v) => (v instanceof Float32Array || v instanceof Float64Array ? v : [Number(v)]));
  const all = new Float32Array(parts.reduce((sum, p) => sum + p.length, 0));
  let start = 0;
  for (const part of parts) {
    all.set(part, start);
    start += part.length;
  }
  return all;
};

/** A shape message, or the four numbers of files before 2014. */
const shapeOf = (blob: Fields): readonly number[] => {
  const [shape] = messages(blob, 'shape');
  if (shape !== undefined) return numbers(shape, 'dim');
  return ['num', 'channels', 'height', 'width'].map((name) => numbers(blob, name).at(-1) ?? 1);
};

/** A BlobProto as a tensor. @throws {MrlError} IMP1005 */
export const blobTensor = (name: string, blob: Fields): HostTensor => {
  const shape = shapeOf(blob);
  checkShape(name, shape);
  const raw = blob.get('raw_data')?.at(-1);
  if (raw instanceof Uint8Array) {
    const kind = text(blob, 'raw_data_type') ?? 'DOUBLE';
    const elem = RAW[kind];
    return elem === undefined ? stop(parameterProblem(name, `raw_data_type is ${kind}`)) : hostFromBytes(name, elem, shape, raw);
  }
  const data = floatsOf(blob, 'data') ?? floatsOf(blob, 'double_data') ?? new Float32Array(0);
  if (data.length !== elementCount(shape))
    return stop(parameterProblem(name, `its shape is [${shape.join(', ')}], but ${data.length} elements are stored`));
  return { elem: 'float32', shape, data };
};

/** What a layer needs to know of its blobs, as one of its attributes. */
export interface BlobNames {
  /** Name of blob k: that of the layer and the role, or the name by which layers share it. */
  readonly names: readonly string[];
  /** Number of blobs that the weights have for the layer; undefined: no weights are given. */
  readonly stored: number | undefined;
}

/** Names under which the blobs of one layer are found. */
export const blobNames = (layer: string, type: string, count: number, shared: readonly (string | undefined)[]): readonly string[] => {
  const roles = BLOB_NAMES[type] ?? [];
  return Array.from({ length: Math.max(count, roles.length) }, (_, k) => {
    const own = shared[k];
    return own !== undefined && own !== '' ? own : `${layer}.${k < roles.length ? at(roles, k) : k}`;
  });
};
