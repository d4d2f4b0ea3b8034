import { at } from '../support/index.ts';
import { type AttrScalar, attrNames, type AttrSpec, sameAttr } from './attr.ts';
import { canonicalize, paramDigest } from './canonical.ts';
import { legalName, MRL_VERSION, NameTable, quoteName } from './mrl-words.ts';
import { opOf } from './ops/index.ts';
import type { AnyNode, Param, Program, ValueId } from './program.ts';
import { type DType, elementCount, formatType, type Tensor, type TensorType } from './types.ts';

/** Parameters of more elements are printed by digest. */
export const INLINE_LIMIT = 64;

/**
 * A float32 as the shortest decimal that reads back to it: the fewest significant digits (at most 9) whose correctly rounded
 * decimal gives the same float32, always with `.` or an exponent. Negative zero is `-0.0`; infinities are `inf` and `-inf`.
 */
export const formatFloat = (value: number): string => {
  if (value !== value) return 'nan';
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  if (value === Number.NEGATIVE_INFINITY) return '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  let shortest = value;
  for (let digits = 1; digits <= 9; digits++) {
    shortest = Number(value.toPrecision(digits));
    if (Math.fround(shortest) === value) break;
  }
  const text = String(shortest);
  return /[.e]/.test(text) ? text : `${text}.0`;
};

/** A string literal: `"`, `\`, braces and line ends escaped. */
export const formatText = (text: string): string =>
  `"${text
    .replace(/["\\{}]/g, '\\$&')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t')}"`;

/** An attribute or constant as written in text. */
export const formatAttr = (spec: AttrSpec, value: AttrScalar): string => {
  switch (spec.kind) {
    case 'f32':
      return formatFloat(Number(value));
    case 'ints':
      return Array.isArray(value) ? `[${value.join(', ')}]` : `[${String(value)}]`;
    case 'enum':
      return formatText(String(value));
    case 'int':
    case 'bool':
    case 'dtype':
      return String(value);
    default:
      return spec satisfies never;
  }
};

const formatElement = (dtype: DType, value: number): string => {
  if (dtype === 'f32') return formatFloat(value);
  return dtype === 'bool' && (value === 0 || value === 1) ? String(value === 1) : String(value);
};

const formatInitializer = (tensor: Tensor, inlineLimit: number): string => {
  if (elementCount(tensor.shape) > inlineLimit) return `blob sha256:${paramDigest(tensor)}`;
  const elements = Array.from(tensor.data, (v: number) => formatElement(tensor.dtype, v));
  return tensor.shape.length === 0 ? elements.join(', ') : `[${elements.join(', ')}]`;
};

/** A type as written in text: symbolic dimensions are names. */
const typeText = (type: TensorType): string =>
  formatType({ dtype: type.dtype, shape: type.shape.map((d) => (typeof d === 'string' ? quoteName(legalName(d)) : d)) });

/** A word from a node's origin that needs no backticks; undefined when nothing of it is left. */
const wordOf = (origin: string): string | undefined => {
  const word = origin
    .slice(0, 80)
    .replace(/[^A-Za-z0-9_.]+/g, '_')
    .replace(/\.(?=\.|$)|^[_.]+/g, '')
    .replace(/_+$/, '');
  if (word === '') return undefined;
  return /^[A-Za-z_]/.test(word) ? word : `_${word}`;
};

/** The name of each value: the user's own where there is one. */
const nameValues = (program: Program): readonly string[] => {
  const table = new NameTable();
  const names: string[] = new Array<string>(program.types.length).fill('');
  const name = (value: ValueId, wish: string): void => {
    names[value] = quoteName(table.unique(legalName(wish)));
  };
  for (const port of program.inputs) name(port.value, port.name);
  for (const param of program.params) name(param.value, param.name);
  let unnamed = 0;
  for (const node of program.nodes) {
    const word = node.origin === undefined ? undefined : wordOf(node.origin);
    node.results.forEach((r, i) => {
      if (word === undefined) name(r, `v${unnamed++}`);
      else name(r, node.results.length === 1 ? word : `${word}_${i}`);
    });
  }
  return names;
};

/** Canonical names need no table: they are unique by construction. */
const canonicalNames = (program: Program): readonly string[] => {
  const names: string[] = new Array<string>(program.types.length).fill('');
  for (const port of [...program.inputs, ...program.params]) names[port.value] = port.name;
  let next = 0;
  for (const node of program.nodes) for (const r of node.results) names[r] = `v${next++}`;
  return names;
};

/** `conv(x, w, stride: [2, 2])`: operands in order, then attributes that differ from their default, in canonical order. */
const callText = (node: AnyNode, names: readonly string[]): string => {
  const schema = opOf(node.op).attrs;
  const args = node.operands.map((v) => at(names, v));
  for (const name of attrNames(schema)) {
    const spec = schema[name];
    const value = node.attrs[name];
    if (spec === undefined || value === undefined) continue;
    if (spec.default === undefined || !sameAttr(spec.default, value)) args.push(`${name}: ${formatAttr(spec, value)}`);
  }
  return `${node.op}(${args.join(', ')})`;
};

export interface PrintOptions {
  /** `readable` keeps names and order; `canonical` prints the canonical form, whose text is part of the identity. */
  readonly form: 'readable' | 'canonical';
  /** Largest parameter that is written out, in elements; readable form only (the canonical form is fixed at 64). */
  readonly inlineLimit?: number;
  /** Metadata to print above the model; readable form only. */
  readonly meta?: ReadonlyMap<string, string | number | boolean>;
}

const metaLines = (meta: NonNullable<PrintOptions['meta']>): string[] => {
  if (meta.size === 0) return [];
  const entries = [...meta].map(([key, value]) => {
    const text = typeof value === 'string' ? formatText(value) : typeof value === 'number' ? metaNumber(value) : String(value);
    return `  ${quoteName(legalName(key))}: ${text}`;
  });
  return ['meta {', `${entries.join(',\n')}`, '}', ''];
};

const metaNumber = (value: number): string =>
  value === Number.POSITIVE_INFINITY ? 'inf' : value === Number.NEGATIVE_INFINITY ? '-inf' : value === value ? String(value) : 'nan';

/** Prints a program as `.mrl` text that reads back to it. Linear in the program; parameters are hashed once. */
export const printProgram = (program: Program, { form, inlineLimit = INLINE_LIMIT, meta }: PrintOptions): string => {
  const canonical = form === 'canonical';
  const shown = canonical ? canonicalize(program) : program;
  const names = canonical ? canonicalNames(shown) : nameValues(shown);
  const limit = canonical ? INLINE_LIMIT : inlineLimit;
  const type = (value: ValueId): string => typeText(at(shown.types, value));
  const paramLine = (p: Param): string => `  param ${at(names, p.value)}: ${type(p.value)} = ${formatInitializer(p.tensor, limit)};`;
  const outputs = new NameTable();
  const lines = [
    `mrl ${MRL_VERSION};`,
    ...(canonical || meta === undefined ? [] : metaLines(meta)),
    `model ${quoteName(legalName(shown.name))} {`,
    ...shown.inputs.map((p) => `  input ${at(names, p.value)}: ${type(p.value)};`),
    ...shown.params.map(paramLine),
    ...(shown.nodes as readonly AnyNode[]).map(
      (node) => `  let ${node.results.map((r) => at(names, r)).join(', ')} = ${callText(node, names)};`,
    ),
    ...shown.outputs.map((p) => `  output ${quoteName(outputs.unique(legalName(p.name)))} = ${at(names, p.value)};`),
    '}',
    '',
  ];
  return lines.join('\n');
};
