import { attributeValue, isFunctionRef } from './tf-attributes.ts';
import { overLimit, neverDefined } from './import-problems.ts';
import type { Diagnostic } from '../support/index.ts';
import type { FunctionMessage, GraphMessage, NodeMessage } from './tf-messages.ts';

/** A node with calls of functions taken apart. Output 0 of a node is named as the node, output k `node:k`. */
export interface TfNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  /** Nodes that have to run before: of importance only for what lies in a branch that is not taken. */
  readonly after: readonly string[];
  /** Attributes by name; see `attributeValue`. */
  readonly attributes: ReadonlyMap<string, unknown>;
}

/** Functions may call functions; a chain of calls that grows with each step would have no end of nodes. */
const MAX_NODES = 250_000;
const MAX_DEPTH = 64;

const CALLS: ReadonlySet<string> = new Set(['PartitionedCall', 'StatefulPartitionedCall']);

/** Names of the outputs of operators that have several, as the bodies of functions use them. */
const OUTPUT_NAMES: Readonly<Record<string, readonly string[]>> = {
  Switch: ['output_false', 'output_true'],
  RefSwitch: ['output_false', 'output_true'],
  Merge: ['output', 'value_index'],
  TopKV2: ['values', 'indices'],
  FusedBatchNorm: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV2: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV3: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2', 'reserve_space_3'],
  MaxPoolWithArgmax: ['output', 'argmax'],
};

const port = (node: string, index: number): string => (index === 0 ? node : `${node}:${index}`);
/** `node:0` of a graph is the node itself. */
export const tensorName = (text: string): string => (text.endsWith(':0') ? text.slice(0, -2) : text);

/** The name at the end of a chain of names; those on the way are made to point there. A circle is cut open. */
export const behind = (aliases: Map<string, string>, name: string): string => {
  const walked: string[] = [];
  let at = name;
  for (let next = aliases.get(at); next !== undefined && walked.length <= aliases.size; next = aliases.get(at)) {
    walked.push(at);
    at = next;
  }
  if (walked.length > aliases.size) aliases.delete(at);
  for (const on of walked) if (on !== at) aliases.set(on, at);
  return at;
};

/** What a called function is for its body: where its arguments come from, and what stands before the names of its nodes. */
interface Scope {
  readonly prefix: string;
  readonly args: ReadonlyMap<string, string | undefined>;
  readonly depth: number;
}

/** Takes calls of functions apart. */
class Flattener {
  readonly nodes: TfNode[] = [];
  readonly problems: Diagnostic[] = [];
  private readonly functions: ReadonlyMap<string, FunctionMessage>;
  /** Outputs of calls, as tensors of the bodies. */
  private readonly aliases = new Map<string, string>();
  private readonly attributes = new Map<NodeMessage, ReadonlyMap<string, unknown>>();
  private visited = 0;

  constructor(graph: GraphMessage) {
    this.functions = new Map((graph.library?.function ?? []).map((f) => [f.signature?.name ?? '', f]));
  }

  /** A reference in the body of a function: an argument, or `node:output:index`. */
  private bodyTensor(text: string, scope: Scope, ops: ReadonlyMap<string, NodeMessage>): string {
    const [node = '', output, index] = text.split(':');
    if (output === undefined) return scope.args.get(node) ?? `${scope.prefix}${node}`;
    const op = ops.get(node);
    const names =
      (op === undefined ? undefined : this.called(op)?.signature?.outputArg.map((a) => a.name)) ?? OUTPUT_NAMES[op?.op ?? ''] ?? [];
    return port(`${scope.prefix}${node}`, Math.max(0, names.indexOf(output)) + Number(index ?? 0));
  }

  private called(node: NodeMessage): FunctionMessage | undefined {
    const f = CALLS.has(node.op) ? node.attr['f'] : undefined;
    const named: unknown = f === undefined ? undefined : attributeValue(f);
    return this.functions.get(isFunctionRef(named) ? named.functionName : node.op);
  }

  add(nodes: readonly NodeMessage[], scope: Scope, tensor: (text: string) => string): void {
    for (const node of nodes) {
      if (++this.visited > MAX_NODES) return;
      const name = `${scope.prefix}${node.name}`;
      const inputs = node.input.filter((i) => !i.startsWith('^')).map(tensor);
      const after = node.input.filter((i) => i.startsWith('^')).map((i) => `${scope.prefix}${i.slice(1)}`);
      const callee = this.called(node);
      if (callee !== undefined && scope.depth < MAX_DEPTH) this.inline(name, callee, inputs, scope.depth + 1);
      else this.nodes.push({ name, op: node.op, inputs, after, attributes: this.attributesOf(node) });
    }
  }

  /** Once for each node of a body that is called often. */
  private attributesOf(node: NodeMessage): ReadonlyMap<string, unknown> {
    const have = this.attributes.get(node);
    if (have !== undefined) return have;
    const made = attributesOf(node);
    this.attributes.set(node, made);
    return made;
  }

  private inline(call: string, f: FunctionMessage, inputs: readonly string[], depth: number): void {
    const args = new Map((f.signature?.inputArg ?? []).map((a, i) => [a.name, inputs[i]]));
    const scope: Scope = { prefix: `${call}/`, args, depth };
    const ops = new Map(f.nodeDef.map((n) => [n.name, n]));
    this.add(f.nodeDef, scope, (text) => this.bodyTensor(text, scope, ops));
    (f.signature?.outputArg ?? []).forEach((a, k) => {
      const from = f.ret[a.name];
      if (from === undefined) this.problems.push(neverDefined(`output ${a.name} of function ${f.signature?.name ?? ''}`, call));
      else this.aliases.set(port(call, k), this.bodyTensor(from, scope, ops));
    });
  }

  /** The tensor that a name stands for behind all calls. */
  resolved(name: string): string {
    return behind(this.aliases, name);
  }

  finish(): readonly TfNode[] {
    if (this.visited > MAX_NODES) this.problems.push(overLimit(`the graph has more than ${MAX_NODES} nodes with its functions`));
    return this.aliases.size === 0 ? this.nodes : this.nodes.map((n) => ({ ...n, inputs: n.inputs.map((i) => this.resolved(i)) }));
  }
}

/** Types of operands say what the operands say too; names with an underscore are notes of TensorFlow's own passes. */
const SPEAKING_TYPES: ReadonlySet<string> = new Set(['dtype', 'DstT', 'out_type', 'output_type']);
const attributesOf = (node: NodeMessage): ReadonlyMap<string, unknown> => {
  const kept = Object.entries(node.attr).filter(([name, a]) => {
    const type = a.value === 'type' || (a.value === 'list' && (a.list?.type.length ?? 0) > 0);
    return !name.startsWith('_') && (!type || SPEAKING_TYPES.has(name));
  });
  return new Map(kept.map(([name, a]) => [name, attributeValue(a)]));
};

export interface FlatGraph {
  readonly nodes: readonly TfNode[];
  readonly problems: readonly Diagnostic[];
  /** The tensor that a name of the graph's top level stands for. */
  readonly resolve: (name: string) => string;
}

/** The nodes of a graph with the functions that it calls put in their places. Calls deeper than 64 stay, and are refused as layers. */
export const flatNodes = (graph: GraphMessage): FlatGraph => {
  const flattener = new Flattener(graph);
  flattener.add(graph.node, { prefix: '', args: new Map(), depth: 0 }, tensorName);
  const nodes = flattener.finish();
  return { nodes, problems: flattener.problems, resolve: (name) => flattener.resolved(tensorName(name)) };
};
