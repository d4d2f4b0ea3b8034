import type { Diagnostic } from '../../support/index.ts';
import { caught, detailUnsupported, malformed, stop } from '../import-problems.ts';
import type { Layer, LayerGraph } from '../layer-graph.ts';
import type { ExportArchive } from './archive.ts';
import { type ExportedModel, type ExportedNode, exportedModel } from './exported.ts';

/** Operators whose result may lie in the memory of their first operand. */
const VIEWS: ReadonlySet<string> = new Set(
  'view reshape flatten unflatten permute transpose t mT numpy_T expand expand_as view_as unsqueeze squeeze detach alias contiguous to slice select narrow chunk split split_with_sizes unbind movedim swapaxes dropout'
    .split(' ')
    .map((name) => `aten.${name}`),
);

/** The nodes with those that change an operand given new names; problems where another name of the same memory is read afterwards. */
const withoutChanges = (
  model: ExportedModel,
): { readonly nodes: readonly ExportedNode[]; readonly outputs: readonly string[]; readonly problems: readonly Diagnostic[] } => {
  if (!model.nodes.some((n) => n.inPlace)) return { nodes: model.nodes, outputs: model.outputs, problems: [] };
  const problems: Diagnostic[] = [];
  /** Tensors that share memory, by the first of them. */
  const memory = new Map<string, string>();
  const root = (name: string): string => memory.get(name) ?? name;
  /** What a name stands for since an operand was changed. */
  const renamed = new Map<string, string>();
  /** Names of changed memory that were not told of the change, with the operator. */
  const stale = new Map<string, string>();
  const members = new Map<string, string[]>();
  const join = (name: string, to: string): void => {
    memory.set(name, to);
    const list = members.get(to);
    if (list === undefined) members.set(to, [to, name]);
    else list.push(name);
  };
  /** The name at the end of a chain of changes; those on the way are made to point there. */
  const latest = (name: string): string => {
    const walked: string[] = [];
    let at = name;
    for (let next = renamed.get(at); next !== undefined && next !== at; next = renamed.get(at)) {
      walked.push(at);
      at = next;
    }
    for (const on of walked) renamed.set(on, at);
    return at;
  };
  const current = (name: string, reader: string): string => {
    const now = latest(name);
    const changer = stale.get(now);
    if (changer !== undefined)
      problems.push(detailUnsupported(changer, reader, `it changes a tensor that ${reader} reads by another name (${now})`));
    return now;
  };
  const nodes = model.nodes.map((node): ExportedNode => {
    const inputs = node.inputs.map((i) => current(i, node.outputs[0] ?? node.op));
    const [own] = node.inputs;
    const [source] = inputs;
    if (node.inPlace && own !== undefined && source !== undefined) {
      const [result] = node.outputs;
      for (const other of members.get(root(source)) ?? []) if (other !== source) stale.set(other, `${node.op}_`);
      if (result !== undefined && !renamed.has(result)) {
        renamed.set(source, result);
        memory.set(result, root(source));
        // the others have been told already, and the operand stands for the result
        members.set(root(source), [result]);
      }
    } else if (VIEWS.has(node.op) && source !== undefined) for (const output of node.outputs) join(output, root(source));
    return { ...node, inputs };
  });
  return { nodes, outputs: model.outputs.map((o) => current(o, 'an output')), problems };
};

/** Names of layers: the path of their module, and the name of the tensor where a module has several layers. */
const namesOf = (nodes: readonly ExportedNode[]): readonly string[] => {
  const counts = new Map<string, number>();
  for (const { module } of nodes) counts.set(module, (counts.get(module) ?? 0) + 1);
  return nodes.map(({ module, outputs, op }) => {
    const own = outputs[0] ?? op;
    if (module === '') return own;
    return counts.get(module) === 1 ? module : `${module}.${own}`;
  });
};

/** Without outputs at the end that nothing reads: statistics, indices, masks. */
const readOutputs = (outputs: readonly string[], read: ReadonlySet<string>): readonly string[] => {
  let count = outputs.length;
  while (count > 1 && !read.has(outputs[count - 1] ?? '')) count--;
  return outputs.slice(0, count);
};

/** Parameters by the names that the module gives them, `layer1.0.conv1.weight`, where no tensor of the graph has that name. */
const withPaths = (model: ExportedModel): ExportedModel => {
  const taken = new Set([...model.inputs.map((i) => i.name), ...model.nodes.flatMap((n) => n.outputs)]);
  const names = new Map<string, string>();
  for (const [tensor, path] of model.parameters) {
    const name = taken.has(path) || model.parameters.has(path) ? tensor : path;
    taken.add(name);
    names.set(tensor, name);
  }
  const named = (tensor: string): string => names.get(tensor) ?? tensor;
  return {
    ...model,
    parameters: new Map([...model.parameters].map(([tensor, path]) => [named(tensor), path])),
    nodes: model.nodes.map((n) => ({ ...n, inputs: n.inputs.map(named) })),
    outputs: model.outputs.map(named),
  };
};

const refusal = (detail: string): Diagnostic =>
  detailUnsupported('exported program', '', detail, ['Export the model for inference: torch.export.export(model.eval(), (example,)).']);

/** The layers of an exported program. @throws {MrlError} IMP1001, IMP2002 */
export const layerGraphOf = (archive: ExportArchive, name: string, fileBytes: number): LayerGraph => {
  const model = withPaths(exportedModel(archive.program, refusal));
  const { nodes, outputs, problems } = withoutChanges(model);
  const names = namesOf(nodes);
  const read = new Set([...nodes.flatMap((n) => n.inputs), ...outputs]);
  const inputProblems: Diagnostic[] = [];
  const inputs = model.inputs.flatMap(({ name: input, elem, typeCode, shape }) => {
    if (elem !== undefined) return [{ name: input, elem, shape }];
    if (read.has(input)) inputProblems.push(malformed(`its elements have type ${typeCode}, which no program holds`, `input ${input}`));
    return [];
  });
  const layers = nodes.map(
    (node, i): Layer => ({
      name: names[i] ?? node.op,
      op: node.op,
      inputs: node.inputs,
      outputs: readOutputs(node.outputs, read),
      attributes: node.args,
    }),
  );
  const stored = (tensor: string): ReturnType<LayerGraph['stored']> => {
    const path = model.parameters.get(tensor);
    if (path === undefined) return undefined;
    const host = archive.tensor(path);
    return host ?? stop(malformed('the archive has no data for it', `parameter ${path}`));
  };
  return {
    title: 'PyTorch',
    name,
    producer: model.torchVersion === '' ? '' : `PyTorch ${model.torchVersion}`,
    fileBytes,
    inputs,
    stored,
    isParameter: () => false,
    layers,
    outputs: outputs.map((tensor) => ({ name: tensor, tensor })),
    problems: [...model.problems, ...problems, ...inputProblems],
    warnings: [],
  };
};

/** The same, or the diagnostics of what is wrong. */
export const tryLayerGraph = (
  ...args: Parameters<typeof layerGraphOf>
): { readonly graph: LayerGraph } | { readonly problems: readonly Diagnostic[] } => {
  try {
    return { graph: layerGraphOf(...args) };
  } catch (error) {
    return { problems: caught(error) };
  }
};
