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

/** All attributes of a node, in canonical order, defaults written out. */
export const writeAttrs = (writer: ByteWriter, op: OpName, attrs: AnyAttrs): void => {
  for (const [name, spec] of ORDERED.get(op) ?? []) writeAttr(writer, spec, attrs[name]);
};

export const readAttrs = (reader: ByteReader, op: OpName): AnyAttrs => {
  const attrs: Record<string, AttrScalar> = {};
  for (const [name, spec] of ORDERED.get(op) ?? []) {
    const offset = reader.offset;
    const value = readAttr(reader, spec);
    const problem = attrProblem(spec, value);
    if (problem !== undefined) reject('CVM1012', `attribute ${name} ${problem}`, offset, op);
    attrs[name] = value;
  }
  return attrs;
};
