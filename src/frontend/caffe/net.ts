import type { Diagnostic } from '../../support/index.ts';
import type { HostTensor } from '../host-tensor.ts';
import { caught, definedTwice, detailUnsupported, neverDefined, warning } from '../import-problems.ts';
import type { Layer, LayerGraph } from '../layer-graph.ts';
import { BLOB_NAMES, type BlobNames, blobNames, blobTensor } from './blobs.ts';
import { type CaffeLayer, isIncluded, layersOf, type NetState } from './layers.ts';
import { type Fields, type FieldValue, messages, numbers, text, texts } from './fields.ts';

/** Fields of a net that are read here, or that change nothing at inference. */
const NET_FIELDS: ReadonlySet<string> = new Set('name input input_shape input_dim state layer layers force_backward debug_info'.split(' '));

const DATA_TYPES: ReadonlySet<string> = new Set(
  'Data ImageData MemoryData HDF5Data WindowData Input AnnotatedData VideoData DenseImageData DummyData'.split(' '),
);
/** Layers that only measure or write. */
const isSink = (type: string): boolean =>
  type.endsWith('Loss') || ['Accuracy', 'Silence', 'HDF5Output', 'DetectionEvaluate'].includes(type);

interface Port {
  readonly name: string;
  readonly shape: readonly number[] | undefined;
}

const one = (layer: CaffeLayer, name: string): number | undefined => {
  const value = layer.attributes.get(name)?.at(-1);
  return typeof value === 'number' ? value : undefined;
};
const shapesAt = (layer: CaffeLayer, name: string): readonly (readonly number[])[] =>
  (layer.attributes.get(name) ?? []).flatMap((s) => (s instanceof Map ? [numbers(s as Fields, 'dim')] : []));

/** Shape of top k of a layer that gives data, where the file tells it. */
const dataShape = (layer: CaffeLayer, k: number): readonly number[] | undefined => {
  if (layer.type === 'Input') {
    const shapes = shapesAt(layer, 'input_param.shape');
    return shapes.length === 1 ? shapes[0] : shapes[k];
  }
  if (layer.type !== 'MemoryData' || k > 0) return undefined;
  const sizes = ['batch_size', 'channels', 'height', 'width'].map((name) => one(layer, `memory_data_param.${name}`));
  return sizes.every((s) => s !== undefined) ? sizes : undefined;
};

/** DummyData that is the same at every run is a constant, and stays a layer. */
const isConstant = (layer: CaffeLayer): boolean =>
  layer.type === 'DummyData' &&
  (layer.attributes.get('dummy_data_param.data_filler') ?? []).every(
    (f) => f instanceof Map && (text(f as Fields, 'type') ?? 'constant') === 'constant',
  );

const isData = (layer: CaffeLayer): boolean =>
  (DATA_TYPES.has(layer.type) && !isConstant(layer)) || (layer.type === 'Python' && layer.bottoms.length === 0);

/** Inputs that the net itself names: four numbers each, or a shape each. */
const netInputs = (net: Fields): readonly Port[] => {
  const dims = numbers(net, 'input_dim');
  const shapes = messages(net, 'input_shape').map((s) => numbers(s, 'dim'));
  return texts(net, 'input').map((name, k) => ({
    name,
    shape: shapes[k] ?? (dims.length >= 4 * k + 4 ? dims.slice(4 * k, 4 * k + 4) : undefined),
  }));
};

/** Blobs by the name of their layer; of a name that comes twice the last, as Caffe copies them. */
export const weightsOf = (net: Fields): ReadonlyMap<string, readonly Fields[]> =>
  new Map(layersOf(net).flatMap((l) => (l.blobs.length > 0 ? [[l.name, l.blobs] as const] : [])));

/** Stored parameters; each is made once, so that what layers share is one. */
class Store {
  private readonly places = new Map<string, { readonly layer: string; readonly k: number }>();
  private readonly made = new Map<string, HostTensor>();
  private readonly weights: ReadonlyMap<string, readonly Fields[]>;

  constructor(weights: ReadonlyMap<string, readonly Fields[]>) {
    this.weights = weights;
  }
  /** Names of the blobs of a layer, and how many are stored. */
  names(layer: CaffeLayer): BlobNames {
    const stored = this.weights.get(layer.name)?.length;
    const names = blobNames(layer.name, layer.type, stored ?? 0, layer.shared);
    names.forEach((name, k) => {
      const have = this.places.get(name);
      // a shared name stands for the blob of the first layer that holds it
      if (have === undefined || this.weights.get(have.layer) === undefined) this.places.set(name, { layer: layer.name, k });
    });
    return { names, stored };
  }
  /** @throws {MrlError} IMP1005 */
  readonly get = (name: string): HostTensor | undefined => {
    const have = this.made.get(name);
    const place = this.places.get(name);
    if (have !== undefined || place === undefined) return have;
    const blob = this.weights.get(place.layer)?.[place.k];
    if (blob === undefined) return undefined;
    const made = blobTensor(name, blob);
    this.made.set(name, made);
    return made;
  };
}

/** Names of blobs per layer become names of tensors: a layer that writes what it reads makes a new one. */
class Namer {
  private readonly current = new Map<string, string>();
  private readonly taken = new Set<string>();

  read(blob: string): string {
    return this.current.get(blob) ?? blob;
  }
  write(blob: string, layer: string): string {
    let name = blob;
    for (let k = 1; this.taken.has(name); k++) name = k === 1 ? `${blob}@${layer}` : `${blob}@${layer}_${k}`;
    this.taken.add(name);
    this.current.set(blob, name);
    return name;
  }
  isWritten(blob: string): boolean {
    return this.current.has(blob);
  }
}

/** The BatchNorm that a Scale layer completes, as an attribute of the Scale. */
export const NORMALIZED = 'batch_norm';
/** Set on a BatchNorm that a Scale layer completes. */
export const COMPLETED = 'completed';

const isPlainScale = (layer: Layer): boolean => {
  const value = (name: string): unknown => (layer.attributes.get(name) as readonly FieldValue[] | undefined)?.at(-1) ?? 1;
  return layer.op === 'Scale' && layer.inputs.length === 1 && value('scale_param.axis') === 1 && value('scale_param.num_axes') === 1;
};

/** BatchNorm divides by the deviation, Scale behind it multiplies: together they are what other formats call batch normalization. */
const pairedNorms = (layers: readonly Layer[], outputs: ReadonlySet<string>): readonly Layer[] => {
  const readers = new Map<string, Layer[]>();
  for (const layer of layers)
    for (const name of layer.inputs) if (name !== undefined) readers.set(name, [...(readers.get(name) ?? []), layer]);
  const completes = new Map<Layer, Layer>();
  for (const layer of layers) {
    const [top = ''] = layer.outputs;
    const [reader, ...others] = layer.op === 'BatchNorm' ? (readers.get(top) ?? []) : [];
    if (reader !== undefined && others.length === 0 && isPlainScale(reader) && !outputs.has(top)) completes.set(reader, layer);
  }
  const norms = new Set(completes.values());
  return layers.map((layer) => {
    const norm = completes.get(layer);
    if (norm !== undefined) return { ...layer, attributes: new Map([...layer.attributes, [NORMALIZED, norm.attributes]]) };
    return norms.has(layer) ? { ...layer, attributes: new Map([...layer.attributes, [COMPLETED, true]]) } : layer;
  });
};

export interface NetParts {
  readonly net: Fields;
  /** Blobs by layer; undefined when there is no file with weights. */
  readonly weights: ReadonlyMap<string, readonly Fields[]> | undefined;
  readonly fileBytes: number;
  readonly file: string;
}

class NetReader {
  readonly problems: Diagnostic[] = [];
  readonly warnings: Diagnostic[] = [];
  private readonly ports: Port[] = [];
  private readonly names = new Namer();
  private readonly layers: Layer[] = [];
  private readonly consumed = new Set<string>();
  private readonly tops: { readonly name: string; readonly tensor: string }[] = [];
  /** Blobs that were read before a layer made them, and the reader. */
  private readonly early = new Map<string, string>();
  /** Tops of data layers that no layer has read yet. */
  private readonly offered = new Map<string, Port>();
  private readonly store: Store;
  private readonly parts: NetParts;

  constructor(parts: NetParts) {
    this.parts = parts;
    this.store = new Store(parts.weights ?? new Map());
  }

  private offer(port: Port): void {
    if (!this.offered.has(port.name)) this.offered.set(port.name, port);
  }
  private input(port: Port): void {
    this.ports.push(port);
    this.names.write(port.name, 'input');
  }

  private data(layer: CaffeLayer): void {
    layer.tops.forEach((name, k) => this.offer({ name, shape: dataShape(layer, k) }));
    const treats = [...layer.attributes.keys()].filter(
      (name) => name.startsWith('transform_param.') || /_param\.(scale|mean_file)$/.test(name),
    );
    if (treats.length > 0)
      this.warnings.push(
        warning('IMP3002', `${layer.type}: what prepares data (${treats.join(', ')}) is not part of the program`, layer.name),
      );
  }

  private layer(layer: CaffeLayer): void {
    for (const b of layer.bottoms) {
      const port = this.offered.get(b);
      if (!this.names.isWritten(b) && port !== undefined) this.input(port);
    }
    const inputs = layer.bottoms.map((b) => this.names.read(b));
    for (const name of inputs) this.consumed.add(name);
    for (const b of layer.bottoms) if (!this.names.isWritten(b)) this.early.set(b, layer.name);
    for (const t of layer.tops) {
      if (this.names.isWritten(t) && !layer.bottoms.includes(t)) this.problems.push(definedTwice(`blob ${t}`, layer.name));
      if (this.early.has(t)) this.problems.push(neverDefined(`blob ${t}`, this.early.get(t) ?? ''));
    }
    const outputs = layer.tops.map((t) => this.names.write(t, layer.name));
    this.tops.push(...outputs.map((tensor, k) => ({ name: layer.tops[k] ?? tensor, tensor })));
    const blobs = this.store.names(layer);
    const keeps = BLOB_NAMES[layer.type] !== undefined || blobs.stored !== undefined;
    const attributes = new Map<string, unknown>(layer.attributes);
    if (keeps) attributes.set('blobs', blobs);
    this.layers.push({ name: layer.name, op: layer.type, inputs, outputs, attributes });
  }

  read(): LayerGraph {
    const { net } = this.parts;
    for (const name of net.keys())
      if (!NET_FIELDS.has(name)) this.problems.push(detailUnsupported('net', this.parts.file, `field ${name} is not supported`));
    const state = this.state();
    const all = layersOf(net);
    const included = all.filter((l) => isIncluded(l, state));
    for (const port of netInputs(net)) this.input(port);
    for (const l of included) if (isData(l)) this.data(l);
    // a training net names only the data of training
    for (const l of all) if (isData(l) && !included.includes(l)) this.data(l);
    const seen = new Set<string>();
    for (const l of included) {
      if (isData(l)) continue;
      if (seen.has(l.name)) this.problems.push(definedTwice(`layer ${l.name}`, l.name));
      seen.add(l.name);
      if (isSink(l.type)) this.sink(l);
      else this.layer(l);
    }
    this.checkWeights(included);
    return this.graph();
  }

  private state(): NetState {
    const [given] = messages(this.parts.net, 'state');
    return given === undefined ? { level: 0, stages: [] } : { level: numbers(given, 'level').at(-1) ?? 0, stages: texts(given, 'stage') };
  }

  /** What a loss judges is an output; labels and weights, which come behind, are not. */
  private sink(layer: CaffeLayer): void {
    const judged = layer.type === 'Silence' ? 0 : /Contrastive|Triplet/.test(layer.type) ? 3 : 1;
    for (const b of layer.bottoms.slice(judged)) this.consumed.add(this.names.read(b));
    if (layer.type !== 'Silence')
      this.warnings.push(warning('IMP3002', `${layer.type} was left out: it has no part in the outputs`, layer.name));
  }

  private checkWeights(included: readonly CaffeLayer[]): void {
    const own = new Set(included.map((l) => l.name));
    const others = [...(this.parts.weights?.keys() ?? [])].filter((name) => !own.has(name));
    if (others.length > 0)
      this.warnings.push(
        warning('IMP3002', `weights of ${others.length} layers that the net does not have: ${others.slice(0, 5).join(', ')}`),
      );
  }

  /** Inputs that outputs depend on: labels of training are not asked for. */
  private used(outputs: readonly { readonly tensor: string }[]): readonly Port[] {
    const makers = new Map(this.layers.flatMap((l) => l.outputs.map((o) => [o, l] as const)));
    const seen = new Set<string>();
    const open = outputs.map((o) => o.tensor);
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      for (const input of makers.get(name)?.inputs ?? []) if (input !== undefined) open.push(input);
    }
    return this.ports.filter((p) => seen.has(p.name) || !this.isOffered(p));
  }
  private isOffered(port: Port): boolean {
    return this.offered.get(port.name) === port;
  }

  private graph(): LayerGraph {
    const outputs = this.tops.filter(({ tensor }) => !this.consumed.has(tensor));
    return {
      title: 'Caffe',
      name: text(this.parts.net, 'name') ?? '',
      producer: '',
      fileBytes: this.parts.fileBytes,
      inputs: this.used(outputs).map(({ name, shape }) => ({ name, elem: 'float32', shape })),
      stored: this.store.get,
      isParameter: () => false,
      layers: pairedNorms(this.layers, new Set(outputs.map((o) => o.tensor))),
      outputs,
      problems: this.problems,
      warnings: this.warnings,
    };
  }
}

/** The graph of a net in phase TEST. */
export const readNet = (parts: NetParts): LayerGraph => {
  const reader = new NetReader(parts);
  try {
    return reader.read();
  } catch (error) {
    const problems = [...reader.problems, ...caught(error)];
    const none = { title: 'Caffe', name: '', producer: '', fileBytes: 0, inputs: [], layers: [], outputs: [] };
    return { ...none, stored: () => undefined, isParameter: () => false, problems, warnings: reader.warnings };
  }
};

/** Whether any layer keeps parameters. */
export const needsWeights = (graph: LayerGraph): boolean => graph.layers.some((l) => BLOB_NAMES[l.op] !== undefined);
