import type { Frontend, ImportOptions, ImportReport } from '../contract.ts';
import { caught, damaged, incomplete, paramsMissing } from '../import-problems.ts';
import { importLayers, type LayerGraph, noModel } from '../layer-graph.ts';
import type { BlobNames } from './blobs.ts';
import { decodeCaffemodel } from './caffemodel.ts';
import { hasWideCodes, isPacked, type PackedLayer, unpackWeights } from './deep-compression.ts';
import type { Fields } from './fields.ts';
import { needsWeights, readNet, weightsOf } from './net.ts';
import { CAFFE_LAYERS } from './ops/index.ts';
import { parsePrototxt } from './prototxt.ts';

const BINARY = '.caffemodel';
const TEXT = '.prototxt';

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** What a net in text begins with. */
const NET_WORDS = /^\uFEFF?(?:\s|#[^\n]*\n)*(?:name|input|input_dim|input_shape|layers?|force_backward|state)\s*[:{]/;
const LAYER_WORDS = /(?:^|[\s}])(?:layers?\s*\{|input\s*:)/;

const isText = (head: Uint8Array): boolean => {
  const text = textOf(head.subarray(0, 4096));
  return NET_WORDS.test(text) && LAYER_WORDS.test(text);
};

interface Found {
  readonly net: Fields;
  readonly weights: ReadonlyMap<string, readonly Fields[]> | undefined;
  readonly bytes: number;
  /** A file with weights that is no .caffemodel: it is read once the layers are known. */
  readonly packed?: Uint8Array;
  /** The file that weights were looked for in. */
  readonly looked: string;
}

/** Tags that a .caffemodel begins with: the name of the net, or its first input. */
const NET_NAME = 0x0a;
const NET_INPUT = 0x1a;

const stemOf = (file: string): string => file.replace(/\.(?:caffemodel|prototxt)$/, '');

/** The net and its weights: two files of one name, or one that --params names. @throws {MrlError} */
const found = (bytes: Uint8Array, { file, beside, params }: ImportOptions): Found => {
  const looked = `${stemOf(file)}${BINARY}`;
  if (file.endsWith(BINARY)) {
    const own = decodeCaffemodel(bytes);
    const text = beside.has(`${stemOf(file)}${TEXT}`) ? beside.read(`${stemOf(file)}${TEXT}`) : undefined;
    // the net in a file with weights is the one that was trained; a description beside it is meant for use
    const net = text?.ok === true ? parsePrototxt(textOf(text.value)) : own;
    return { net, weights: weightsOf(own), bytes: bytes.length, looked };
  }
  const net = parsePrototxt(textOf(bytes));
  const given = params ?? (beside.has(looked) ? beside.read(looked) : undefined);
  const weights = given === undefined ? undefined : given instanceof Uint8Array ? given : given.ok ? given.value : undefined;
  if (weights !== undefined) {
    const bytesOfAll = bytes.length + weights.length;
    try {
      return { net, weights: weightsOf(decodeCaffemodel(weights)), bytes: bytesOfAll, looked };
    } catch (error) {
      // who says what the bytes are otherwise
      if (weights[0] === NET_NAME || weights[0] === NET_INPUT) throw error;
      return { net, weights: undefined, packed: weights, bytes: bytesOfAll, looked };
    }
  }
  const own = weightsOf(net);
  return { net, weights: own.size === 0 ? undefined : own, bytes: bytes.length, looked };
};

/** Weights whose places in their file follow from the shapes that layers have. */
const withPacked = (graph: LayerGraph, packed: Uint8Array, options: ImportOptions): ImportReport => {
  const shapes = importLayers(graph, CAFFE_LAYERS, { ...options, structureOnly: true });
  const params = new Map(shapes.program?.params.map((p) => [p.name, p.tensor.shape]));
  const layers = graph.layers.flatMap((l): readonly PackedLayer[] => {
    const [weight = '', bias = ''] = (l.attributes.get('blobs') as BlobNames | undefined)?.names ?? [];
    const [weightShape, biasShape] = [params.get(weight), params.get(bias)];
    if (!isPacked(l.name) || weightShape === undefined || biasShape === undefined) return [];
    return [{ weight, bias, weightShape, biasShape, wide: hasWideCodes(l.name) }];
  });
  const made = unpackWeights(packed, layers);
  const known = { ...graph, stored: (name: string) => made?.get(name) };
  if (made !== undefined) return importLayers(known, CAFFE_LAYERS, options);
  const problem = damaged(
    'Caffe',
    'the file with the weights is no .caffemodel, and its length is not that of weights by Deep Compression',
  );
  return { ...shapes, problems: [problem, ...shapes.problems] };
};

const examine = (bytes: Uint8Array, options: ImportOptions): ImportReport => {
  if (options.file.endsWith(BINARY) && options.params !== undefined)
    return noModel(incomplete('--params names weights, but the model is a file with weights', options.file));
  let parts: Found;
  try {
    parts = found(bytes, options);
  } catch (error) {
    return noModel(...caught(error));
  }
  const graph = readNet({ net: parts.net, weights: parts.weights, fileBytes: parts.bytes, file: options.file });
  if (graph.layers.length === 0 && graph.problems.length === 0) return noModel(incomplete('the net has no layers', options.file));
  if (parts.packed !== undefined) return withPacked(graph, parts.packed, options);
  if (parts.weights !== undefined || options.randomParams || !needsWeights(graph)) return importLayers(graph, CAFFE_LAYERS, options);
  // one problem for all weights; the layers are examined as if they were there
  const report = importLayers(graph, CAFFE_LAYERS, { ...options, structureOnly: true });
  return { ...report, problems: [paramsMissing('the net has no weights', `${parts.looked} is not beside it`), ...report.problems] };
};

/** Nets in Caffe's text form with their weights, and files with weights that hold the layers too. */
export const caffe: Frontend = {
  name: 'caffe',
  title: 'Caffe',
  files: 'NAME.prototxt with NAME.caffemodel, or a .caffemodel',
  layers: CAFFE_LAYERS,
  detect: (head, path) => path.endsWith(BINARY) || path.endsWith(TEXT) || isText(head),
  examine,
};
