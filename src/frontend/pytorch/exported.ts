import type { Diagnostic } from '../../support/index.ts';
import type { ElemName } from '../host-tensor.ts';
import { damaged, stop } from '../import-problems.ts';
import { scalarName } from './archive.ts';
import { fields, listOf, numberOf, textOf, wholeOf } from './json.ts';

/** An argument of an operator: a value, or a tensor (or symbolic number) among the inputs of the layer. */
export interface TensorRef {
  readonly input: number;
}
/** A number that is of a float type even where it is whole: with it, integers become floats. */
export interface FloatValue {
  readonly float: number;
}
export type Argument = number | boolean | string | TensorRef | FloatValue | readonly (number | boolean | string | TensorRef | undefined)[];

export interface ExportedNode {
  /** `aten.conv2d`, without its overload. */
  readonly op: string;
  /** Changes its first operand. */
  readonly inPlace: boolean;
  /** Names of the tensors that it reads. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly args: ReadonlyMap<string, Argument>;
  /** Path of the module that it is of, such as `layer1.0.conv1`; empty in the outermost. */
  readonly module: string;
}

export interface ExportedInput {
  readonly name: string;
  readonly elem: ElemName | undefined;
  readonly typeCode: number;
  /** Sizes that are open have the size of the example that the model was exported with, where the file tells it. */
  readonly shape: readonly number[] | undefined;
}

export interface ExportedModel {
  readonly torchVersion: string;
  readonly inputs: readonly ExportedInput[];
  /** Names of tensors of the graph to those of parameters, buffers and constants of the module. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly nodes: readonly ExportedNode[];
  readonly outputs: readonly string[];
  readonly problems: readonly Diagnostic[];
}

/** Major versions of the schema whose programs have this form (torch 2.3 to 2.9). */
const MAJORS: ReadonlySet<number> = new Set([5, 6, 7, 8]);

/** The one field of a union that is set. */
const union = (value: unknown, what: string): readonly [tag: string, value: unknown] => {
  const set = Object.entries(fields(value, what)).filter(([, v]) => v !== undefined);
  const [only] = set;
  return only !== undefined && set.length === 1 ? only : stop(damaged('PyTorch', `${what.slice(0, 80)} is no union of one value`));
};

/** The greatest integer of 64 bits stands for no limit, and is no safe integer. */
const intOf = (value: unknown, what: string): number => {
  const n = numberOf(value, what);
  return Number.isInteger(n) ? n : wholeOf(value, what);
};

const nameOf = (value: unknown, what: string): string => textOf(fields(value, what)['name'], what);

/** Reads arguments, and gathers the tensors among them. */
class Arguments {
  readonly inputs: string[] = [];
  ref(name: string): TensorRef {
    this.inputs.push(name);
    return { input: this.inputs.length - 1 };
  }
  /** A number, or the name of one that is computed. */
  symbol(value: unknown, what: string): number | boolean | TensorRef {
    const [tag, v] = union(value, what);
    if (tag === 'as_name') return this.ref(textOf(v, what));
    return typeof v === 'boolean' ? v : numberOf(v, what);
  }
  /** @returns undefined for None, and for what is of no importance to the result */
  read(value: unknown, what: string): Argument | undefined {
    const [tag, v] = union(value, what);
    const list = (): readonly unknown[] => listOf(v, what);
    switch (tag) {
      case 'as_none':
      case 'as_memory_format':
      case 'as_layout':
      case 'as_device':
        return undefined;
      case 'as_tensor':
        return this.ref(nameOf(v, what));
      case 'as_tensors':
        return list().map((t) => this.ref(nameOf(t, what)));
      case 'as_optional_tensor':
        return this.optional(v, what);
      case 'as_optional_tensors':
        return list().map((t) => this.optional(t, what));
      case 'as_int':
        return intOf(v, what);
      case 'as_float':
        return { float: numberOf(v, what) };
      case 'as_ints':
        return list().map((i) => intOf(i, what));
      case 'as_floats':
        return list().map((f) => numberOf(f, what));
      case 'as_bool':
        return v === true;
      case 'as_bools':
        return list().map((b) => b === true);
      case 'as_string':
        return textOf(v, what);
      case 'as_strings':
        return list().map((s) => textOf(s, what));
      case 'as_scalar_type':
        return scalarName(wholeOf(v, what)) ?? `type ${wholeOf(v, what)}`;
      case 'as_sym_int':
      case 'as_sym_float':
      case 'as_sym_bool':
        return this.symbol(v, what);
      case 'as_sym_ints':
      case 'as_sym_floats':
        return list().map((s) => this.symbol(s, what));
      default:
        // graphs, objects, complex numbers: no row asks for such a text
        return `(${tag})`;
    }
  }
  private optional(value: unknown, what: string): TensorRef | undefined {
    const [tag, v] = union(value, what);
    return tag === 'as_tensor' ? this.ref(nameOf(v, what)) : undefined;
  }
}

/** Names that a node defines. */
const outputsOf = (outputs: unknown, what: string): readonly string[] =>
  listOf(outputs, what).flatMap((o, i) => {
    const [tag, v] = union(o, what);
    if (tag === 'as_tensor') return [nameOf(v, what)];
    if (tag === 'as_tensors') return listOf(v, what).map((t) => nameOf(t, what));
    if (tag === 'as_sym_int' || tag === 'as_sym_bool' || tag === 'as_sym_float') {
      const [kind, name] = union(v, what);
      return [kind === 'as_name' ? textOf(name, what) : `${what}#${i}`];
    }
    // an output that is None, or an object that no row makes
    return [`${what}#${i}`];
  });

/** `torch.ops.aten.conv2d.default` to `aten.conv2d`; other functions keep their names. */
const operatorOf = (target: string): string => {
  const [, space, name] = /^torch\.ops\.([^.]+)\.([^.]+)(?:\.[^.]+)?$/.exec(target) ?? [];
  return space === undefined || name === undefined ? target : `${space}.${name}`;
};

/** The innermost module of `L__self__,,Net;L__self__block,block,torch.nn.Sequential`: entries are a key, a path and a class. */
const moduleOf = (metadata: unknown): string => {
  const stack = typeof metadata === 'object' && metadata !== null ? (metadata as Readonly<Record<string, unknown>>)['nn_module_stack'] : '';
  const last = typeof stack === 'string' ? (stack.split(';').at(-1) ?? '') : '';
  const path = last.split(',')[1] ?? '';
  return path.replace(/^L__self__\.?|^L\['self'\]\.?/, '').slice(0, 256);
};

/** Part of a model that runs with gradients off or on, which means nothing at inference. */
const WRAPPED = 'higher_order.wrap_with_set_grad_enabled';
/** Graphs in graphs; hostile files nest them without end. */
const MAX_DEPTH = 32;

/** How the tensors of a graph in the graph are called outside of it. */
interface Scope {
  readonly prefix: string;
  readonly args: ReadonlyMap<string, string>;
  readonly depth: number;
}
const scoped = (name: string, scope: Scope): string => scope.args.get(name) ?? `${scope.prefix}${name}`;

const nodesOf = (values: unknown, scope: Scope): readonly ExportedNode[] =>
  listOf(values, 'nodes').flatMap((value, index) => {
    const node = nodeOf(value, index);
    const own = { ...node, inputs: node.inputs.map((i) => scoped(i, scope)), outputs: node.outputs.map((o) => scoped(o, scope)) };
    return node.op === WRAPPED && scope.depth < MAX_DEPTH ? wrapped(fields(value, WRAPPED), own, scope) : [own];
  });

/** The nodes of a wrapped graph; what it gives has the names of its outputs outside, by way of aliases. */
const wrapped = (value: Readonly<Record<string, unknown>>, node: ExportedNode, scope: Scope): readonly ExportedNode[] => {
  const graphs = listOf(value['inputs'], WRAPPED).flatMap((entry) => {
    const [tag, v] = union(fields(entry, WRAPPED)['arg'], WRAPPED);
    return tag === 'as_graph' ? [fields(fields(v, WRAPPED)['graph'], WRAPPED)] : [];
  });
  const [graph] = graphs;
  if (graph === undefined || graphs.length > 1) return [node];
  const names = (list: unknown): readonly string[] => outputsOf(list, WRAPPED);
  const inner: Scope = {
    prefix: `${node.outputs[0] ?? WRAPPED}/`,
    args: new Map(names(graph['inputs']).map((name, i) => [name, node.inputs[i] ?? `${name} of ${WRAPPED}`])),
    depth: scope.depth + 1,
  };
  const aliases = names(graph['outputs']).map(
    (name, i): ExportedNode => ({
      op: 'aten.alias',
      inPlace: false,
      inputs: [scoped(name, inner)],
      outputs: [node.outputs[i] ?? `${WRAPPED}#${i}`],
      args: new Map([['self', { input: 0 }]]),
      module: '',
    }),
  );
  return [...nodesOf(graph['nodes'], inner), ...aliases];
};

const nodeOf = (value: unknown, index: number): ExportedNode => {
  const node = fields(value, `node ${index}`);
  const target = textOf(node['target'], `target of node ${index}`);
  const what = `${target} (node ${index})`;
  const read = new Arguments();
  const args = new Map<string, Argument>();
  for (const entry of listOf(node['inputs'], what)) {
    const { name, arg } = fields(entry, what) as { readonly name?: unknown; readonly arg?: unknown };
    const got = read.read(arg, what);
    if (got !== undefined) args.set(textOf(name, what), got);
  }
  const op = operatorOf(target);
  const inPlace = /^aten\.[a-z0-9_]*[a-z0-9]_$/.test(op);
  return {
    op: inPlace ? op.slice(0, -1) : op,
    inPlace,
    inputs: read.inputs,
    outputs: outputsOf(node['outputs'], what),
    args,
    module: moduleOf(node['metadata']),
  };
};

/** An open size has the one of the example as a hint. */
const sizeOf = (value: unknown, what: string): number | undefined => {
  const [tag, v] = union(value, what);
  if (tag === 'as_int') return wholeOf(v, what);
  const hint = fields(v, what)['hint'];
  if (hint === undefined || hint === null) return undefined;
  return wholeOf(fields(hint, what)['as_int'], what);
};

const inputOf = (name: string, values: Readonly<Record<string, unknown>>): ExportedInput => {
  const meta = fields(Object.hasOwn(values, name) ? values[name] : undefined, `input ${name}`);
  const typeCode = wholeOf(meta['dtype'], `input ${name}`);
  const shape = listOf(meta['sizes'], `input ${name}`).map((s) => sizeOf(s, `input ${name}`));
  const known = shape.filter((d) => d !== undefined);
  return { name, elem: scalarName(typeCode), typeCode, shape: known.length === shape.length ? known : undefined };
};

const MUTATIONS: Readonly<Record<string, string>> = {
  buffer_mutation: 'the model changes a buffer when it runs',
  parameter_mutation: 'the model changes a parameter when it runs',
  user_input_mutation: 'the model changes one of its inputs',
  loss_output: 'the model was exported with its loss, for training',
  gradient_to_parameter: 'the model was exported for training',
  gradient_to_user_input: 'the model was exported for training',
};

/**
 * The graph of an exported program.
 * @param refuse - makes the diagnostic of a part of the model that is not supported
 * @throws {MrlError} IMP1001 where the program has not the form of torch's schema
 */
export const exportedModel = (program: unknown, refuse: (detail: string) => Diagnostic): ExportedModel => {
  const root = fields(program, 'the program');
  const version = root['schema_version'];
  const major = typeof version === 'number' ? version : wholeOf(fields(version, 'schema_version')['major'], 'schema_version');
  if (!MAJORS.has(major)) stop(refuse(`its schema has version ${major}, but 5 to 8 (PyTorch 2.3 to 2.9) are known`));
  const module = fields(root['graph_module'], 'graph_module');
  const graph = fields(module['graph'], 'graph');
  const signature = fields(module['signature'], 'signature');
  const values = fields(graph['tensor_values'], 'tensor_values');
  const problems: Diagnostic[] = [];
  const inputs: ExportedInput[] = [];
  const parameters = new Map<string, string>();
  for (const spec of listOf(signature['input_specs'], 'input_specs')) {
    const [kind, v] = union(spec, 'input_specs');
    const entry = fields(v, 'input_specs');
    if (kind === 'user_input') {
      const [tag, arg] = union(entry['arg'], 'user_input');
      if (tag === 'as_tensor') inputs.push(inputOf(nameOf(arg, 'user_input'), values));
      else if (tag !== 'as_none') problems.push(refuse(`an input of the model is no tensor (${tag})`));
      continue;
    }
    const path = entry[`${kind}_name`];
    if (kind === 'parameter' || kind === 'buffer' || kind === 'tensor_constant')
      parameters.set(nameOf(entry['arg'], kind), textOf(path, kind));
    else if (kind !== 'constant_input' && kind !== 'token') problems.push(refuse(`the model has an input of kind ${kind}`));
  }
  const outputs: string[] = [];
  for (const spec of listOf(signature['output_specs'], 'output_specs')) {
    const [kind, v] = union(spec, 'output_specs');
    if (kind !== 'user_output') {
      if (kind !== 'token') problems.push(refuse(MUTATIONS[kind] ?? `the model has an output of kind ${kind}`));
      continue;
    }
    const [tag, arg] = union(fields(v, 'user_output')['arg'], 'user_output');
    if (tag === 'as_tensor') outputs.push(nameOf(arg, 'user_output'));
    else if (tag !== 'as_none') problems.push(refuse(`an output of the model is no tensor (${tag})`));
  }
  const torchVersion = root['torch_version'];
  return {
    torchVersion: typeof torchVersion === 'string' ? torchVersion.slice(0, 40) : '',
    inputs,
    parameters,
    nodes: nodesOf(graph['nodes'], { prefix: '', args: new Map(), depth: 0 }),
    outputs,
    problems,
  };
};
