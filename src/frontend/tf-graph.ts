import type { Diagnostic } from '../support/index.ts';
import { type ElemName, type HostTensor, isElemName } from './host-tensor.ts';
import { definedTwice } from './import-problems.ts';
import type { Layer, LayerGraph } from './layer-graph.ts';
import { hostOfMessage, isTensorMessage } from './tf-attributes.ts';
import { takeBranches } from './tf-branches.ts';
import { fused } from './tf-fuse.ts';
import type { GraphMessage } from './tf-messages.ts';
import { flatNodes, tensorName, type TfNode } from './tf-nodes.ts';

/** A graph of TensorFlow, with what stands outside of its message. */
export interface TfModel {
  /** The field's name of the format. */
  readonly title: string;
  readonly name: string;
  readonly producer: string;
  readonly fileBytes: number;
  readonly graph: GraphMessage;
  /** Data of the constants with this name, where the format keeps it in other files; undefined: it is in the graph. */
  readonly weights?: ((name: string) => HostTensor | undefined) | undefined;
  /** Outputs by the user's names, as tensors of the graph; undefined: what no node reads is an output. */
  readonly outputs?: readonly { readonly name: string; readonly tensor: string }[] | undefined;
  readonly problems: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

/** Elements of constants that are not in the file one by one: a fixed part, and what its size justifies. */
const FREE_ELEMENTS = 2 ** 22;
const PER_BYTE = 6;

/** Nodes that are there for what they do, not for a result. */
const NO_RESULT: ReadonlySet<string> = new Set([
  'Const',
  'Placeholder',
  'NoOp',
  'Assert',
  'Print',
  'SaveV2',
  'RestoreV2',
  'MergeV2Checkpoints',
]);

/** Constants of the graph, read when asked for. */
class Constants {
  private readonly nodes: ReadonlyMap<string, TfNode>;
  private readonly read = new Map<string, HostTensor | undefined>();
  private readonly weights: TfModel['weights'];
  private left: number;

  constructor(nodes: readonly TfNode[], model: TfModel) {
    this.nodes = new Map(nodes.flatMap((n) => (n.op === 'Const' ? [[n.name, n] as const] : [])));
    this.weights = model.weights;
    this.left = FREE_ELEMENTS + PER_BYTE * model.fileBytes;
  }

  /** @throws {MrlError} where the data does not fit */
  get(name: string): HostTensor | undefined {
    if (this.read.has(name)) return this.read.get(name);
    const host = this.decoded(name);
    this.read.set(name, host);
    return host;
  }

  private decoded(name: string): HostTensor | undefined {
    const node = this.nodes.get(name);
    if (node === undefined) return undefined;
    const beside = this.weights?.(name);
    if (beside !== undefined) return beside;
    const elem = elemOf(node);
    const tensor = node.attributes.get('value');
    if (elem === undefined || !isTensorMessage(tensor)) return undefined;
    return hostOfMessage(name, elem, tensor, (count) => {
      if (count > this.left) return false;
      this.left -= count;
      return true;
    });
  }
}

const elemOf = (node: TfNode): ElemName | undefined => {
  const type = node.attributes.get('dtype');
  return typeof type === 'string' && isElemName(type) ? type : undefined;
};

/** The first version of the graph's message in which no dimensions are a scalar; before, they are an unknown shape. */
const SCALAR_SHAPES = 24;

/** The shape of an input: a batch of open size is taken as 1; what else is open has to be given. */
const inputShape = (node: TfNode, version: number): readonly number[] | undefined => {
  const shape: unknown = node.attributes.get('shape');
  if (!Array.isArray(shape) || (shape.length === 0 && version < SCALAR_SHAPES)) return undefined;
  const fixed = shape.map((d: unknown, i) => (typeof d !== 'number' ? -1 : d < 0 && i === 0 ? 1 : d));
  return fixed.every((d) => d >= 0) ? fixed : undefined;
};

/** How many outputs of each node are read. */
const outputCounts = (nodes: readonly TfNode[], outputs: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const tensor of [...nodes.flatMap((n) => n.inputs), ...outputs]) {
    const [, name = tensor, index = '0'] = /^(.*):(\d{1,6})$/.exec(tensor) ?? [];
    counts.set(name, Math.max(counts.get(name) ?? 0, Number(index) + 1));
  }
  return counts;
};

/** Most outputs of one node; a name with a greater index is read, but never defined. */
const MAX_OUTPUTS = 4096;

const layerOf = (node: TfNode, outputs: number): Layer => ({
  name: node.name,
  op: node.op,
  inputs: node.inputs,
  outputs: Array.from({ length: Math.min(Math.max(1, outputs), MAX_OUTPUTS) }, (_, k) => (k === 0 ? node.name : `${node.name}:${k}`)),
  attributes: node.attributes,
});

const isInput = (node: TfNode): boolean => node.op === 'Placeholder' && elemOf(node) !== undefined;

/** Without the nodes that stand between a constant, once a variable, and its readers. */
const readsDropped = (nodes: readonly TfNode[], model: TfModel): readonly TfNode[] => {
  const byName = new Map(nodes.map((n) => [n.name, n]));
  const wanted = new Set((model.outputs ?? []).map((o) => tensorName(o.tensor)));
  const reads = new Map<string, string>();
  // readers come behind what they read in all but hostile graphs; of those some reads stay
  for (const { name, op, inputs } of nodes) {
    const [from] = inputs;
    if (op !== 'Identity' || from === undefined || wanted.has(name)) continue;
    const source = reads.get(from) ?? from;
    if (byName.get(source)?.op === 'Const') reads.set(name, source);
  }
  return nodes.filter((n) => !reads.has(n.name)).map((n) => ({ ...n, inputs: n.inputs.map((i) => reads.get(i) ?? i) }));
};

/** The layers of a graph. Placeholders of numbers are its inputs, constants its parameters. */
export const tfLayerGraph = (model: TfModel): LayerGraph => {
  const flat = flatNodes(model.graph);
  const seen = new Set<string>();
  const twice = flat.nodes.filter((n) => seen.size === seen.add(n.name).size);
  const constants = new Constants(flat.nodes, model);
  const readable = (name: string): HostTensor | undefined => constants.get(name);
  const taken = readsDropped(takeBranches(flat.nodes, readable), model);
  const version = model.graph.versions?.producer ?? 0;
  const used = new Set(taken.flatMap((n) => n.inputs.map((i) => i.replace(/:\d+$/, ''))));
  const outputs =
    model.outputs?.map((o) => ({ name: o.name, tensor: flat.resolve(o.tensor) })) ??
    taken.filter((n) => !used.has(n.name) && !NO_RESULT.has(n.op)).map((n) => ({ name: n.name, tensor: n.name }));
  const nodes = fused(taken, new Set(outputs.map((o) => o.tensor)), readable);
  const counts = outputCounts(
    nodes,
    outputs.map((o) => o.tensor),
  );
  return {
    title: model.title,
    name: model.name,
    producer: model.producer,
    fileBytes: model.fileBytes,
    inputs: nodes.flatMap((n) => (isInput(n) ? [{ name: n.name, elem: elemOf(n) ?? 'float32', shape: inputShape(n, version) }] : [])),
    stored: readable,
    isParameter: () => false,
    layers: nodes
      .filter((n) => !isInput(n) && !(n.op === 'Const' && elemOf(n) !== undefined))
      .map((n) => layerOf(n, counts.get(n.name) ?? 1)),
    outputs,
    problems: [...model.problems, ...flat.problems, ...twice.map((n) => definedTwice(`node ${n.name}`, n.name))],
    warnings: model.warnings,
  };
};
