import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { damaged } from '../import-problems.ts';

/** Where a value comes from: output `output` of node `node`. */
export interface Source {
  readonly node: number;
  readonly output: number;
}

/** A node of a symbol; `op` is `null` for variables. */
export interface SymbolNode {
  readonly op: string;
  readonly name: string;
  /** Parameters of the operator; of a variable, what its maker noted. */
  readonly attributes: ReadonlyMap<string, string>;
  /** What the framework itself keeps with the node: `__shape__`, `__dtype__`, `__init__`, … */
  readonly hidden: ReadonlyMap<string, string>;
  readonly inputs: readonly Source[];
}

export interface MxSymbol {
  readonly nodes: readonly SymbolNode[];
  readonly heads: readonly Source[];
  /** 10401 is 1.4.1; undefined before 0.9, which did not write it. */
  readonly version: number | undefined;
}

/** Keys that 0.8 to 0.9 wrote without underscores around them (src/nnvm/legacy_json_util.cc, kHiddenKeys). */
const OLD_HIDDEN = new Set(['ctx_group', 'lr_mult', 'wd_mult', 'force_mirroring', 'mirror_stage']);
const isHidden = (key: string): boolean =>
  (key.startsWith('__') && key.endsWith('__') && key.length > 4) || OLD_HIDDEN.has(key) || /_(lr|wd)_mult$/.test(key);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isIndex = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** `[node, output]` or `[node, output, version]`; before 0.8, the node alone. */
const sourceOf = (value: unknown, nodes: number): Source | undefined => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const [node, output = 0] = list;
  return isIndex(node) && isIndex(output) && node < nodes && list.length <= 3 ? { node, output } : undefined;
};

/** Strings by key, of all that stands under the names. */
const textsOf = (node: Readonly<Record<string, unknown>>, ...fields: readonly string[]): ReadonlyMap<string, string> | undefined => {
  const texts = new Map<string, string>();
  for (const field of fields) {
    const value = node[field];
    if (value === undefined || value === null) continue;
    if (!isObject(value)) return undefined;
    for (const [key, text] of Object.entries(value)) {
      if (typeof text !== 'string') return undefined;
      texts.set(key, text);
    }
  }
  return texts;
};

/** Parameters stand under `param` before 0.9 (with notes of the user under `attr`), under `attr` before 1.2, then under `attrs`. */
const nodeOf = (value: unknown, index: number, count: number, problem: (detail: string) => undefined): SymbolNode | undefined => {
  if (!isObject(value)) return problem(`node ${index} is no object`);
  const { op, name } = value;
  if (typeof op !== 'string' || typeof name !== 'string') return problem(`node ${index} has no op or no name`);
  const own = isObject(value['param']) && op !== 'null' ? ['param'] : ['attr', 'attrs'];
  const texts = textsOf(value, ...own);
  const notes = textsOf(value, 'attr', 'attrs');
  if (texts === undefined || notes === undefined) return problem(`node ${name}: its attributes are no texts`);
  const listed = value['inputs'];
  if (!Array.isArray(listed)) return problem(`node ${name} has no list of inputs`);
  const inputs = listed.map((i) => sourceOf(i, count));
  if (inputs.includes(undefined)) return problem(`node ${name}: its inputs name nodes that there are not`);
  return {
    op,
    name,
    attributes: new Map([...texts].filter(([key]) => !isHidden(key))),
    hidden: new Map([...notes].filter(([key]) => isHidden(key))),
    inputs: inputs.filter((i) => i !== undefined),
  };
};

/** `{"mxnet_version": ["int", 10401]}` */
const versionOf = (attrs: unknown): number | undefined => {
  const version = isObject(attrs) ? attrs['mxnet_version'] : undefined;
  const [, number] = Array.isArray(version) ? (version as readonly unknown[]) : [];
  return isIndex(number) ? number : undefined;
};

/** A symbol from its JSON: every problem of its form, each node looked at. */
export const parseSymbol = (bytes: Uint8Array): Result<MxSymbol> => {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return fail(damaged('MXNet symbol', error instanceof Error ? error.message : String(error)));
  }
  if (!isObject(json) || !Array.isArray(json['nodes']) || !Array.isArray(json['heads']))
    return fail(damaged('MXNet symbol', 'there are no nodes and heads'));
  const listed: readonly unknown[] = json['nodes'];
  const problems: Diagnostic[] = [];
  const problem = (detail: string): undefined => {
    problems.push(damaged('MXNet symbol', detail));
    return undefined;
  };
  const nodes = listed.map((node, i) => nodeOf(node, i, listed.length, problem));
  const heads = json['heads'].map((head: unknown) => sourceOf(head, nodes.length));
  if (heads.includes(undefined)) problem('its heads name nodes that there are not');
  if (problems.length > 0) return fail(...problems);
  return ok({
    nodes: nodes.filter((n) => n !== undefined),
    heads: heads.filter((h) => h !== undefined),
    version: versionOf(json['attrs']),
  });
};
