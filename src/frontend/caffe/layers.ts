import { malformed, stop } from '../import-problems.ts';
import { type Fields, type FieldValue, messages, numbers, text, texts } from './fields.ts';
import { POSITION } from './prototxt.ts';

/** One layer of a net, whatever the age of the file. */
export interface CaffeLayer {
  readonly name: string;
  /** In the words of layers since 2014: Convolution, not CONVOLUTION or conv. */
  readonly type: string;
  readonly bottoms: readonly string[];
  readonly tops: readonly string[];
  /** Values that are set, by names like `convolution_param.num_output`. */
  readonly attributes: ReadonlyMap<string, readonly FieldValue[]>;
  readonly blobs: readonly Fields[];
  /** Names by which blobs are shared with other layers. */
  readonly shared: readonly (string | undefined)[];
  readonly include: readonly Fields[];
  readonly exclude: readonly Fields[];
}

/** What training and filters of layers use; the rest has to be read by the layer. */
const ASIDE: ReadonlySet<string> = new Set([
  POSITION,
  ...'name type bottom top phase loss_weight param blobs propagate_down include exclude blobs_lr weight_decay blob_share_mode layer'.split(
    ' ',
  ),
]);

/** Layer types of the second form (V1LayerParameter.LayerType) in today's words: upgrade_proto.cpp of BVLC/caffe. */
const SECOND: Readonly<Record<string, string>> = {
  ABSVAL: 'AbsVal',
  ACCURACY: 'Accuracy',
  ARGMAX: 'ArgMax',
  BNLL: 'BNLL',
  CONCAT: 'Concat',
  CONTRASTIVE_LOSS: 'ContrastiveLoss',
  CONVOLUTION: 'Convolution',
  DECONVOLUTION: 'Deconvolution',
  DATA: 'Data',
  DROPOUT: 'Dropout',
  DUMMY_DATA: 'DummyData',
  EUCLIDEAN_LOSS: 'EuclideanLoss',
  ELTWISE: 'Eltwise',
  EXP: 'Exp',
  FLATTEN: 'Flatten',
  HDF5_DATA: 'HDF5Data',
  HDF5_OUTPUT: 'HDF5Output',
  HINGE_LOSS: 'HingeLoss',
  IM2COL: 'Im2col',
  IMAGE_DATA: 'ImageData',
  INFOGAIN_LOSS: 'InfogainLoss',
  INNER_PRODUCT: 'InnerProduct',
  LRN: 'LRN',
  MEMORY_DATA: 'MemoryData',
  MULTINOMIAL_LOGISTIC_LOSS: 'MultinomialLogisticLoss',
  MVN: 'MVN',
  POOLING: 'Pooling',
  POWER: 'Power',
  RELU: 'ReLU',
  SIGMOID: 'Sigmoid',
  SIGMOID_CROSS_ENTROPY_LOSS: 'SigmoidCrossEntropyLoss',
  SILENCE: 'Silence',
  SLICE: 'Slice',
  SOFTMAX: 'Softmax',
  SOFTMAX_LOSS: 'SoftmaxWithLoss',
  SPLIT: 'Split',
  TANH: 'TanH',
  WINDOW_DATA: 'WindowData',
  THRESHOLD: 'Threshold',
};

/** Layer types of the first form (V0LayerParameter.type). */
const FIRST: Readonly<Record<string, string>> = {
  accuracy: 'Accuracy',
  bnll: 'BNLL',
  concat: 'Concat',
  conv: 'Convolution',
  data: 'Data',
  dropout: 'Dropout',
  euclidean_loss: 'EuclideanLoss',
  flatten: 'Flatten',
  hdf5_data: 'HDF5Data',
  hdf5_output: 'HDF5Output',
  im2col: 'Im2col',
  images: 'ImageData',
  infogain_loss: 'InfogainLoss',
  innerproduct: 'InnerProduct',
  lrn: 'LRN',
  multinomial_logistic_loss: 'MultinomialLogisticLoss',
  pool: 'Pooling',
  relu: 'ReLU',
  sigmoid: 'Sigmoid',
  softmax: 'Softmax',
  softmax_loss: 'SoftmaxWithLoss',
  split: 'Split',
  tanh: 'TanH',
  window_data: 'WindowData',
  padding: 'padding',
};

/** Where the fields of the first form went, by layer type. */
const FIRST_FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Convolution: {
    num_output: 'convolution_param.num_output',
    biasterm: 'convolution_param.bias_term',
    pad: 'convolution_param.pad',
    kernelsize: 'convolution_param.kernel_size',
    group: 'convolution_param.group',
    stride: 'convolution_param.stride',
  },
  InnerProduct: { num_output: 'inner_product_param.num_output', biasterm: 'inner_product_param.bias_term' },
  Pooling: {
    pad: 'pooling_param.pad',
    kernelsize: 'pooling_param.kernel_size',
    stride: 'pooling_param.stride',
    pool: 'pooling_param.pool',
  },
  LRN: { local_size: 'lrn_param.local_size', alpha: 'lrn_param.alpha', beta: 'lrn_param.beta', k: 'lrn_param.k' },
  Dropout: { dropout_ratio: 'dropout_param.dropout_ratio' },
  Concat: { concat_dim: 'concat_param.concat_dim' },
  padding: { pad: 'pad' },
};

/** Fields of the first form that say how weights begin and how data is read. */
const FIRST_ASIDE: ReadonlySet<string> = new Set(
  'weight_filler bias_filler source scale meanfile batchsize cropsize mirror rand_skip shuffle_images new_num new_channels new_height new_width hdf5_output_param'.split(
    ' ',
  ),
);

const flattened = (fields: Fields): Map<string, FieldValue[]> => {
  const out = new Map<string, FieldValue[]>();
  const add = (name: string, values: readonly FieldValue[]): void => {
    out.set(name, [...(out.get(name) ?? []), ...values]);
  };
  for (const [name, values] of fields) {
    if (ASIDE.has(name)) continue;
    for (const value of values) {
      if (value instanceof Map) for (const [inner, own] of value) add(`${name}.${inner}`, own);
      else add(name, [value]);
    }
  }
  return out;
};

const nameOf = (fields: Fields): string => text(fields, 'name') ?? text(fields, 'type') ?? 'unnamed';

const today = (fields: Fields): CaffeLayer => ({
  name: nameOf(fields),
  type: text(fields, 'type') ?? '',
  bottoms: texts(fields, 'bottom'),
  tops: texts(fields, 'top'),
  attributes: flattened(fields),
  blobs: messages(fields, 'blobs'),
  shared: messages(fields, 'param').map((p) => text(p, 'name')),
  include: messages(fields, 'include'),
  exclude: messages(fields, 'exclude'),
});

const second = (fields: Fields): CaffeLayer => {
  const type = text(fields, 'type') ?? '';
  return { ...today(fields), type: SECOND[type] ?? type, shared: texts(fields, 'param') };
};

const first = (fields: Fields, own: Fields): CaffeLayer => {
  const type = FIRST[text(own, 'type') ?? ''] ?? text(own, 'type') ?? '';
  const names = FIRST_FIELDS[type] ?? {};
  const attributes = new Map<string, readonly FieldValue[]>();
  for (const [name, values] of own) if (!ASIDE.has(name) && !FIRST_ASIDE.has(name)) attributes.set(names[name] ?? name, values);
  return { ...today(fields), name: nameOf(own), type, attributes, blobs: messages(own, 'blobs'), shared: [] };
};

/** Layers of type padding of the first form become the pads of the layer that reads them. */
const withoutPadding = (layers: readonly CaffeLayer[]): readonly CaffeLayer[] => {
  const pads = new Map<string, CaffeLayer>();
  const out: CaffeLayer[] = [];
  for (const layer of layers) {
    const [top] = layer.tops;
    if (layer.type === 'padding' && top !== undefined) {
      pads.set(top, layer);
      continue;
    }
    const from = layer.bottoms.map((b) => pads.get(b));
    const [pad] = from;
    const param = layer.type === 'Convolution' ? 'convolution_param.pad' : layer.type === 'Pooling' ? 'pooling_param.pad' : undefined;
    if (from.every((p) => p === undefined)) out.push(layer);
    else if (pad === undefined || param === undefined || layer.attributes.has(param))
      stop(malformed(`${layer.type} cannot take the padding of layer ${from.find((p) => p !== undefined)?.name ?? ''}`, layer.name));
    else
      out.push({
        ...layer,
        bottoms: [pad.bottoms[0] ?? '', ...layer.bottoms.slice(1)],
        attributes: new Map([...layer.attributes, [param, pad.attributes.get('pad') ?? []]]),
      });
  }
  return out;
};

const before = (fields: Fields): CaffeLayer => {
  const [own] = messages(fields, 'layer');
  return own === undefined ? second(fields) : first(fields, own);
};

/** Layers of a net in order, upgraded to today's form. @throws {MrlError} IMP1006 when forms are mixed and no text tells their order */
export const layersOf = (net: Fields): readonly CaffeLayer[] => {
  const [now, old] = [messages(net, 'layer'), messages(net, 'layers')];
  if (now.length === 0) return withoutPadding(old.map(before));
  if (old.length === 0) return now.map(today);
  const placed = [...now.map((m) => [m, today] as const), ...old.map((m) => [m, before] as const)];
  const place = (m: Fields): number =>
    numbers(m, POSITION)[0] ?? stop(malformed('the net has both "layer" and "layers"', text(net, 'name') ?? 'net'));
  return withoutPadding(placed.sort(([a], [b]) => place(a) - place(b)).map(([m, upgrade]) => upgrade(m)));
};

/** Level and stages that rules of layers ask for. */
export interface NetState {
  readonly level: number;
  readonly stages: readonly string[];
}

const meets = (rule: Fields, { level, stages }: NetState): boolean => {
  const bound = (name: string): number | undefined => {
    const value = rule.get(name)?.at(-1);
    return typeof value === 'number' ? value : undefined;
  };
  const phase = rule.get('phase')?.at(-1);
  if (phase !== undefined && phase !== 'TEST' && phase !== 1) return false;
  if (level < (bound('min_level') ?? Number.NEGATIVE_INFINITY) || level > (bound('max_level') ?? Number.POSITIVE_INFINITY)) return false;
  return texts(rule, 'stage').every((s) => stages.includes(s)) && !texts(rule, 'not_stage').some((s) => stages.includes(s));
};

/** Whether a layer is part of the net in phase TEST (StateMeetsRule and FilterNet of net.cpp). */
export const isIncluded = (layer: CaffeLayer, state: NetState): boolean =>
  layer.include.length > 0 ? layer.include.some((rule) => meets(rule, state)) : !layer.exclude.some((rule) => meets(rule, state));
