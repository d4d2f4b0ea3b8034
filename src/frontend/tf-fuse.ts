import { at } from '../support/index.ts';
import type { HostTensor } from './host-tensor.ts';
import type { TfNode } from './tf-nodes.ts';

/** Layers whose row takes a bias as the input behind the last. */
const BIASED: ReadonlySet<string> = new Set(['Conv2D', 'DepthwiseConv2dNative', 'Conv3D', 'MatMul']);
const CONVOLUTIONS: ReadonlySet<string> = new Set(['Conv2D', 'DepthwiseConv2dNative']);
const SUMS: ReadonlySet<string> = new Set(['BiasAdd', 'BiasAddV1', 'Add', 'AddV2']);

/** On a node that has gone into its neighbour and passes its input on. No attribute of a file has an underscore in front. */
export const JOINED = '_joined';
const joined = (node: TfNode, from: string): TfNode => ({ ...node, inputs: [from], attributes: new Map([[JOINED, true]]) });

type Stored = (name: string) => HostTensor | undefined;

interface Edit {
  readonly nodes: Map<string, TfNode>;
  /** The one reader of a tensor; undefined where there are several, or where it is an output. */
  readonly reader: (tensor: string) => TfNode | undefined;
  readonly stored: Stored;
}

/** Constants that cannot be read are reported where a layer reads them. */
const small = (stored: Stored, name: string | undefined): HostTensor | undefined => {
  if (name === undefined) return undefined;
  try {
    return stored(name);
  } catch {
    return undefined;
  }
};

const formatOf = (node: TfNode): unknown => node.attributes.get('data_format') ?? 'NHWC';
const isFirst = (format: unknown): boolean => typeof format === 'string' && format.startsWith('NC');

/** Output channels by the weights of a layer. */
const channelsOf = (layer: TfNode, stored: Stored): number | undefined => {
  const shape = small(stored, layer.inputs[1])?.shape;
  if (shape === undefined) return undefined;
  if (layer.op === 'DepthwiseConv2dNative') return (shape[2] ?? 0) * (shape[3] ?? 0);
  return layer.op === 'MatMul' && layer.attributes.get('transpose_b') === true ? shape[0] : shape.at(-1);
};

/** A sum behind a layer as the bias of that layer: a constant with one element for each output channel, where nothing else reads the layer. */
const biasOf = (layer: TfNode, edit: Edit): { readonly from: string; readonly sum: TfNode; readonly bias: string } | undefined => {
  const next = edit.reader(layer.name);
  // behind a dilated convolution stands a node that passes its result on
  const from = next?.op === 'BatchToSpaceND' && next.attributes.has(JOINED) ? next.name : layer.name;
  const sum = edit.reader(from);
  if (sum === undefined || !SUMS.has(sum.op) || sum.inputs.length !== 2) return undefined;
  const isSum = !sum.op.startsWith('Bias');
  const at1 = sum.inputs[0] === from;
  const bias = at1 ? sum.inputs[1] : sum.inputs[0];
  if (bias === undefined || (!at1 && !isSum)) return undefined;
  const shape = small(edit.stored, bias)?.shape;
  const channels = channelsOf(layer, edit.stored);
  if (channels === undefined || shape === undefined || shape.length !== 1 || shape[0] !== channels) return undefined;
  const sameFormat = isSum ? !isFirst(formatOf(layer)) : layer.op === 'MatMul' || isFirst(formatOf(layer)) === isFirst(formatOf(sum));
  return sameFormat ? { from, sum, bias } : undefined;
};

const withBias = (layer: TfNode, edit: Edit): void => {
  if (layer.inputs.length !== 2) return;
  const found = biasOf(layer, edit);
  if (found === undefined) return;
  edit.nodes.set(layer.name, { ...layer, inputs: [...layer.inputs, found.bias] });
  edit.nodes.set(found.sum.name, joined(found.sum, found.from));
};

/** Blocks of height and width and what is added or cut off around them, where they are constants. */
const blocksOf = (node: TfNode, stored: Stored): { readonly block: readonly number[]; readonly edges: readonly number[] } | undefined => {
  const [block, edges] = [small(stored, node.inputs[1]), small(stored, node.inputs[2])];
  if (block?.data.length !== 2 || edges?.data.length !== 4) return undefined;
  return { block: Array.from(block.data), edges: Array.from(edges.data) };
};

const isOnes = (list: unknown): boolean => Array.isArray(list) && list.every((v) => v === 1);

/**
 * SpaceToBatchND, a convolution without padding, BatchToSpaceND: how TensorFlow 1 writes a dilated convolution. Cells of the result
 * that BatchToSpaceND cuts off read padding that is left out as well.
 */
const dilated = (layer: TfNode, edit: Edit): void => {
  const open = edit.nodes.get(layer.inputs[0] ?? '');
  const plain =
    layer.attributes.get('padding') === 'VALID' &&
    !isFirst(formatOf(layer)) &&
    ['strides', 'dilations'].every((a) => isOnes(layer.attributes.get(a) ?? []));
  if (open?.op !== 'SpaceToBatchND' || !plain || edit.reader(open.name)?.name !== layer.name) return;
  const close = edit.reader(layer.name);
  if (close?.op !== 'BatchToSpaceND' || close.inputs[0] !== layer.name) return;
  const [before, after] = [blocksOf(open, edit.stored), blocksOf(close, edit.stored)];
  if (before === undefined || after === undefined || before.block.some((b, i) => b !== after.block[i] || b < 1)) return;
  const pads = before.edges.map((p, i) => p - at(after.edges, i));
  const source = open.inputs[0];
  if (source === undefined || pads.some((p) => p < 0)) return;
  const attributes = new Map(layer.attributes)
    .set('padding', 'EXPLICIT')
    .set('explicit_paddings', [0, 0, ...pads, 0, 0])
    .set('dilations', [1, ...before.block, 1]);
  edit.nodes.set(open.name, joined(open, source));
  edit.nodes.set(layer.name, { ...layer, attributes });
  edit.nodes.set(close.name, joined(close, layer.name));
};

/**
 * Joins what TensorFlow writes as several nodes and other formats as one layer: biases, dilated convolutions. A node that has gone into
 * its neighbour stays, with one input, which it passes on.
 * @param outputs - tensors that are outputs of the model
 * @param stored - constants by name
 */
export const fused = (nodes: readonly TfNode[], outputs: ReadonlySet<string>, stored: Stored): readonly TfNode[] => {
  const readers = new Map<string, TfNode[]>();
  for (const node of nodes)
    for (const name of node.inputs) {
      const list = readers.get(name);
      if (list === undefined) readers.set(name, [node]);
      else list.push(node);
    }
  const edited = new Map(nodes.map((n) => [n.name, n]));
  const current = (name: string): TfNode | undefined => edited.get(name);
  const edit: Edit = {
    nodes: edited,
    reader: (tensor) => {
      const list = readers.get(tensor) ?? [];
      const [only] = list;
      return list.length === 1 && only !== undefined && !outputs.has(tensor) ? current(only.name) : undefined;
    },
    stored,
  };
  for (const { name, op } of nodes) {
    const layer = current(name);
    if (layer !== undefined && CONVOLUTIONS.has(op)) dilated(layer, edit);
  }
  for (const { name, op } of nodes) {
    const layer = current(name);
    if (layer !== undefined && BIASED.has(op)) withBias(layer, edit);
  }
  return nodes.map((n) => edited.get(n.name) ?? n);
};
