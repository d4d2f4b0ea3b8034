import { at } from '../../support/index.ts';
import type { ElemName } from '../host-tensor.ts';
import { paramsMissing, warning } from '../import-problems.ts';
import type { Layer, LayerGraph } from '../layer-graph.ts';
import { MX_TABLE } from './ops/index.ts';
import type { MxRow } from './ops/row.ts';
import { elemOfFlag, type Params } from './params.ts';
import type { MxSymbol, Source, SymbolNode } from './symbol.ts';

const rowOf = (op: string): MxRow | undefined => {
  const row = Object.hasOwn(MX_TABLE, op) ? MX_TABLE[op] : undefined;
  return row === undefined || 'refused' in row ? undefined : row;
};

/** `(1, 3, 224, 224)`, all of it known. */
const shapeOf = (text: string | undefined): readonly number[] | undefined => {
  const dims = /^[([]([\d\s,L]*)[)\]]$/.exec(text?.trim() ?? '')?.[1];
  if (dims === undefined) return undefined;
  const shape = dims.split(',').flatMap((d) => (d.trim() === '' ? [] : [Number.parseInt(d.trim(), 10)]));
  // 0 is unknown; without dimensions nothing is told
  return shape.length > 0 && shape.every((d) => d > 0) ? shape : undefined;
};

const elemOf = (text: string | undefined): ElemName => (text === undefined ? 'float32' : (elemOfFlag(Number(text)) ?? 'float32'));

/** Notes that only makers of parameters leave at a variable (gluon.Parameter.var, initializers). */
const PARAMETER_NOTES = ['__init__', '__lr_mult__', '__wd_mult__', 'lr_mult', 'wd_mult'];

/** Names of the values of a symbol: a variable's own, a node's own for its first output, `NAME[1]` and so on for the others. */
const valueNames = (symbol: MxSymbol): ((source: Source) => string) => {
  const used = new Set(symbol.nodes.filter((n) => n.op === 'null').map((n) => n.name));
  const names = symbol.nodes.map((node, i) => {
    if (node.op === 'null') return node.name;
    const name = used.has(node.name) ? `${node.name}#${i}` : node.name;
    used.add(name);
    return name;
  });
  return ({ node, output }) => (output === 0 ? at(names, node) : `${at(names, node)}[${output}]`);
};

/** The states that files before 0.9 leave out of the inputs of BatchNorm. */
const withStates = (node: SymbolNode, inputs: readonly string[]): readonly string[] =>
  /^BatchNorm(_v1)?$|^CuDNNBatchNorm$/.test(node.op) && inputs.length === 3
    ? [...inputs, `${node.name}_moving_mean`, `${node.name}_moving_var`]
    : inputs;

export type Convention = 'valid' | 'full';
/** Whether poolings of the symbol are from before there were conventions. */
const isUndated = (node: SymbolNode, version: number | undefined): boolean =>
  version === undefined && node.op === 'Pooling' && !node.attributes.has('pooling_convention');
export const hasUndated = (symbol: MxSymbol): boolean => symbol.nodes.some((n) => isUndated(n, symbol.version));

/** Attributes as the current operators read them. */
const attributesOf = (node: SymbolNode, version: number | undefined, convention: Convention): ReadonlyMap<string, string> => {
  // argmax and argmin before 0.9.5 had -1 for "no axis" (legacy_json_util.cc)
  if ((node.op === 'argmax' || node.op === 'argmin') && (version ?? 0) < 905 && node.attributes.get('axis') === '-1')
    return new Map([...node.attributes].filter(([key]) => key !== 'axis'));
  if (!isUndated(node, version)) return node.attributes;
  return new Map([...node.attributes, ['pooling_convention', convention], ['assumed_convention', convention]]);
};

/** What the variables of a symbol are: parameters, inputs, or labels that only training reads. */
interface Variables {
  readonly parameters: ReadonlySet<string>;
  readonly inputs: readonly SymbolNode[];
  readonly labels: readonly string[];
}

const sortVariables = (symbol: MxSymbol, layers: readonly Layer[], params: Params, given: ReadonlySet<string>): Variables => {
  const read = new Set(layers.flatMap((l) => l.inputs));
  const asParameter = new Set<string>();
  const labels = new Set<string>();
  symbol.nodes.forEach((node) => {
    const row = rowOf(node.op);
    const named = (places: readonly number[] | undefined): readonly string[] =>
      (places ?? []).flatMap((p) => {
        const source = node.inputs[p];
        const variable = source === undefined ? undefined : symbol.nodes[source.node];
        return variable?.op === 'null' ? [variable.name] : [];
      });
    for (const name of named(row?.parameters)) asParameter.add(name);
    for (const name of named(row?.labels)) labels.add(name);
  });
  for (const layer of layers)
    for (const name of layer.inputs.slice(3)) if (/_moving_(mean|var)$/.test(name ?? '')) asParameter.add(name ?? '');
  const stored = new Set(params.names);
  // beside arrays for the others, a variable of a known shape is handed over
  const shaped = new Set(
    symbol.nodes.filter((v) => stored.size > 0 && shapeOf(v.hidden.get('__shape__')) !== undefined).map((v) => v.name),
  );
  const parameters = new Set([...stored, ...[...asParameter].filter((name) => !shaped.has(name))].filter((name) => !given.has(name)));
  const heads = new Set(symbol.heads.map((h) => at(symbol.nodes, h.node).name));
  const variables = symbol.nodes.filter((n) => n.op === 'null');
  for (const v of variables) if (!given.has(v.name) && PARAMETER_NOTES.some((note) => v.hidden.has(note))) parameters.add(v.name);
  const inputs = variables.filter((v) => !parameters.has(v.name) && (read.has(v.name) || heads.has(v.name)));
  return { parameters, inputs, labels: [...labels].filter((name) => !read.has(name)) };
};

export interface GraphOptions {
  readonly name: string;
  readonly fileBytes: number;
  /** Variables that --shape names: inputs. */
  readonly given: ReadonlySet<string>;
  /** No file has parameters, and none may be made up. */
  readonly missing: boolean;
  /** What poolings mean that do not say it. */
  readonly convention: Convention;
  /** Where the file was looked for. */
  readonly looked: string;
}

/** A model as its symbol and its arrays tell it. */
export const graphOf = (symbol: MxSymbol, params: Params, options: GraphOptions): LayerGraph => {
  const nameOf = valueNames(symbol);
  const outputs = new Map<number, number>();
  const count = ({ node, output }: Source): void => void outputs.set(node, Math.max(outputs.get(node) ?? 1, output + 1));
  symbol.heads.forEach(count);
  for (const node of symbol.nodes) node.inputs.forEach(count);
  const layers = symbol.nodes.flatMap((node, i): readonly Layer[] => {
    if (node.op === 'null') return [];
    const labels = new Set(rowOf(node.op)?.labels ?? []);
    const inputs = withStates(
      node,
      node.inputs.flatMap((source, k) => (labels.has(k) ? [] : [nameOf(source)])),
    );
    const wide = Math.min(outputs.get(i) ?? 1, 65_536);
    return [
      {
        name: node.name,
        op: node.op,
        inputs,
        outputs: Array.from({ length: wide }, (_, output) => nameOf({ node: i, output })),
        attributes: attributesOf(node, symbol.version, options.convention),
      },
    ];
  });
  const variables = sortVariables(symbol, layers, params, options.given);
  const { version } = symbol;
  const dotted = version === undefined ? '' : [version / 10_000, (version / 100) % 100, version % 100].map(Math.floor).join('.');
  return {
    title: 'MXNet',
    name: options.name,
    producer: dotted === '' ? '' : `MXNet ${dotted}`,
    fileBytes: options.fileBytes,
    inputs: variables.inputs.map((v) => ({
      name: v.name,
      elem: elemOf(v.hidden.get('__dtype__')),
      shape: shapeOf(v.hidden.get('__shape__')),
    })),
    stored: (name) => (variables.parameters.has(name) ? params.get(name) : undefined),
    isParameter: (name) => variables.parameters.has(name),
    layers,
    outputs: symbol.heads.map((head) => {
      const { name } = at(symbol.nodes, head.node);
      return { name: head.output === 0 ? name : `${name}_${head.output}`, tensor: nameOf(head) };
    }),
    problems: [
      ...params.problems,
      ...(options.missing && variables.parameters.size > 0
        ? [paramsMissing(`the symbol has ${variables.parameters.size} parameters`, options.looked)]
        : []),
    ],
    warnings: variables.labels.map((name) => warning('IMP3002', `input ${name} is a label of training and was left out`)),
  };
};
