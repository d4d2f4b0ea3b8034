import type { Frontend, ImportOptions, ImportReport } from '../contract.ts';
import { damaged } from '../import-problems.ts';
import { importLayers, noModel } from '../layer-graph.ts';
import { tfLayerGraph } from '../tf-graph.ts';
import { graphOfJson } from '../tf-messages.ts';
import { tensorName } from '../tf-nodes.ts';
import { TF_OPS } from '../tf-ops.ts';
import { parseModelJson, readManifest } from '../weights-manifest.ts';

const FORMAT = 'TensorFlow.js graph';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Outputs by the names of the signature, in code-unit order; undefined where there is none. */
const outputsOf = (signature: unknown): readonly { readonly name: string; readonly tensor: string }[] | undefined => {
  const outputs = isObject(signature) ? signature['outputs'] : undefined;
  if (!isObject(outputs)) return undefined;
  const list = Object.entries(outputs).flatMap(([name, info]) => {
    const tensor = isObject(info) ? info['name'] : undefined;
    return typeof tensor === 'string' ? [{ name, tensor: tensorName(tensor) }] : [];
  });
  return list.length === 0 ? undefined : list.sort((a, b) => (a.name < b.name ? -1 : 1));
};

const examine = (bytes: Uint8Array, options: ImportOptions): ImportReport => {
  const json = parseModelJson(FORMAT, bytes);
  if (!json.ok) return noModel(...json.diagnostics);
  const { modelTopology, weightsManifest, signature, userDefinedMetadata, convertedBy, generatedBy } = json.value;
  if (!isObject(modelTopology)) return noModel(damaged(FORMAT, 'it has no modelTopology'));
  const graph = graphOfJson(modelTopology, FORMAT);
  if (!graph.ok) return noModel(...graph.diagnostics);
  const weights = readManifest(weightsManifest, options);
  const old = isObject(userDefinedMetadata) ? userDefinedMetadata['signature'] : undefined;
  const producer = convertedBy ?? generatedBy;
  const layers = tfLayerGraph({
    title: FORMAT,
    name: options.file.replace(/\.[^.]*$/, ''),
    producer: typeof producer === 'string' ? producer : 'TensorFlow.js',
    fileBytes: bytes.length + weights.fileBytes,
    graph: graph.value,
    weights: weights.get,
    outputs: outputsOf(signature ?? old),
    problems: weights.problems,
    warnings: [],
  });
  return importLayers(layers, TF_OPS, options);
};

/** Models of TensorFlow.js that are graphs of TensorFlow. */
export const tfjs: Frontend = {
  name: 'tfjs',
  title: 'TensorFlow.js graph model',
  files: 'model.json with its shards',
  layers: TF_OPS,
  detect: (head) => {
    const text = new TextDecoder('latin1').decode(head.subarray(0, 4096));
    return /^\s*\{/.test(text) && (/"format"\s*:\s*"graph-model"/.test(text) || /"modelTopology"\s*:\s*\{\s*"node"/.test(text));
  },
  examine,
};
