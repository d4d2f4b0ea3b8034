import type { Program, ValueId } from '../../ir/index.ts';
import { at, diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { ExportedFile } from '../exporter.ts';
import { expandForTable, writeNodes } from '../nodes.ts';
import { MxGraph, NO_SCALARS, type Ref, type SymbolNode } from './graph.ts';
import { encodeParams } from './params.ts';
import { MXNET_ROWS } from './rows/index.ts';
import { takes } from './rows/takes.ts';
import { runScript } from './run-script.ts';

/** The version whose operators are written, 1.9.1: later ones have no release of this interface. */
const VERSION = 10_901;

/** Names of outputs for values that one node makes; the others are copied at the end. */
const portNames = (g: MxGraph, program: Program): ReadonlyMap<ValueId, string> => {
  const made = new Set(program.nodes.map((n) => n.results[0]));
  const names = new Map<ValueId, string>();
  for (const { name, value } of program.outputs) if (made.has(value) && !names.has(value)) names.set(value, g.reserve(name));
  return names;
};

/** A symbol without what no output depends on, but for its inputs: MXNet drops the rest when it reads a file, and misses it. */
interface Kept {
  readonly nodes: readonly SymbolNode[];
  readonly heads: readonly Ref[];
}
const keptOf = (g: MxGraph, heads: readonly Ref[]): Kept => {
  const used = new Set([...g.program.inputs.keys(), ...heads.map((h) => h.node)]);
  // every node stands after those that it reads
  for (let i = g.nodes.length - 1; i >= 0; i--) if (used.has(i)) for (const [from] of at(g.nodes, i).inputs) used.add(from);
  const order = [...used].sort((a, b) => a - b);
  const place = new Map(order.map((old, i) => [old, i]));
  const moved = (node: number): number => place.get(node) ?? 0;
  return {
    nodes: order.map((i) => {
      const node = at(g.nodes, i);
      return { ...node, inputs: node.inputs.map(([from, output, version]) => [moved(from), output, version] as const) };
    }),
    heads: heads.map((h) => ({ ...h, node: moved(h.node) })),
  };
};

/** A list of nodes, one a line, as a person reads it. */
const symbolText = ({ nodes: list, heads }: Kept): string => {
  const variables = list.flatMap((n, i) => (n.op === 'null' ? [i] : []));
  const nodes = list.map((n) => `    ${JSON.stringify(n)}`).join(',\n');
  const tail = {
    arg_nodes: variables,
    heads: heads.map((h) => [h.node, h.output, 0]),
    attrs: { mxnet_version: ['int', VERSION] },
  };
  const rest = Object.entries(tail).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n  "nodes": [\n${nodes}\n  ],\n${rest.join(',\n')}\n}\n`;
};

/** NAME of the files: that of the program, of letters that all systems take. */
const baseOf = (program: Program): string => program.name.replace(/[^\w.-]+/g, '_').replace(/^[_.-]+|[_.-]+$/g, '') || 'model';

/** @returns NAME-symbol.json, NAME-0000.params and run.py, or every node that cannot be written */
export const mxnetFiles = (given: Program): Result<readonly ExportedFile[]> => {
  const program = expandForTable(given, MXNET_ROWS, takes);
  const g = new MxGraph(program);
  for (const { name, value } of program.inputs) g.input(name, value);
  const ports = portNames(g, program);
  const problems = writeNodes('MXNet', program, MXNET_ROWS, g, (node, made) => {
    g.finish(node, 'node' in made ? [made] : made, ports);
  });
  const inputs = new Set(program.inputs.map((i) => i.value));
  const held = [...program.inputs, ...program.outputs].flatMap(({ name, value }) => {
    const refused = g.refusal(value) ?? (inputs.has(value) && g.rank(value) === 0 ? NO_SCALARS : undefined);
    return refused === undefined ? [] : [diagnostic('EXP0002', `MXNet cannot hold ${name}: ${refused}`, { where: name })];
  });
  if (problems.length > 0 || held.length > 0) return fail(...problems, ...held);
  const done = new Set<ValueId>();
  const heads = program.outputs.map(({ name, value }) => {
    const first = ports.has(value) && !done.has(value);
    done.add(value);
    return first ? g.x(value, 'scalar') : g.copy(g.reserve(name), value);
  });
  const base = baseOf(given);
  const names = program.inputs.map((_, i) => at(g.nodes, i).name);
  const scalars = program.outputs.flatMap(({ value }, i) => (g.rank(value) === 0 ? [i] : []));
  const kept = keptOf(g, heads);
  const variables = new Set(kept.nodes.flatMap((n) => (n.op === 'null' ? [n.name] : [])));
  const arrays = g.arrays.filter((a) => variables.has(a.name.slice(4)));
  return ok([
    { name: `${base}-symbol.json`, content: symbolText(kept) },
    ...(arrays.length > 0 ? [{ name: `${base}-0000.params`, content: encodeParams(arrays) }] : []),
    { name: 'run.py', content: runScript(base, names, arrays.length > 0, scalars) },
  ]);
};
