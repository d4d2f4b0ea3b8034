import { diagnostic } from '../../support/index.ts';
import type { Frontend, ImportOptions, ImportReport } from '../contract.ts';
import { incomplete } from '../import-problems.ts';
import { importLayers, noModel } from '../layer-graph.ts';
import { tfLayerGraph } from '../tf-graph.ts';
import { decodeGraph } from '../tf-messages.ts';
import { TF_OPS } from '../tf-ops.ts';

const utf8 = new TextDecoder();

/** A message field of bytes: its contents and what follows; undefined where it is another. Lengths above 2^28 are none. */
const field = (bytes: Uint8Array, from: number, tag: number): { readonly start: number; readonly end: number } | undefined => {
  if (bytes[from] !== tag) return undefined;
  let length = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[from + 1 + i] ?? 0;
    length |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) return { start: from + 2 + i, end: from + 2 + i + length };
  }
  return undefined;
};

/** GraphDef begins with a node, a node with its name and the name of its operator. */
const isGraph = (head: Uint8Array): boolean => {
  const node = field(head, 0, 0x0a);
  const name = node === undefined ? undefined : field(head, node.start, 0x0a);
  const op = name === undefined ? undefined : field(head, name.end, 0x12);
  if (node === undefined || op === undefined || op.end > head.length || op.end > node.end) return false;
  return /^_?[A-Za-z][A-Za-z0-9_>]*$/.test(utf8.decode(head.subarray(op.start, op.end)));
};

/** SavedModel begins with its version, 1, and a MetaGraphDef. */
const isSavedModel = (head: Uint8Array): boolean => head[0] === 0x08 && head[1] === 0x01 && head[2] === 0x12;
const savedModel = diagnostic('IMP2004', 'a SavedModel keeps its weights in variables that its own functions restore', {
  notes: ['Freeze it: convert_variables_to_constants_v2 of a concrete function, then write graph.as_graph_def() to a .pb file.'],
});

const examine = (bytes: Uint8Array, options: ImportOptions): ImportReport => {
  if (isSavedModel(bytes)) return noModel(savedModel);
  const graph = decodeGraph(bytes);
  if (!graph.ok) return noModel(...graph.diagnostics);
  if (graph.value.node.length === 0) return noModel(incomplete('the graph has no nodes'));
  const producer = graph.value.versions?.producer ?? 0;
  const layers = tfLayerGraph({
    title: 'TensorFlow',
    name: options.file.replace(/\.[^.]*$/, ''),
    producer: producer === 0 ? '' : `TensorFlow (GraphDef version ${producer})`,
    fileBytes: bytes.length,
    graph: graph.value,
    problems: [],
    warnings: [],
  });
  return importLayers(layers, TF_OPS, options);
};

/** Frozen graphs: a GraphDef message with the weights as constants. */
export const tensorflow: Frontend = {
  name: 'tensorflow',
  title: 'TensorFlow frozen graph',
  files: 'graph.pb',
  layers: TF_OPS,
  detect: (head, path) => isGraph(head) || (/(^|[\\/])saved_model\.pb$/.test(path) && isSavedModel(head)),
  examine,
};
