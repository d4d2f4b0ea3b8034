import {
  type AnyAttrs,
  type AttrScalar,
  type AttrSpec,
  attrNames,
  attrProblem,
  type DType,
  DTYPES,
  OP_NAMES,
  type OpName,
  opOf,
  sameAttr,
} from '../ir/index.ts';
import { at, type ByteReader, type ByteWriter, invariant } from '../support/index.ts';
import { LIMITS, reject } from './format.ts';

/** Writes one attribute as its spec says: nothing here knows any op. */
export const writeAttr = (writer: ByteWriter, spec: AttrSpec, value: AttrScalar | undefined): void => {
  const problem = attrProblem(spec, value);
  invariant(problem === undefined, `attribute ${problem ?? ''}`);
  switch (spec.kind) {
    case 'int':
      return writer.sleb(Number(value));
    case 'ints': {
      const list = value as readonly number[];
      writer.uleb(list.length);
      for (const item of list) writer.sleb(item);
      return undefined;
    }
    case 'f32':
      return writer.f32(Number(value));
    case 'bool':
      return writer.u8(value === true ? 1 : 0);
    case 'enum':
      return writer.uleb(spec.values.indexOf(String(value)));
    case 'dtype':
      return writer.u8(DTYPES.indexOf(value as DType));
    default:
      return spec satisfies never;
  }
};

const readInts = (reader: ByteReader): readonly number[] => {
  const offset = reader.offset;
  const count = reader.count();
  if (count > LIMITS.list) reject('CVM1009', `a list has ${count} entries but at most ${LIMITS.list} are allowed`, offset);
  const list: number[] = [];
  for (let i = 0; i < count; i++) list.push(reader.sleb());
  return list;
};

const choice = <T>(items: readonly T[], index: number, offset: number): T => {
  if (index >= items.length) reject('CVM1012', `choice ${index} of ${items.length} does not exist`, offset);
  return at(items, index);
};

/** Reads one attribute; the value is checked against its spec by `readAttrs`. */
const readAttr = (reader: ByteReader, spec: AttrSpec): AttrScalar => {
  const offset = reader.offset;
  switch (spec.kind) {
    case 'int':
      return reader.sleb();
    case 'ints':
      return readInts(reader);
    case 'f32':
      return reader.f32();
    case 'bool':
      return choice([false, true], reader.u8(), offset);
    case 'enum':
      return choice(spec.values, reader.uleb(), offset);
    case 'dtype':
      return choice(DTYPES, reader.u8(), offset);
    default:
      return spec satisfies never;
  }
};

/** Attributes of each op in canonical order: derived once, since sorting names for each of a million nodes is slow. */
const ORDERED: ReadonlyMap<OpName, readonly (readonly [string, AttrSpec])[]> = new Map(
  OP_NAMES.map((op) => {
    const { attrs } = opOf(op);
    return [op, attrNames(attrs).flatMap((name) => (attrs[name] === undefined ? [] : [[name, attrs[name]] as const]))];
  }),
);

/** The opcode under which a use is written. */
export const opcodeOf = (op: OpName, attrs: AnyAttrs): number => {
  const { code, added, attrs: schema } = opOf(op);
  if (added === undefined) return code;
  const [value, initial] = [attrs[added.attr], schema[added.attr]?.default];
  return value === undefined || initial === undefined || sameAttr(value, initial) ? code : added.code;
};

/** The attributes that are written under an opcode. */
const attrsUnder = (op: OpName, code: number): readonly (readonly [string, AttrSpec])[] => {
  const all = ORDERED.get(op) ?? [];
  const { added } = opOf(op);
  return added === undefined || code === added.code ? all : all.filter(([name]) => name !== added.attr);
};

/** The attributes of a node in canonical order, defaults written out, but for an added one that has its default. */
export const writeAttrs = (writer: ByteWriter, op: OpName, attrs: AnyAttrs): void => {
  for (const [name, spec] of attrsUnder(op, opcodeOf(op, attrs))) writeAttr(writer, spec, attrs[name]);
};

/** @param code - the opcode of the node: an added attribute is there under its own only, and never has its default there */
export const readAttrs = (reader: ByteReader, op: OpName, code: number): AnyAttrs => {
  const attrs: Record<string, AttrScalar> = {};
  const start = reader.offset;
  for (const [name, spec] of attrsUnder(op, code)) {
    const offset = reader.offset;
    const value = readAttr(reader, spec);
    const problem = attrProblem(spec, value);
    if (problem !== undefined) reject('CVM1012', `attribute ${name} ${problem}`, offset, op);
    attrs[name] = value;
  }
  const { added, attrs: schema } = opOf(op);
  const initial = added === undefined ? undefined : schema[added.attr]?.default;
  if (added === undefined || initial === undefined) return attrs;
  attrs[added.attr] ??= initial;
  if (opcodeOf(op, attrs) !== code)
    reject('CVM1012', `attribute ${added.attr} is ${String(initial)}, its default, which opcode ${opOf(op).code} stands for`, start, op);
  return attrs;
};
