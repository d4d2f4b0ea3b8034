import {
  type AnyAttrs,
  arity,
  DTYPES,
  elementCount,
  MAX_ELEMENTS,
  MAX_RANK,
  opByCode,
  type OpName,
  opOf,
  type StaticType,
  formatType,
} from '../ir/index.ts';
import { at, ByteReader, type Diagnostic, MrlError } from '../support/index.ts';
import { readAttrs } from './attr-codec.ts';
import {
  BYTECODE_VERSION,
  type Encoding,
  ENCODINGS,
  encodingOf,
  LIMITS,
  MAGIC,
  nameProblems,
  reject,
  type SectionName,
  sectionId,
  SECTIONS,
} from './format.ts';

/** A parameter as the bytecode names it: no data. */
export interface ParamRef {
  readonly type: StaticType;
  readonly encoding: Encoding;
  /** SHA-256 of the decoded canonical tensor (`tensorDigest`). */
  readonly digest: Uint8Array;
}

/** A node as stored; operands are value numbers that nothing has checked yet. */
export interface RawNode {
  readonly op: OpName;
  readonly operands: readonly number[];
  readonly attrs: AnyAttrs;
  /** Where it stands in the file. */
  readonly offset: number;
}

/** Where a section's payload lies. */
export interface SectionSpan {
  readonly name: SectionName;
  readonly start: number;
  readonly end: number;
}

/** Bytecode taken apart: structure, names and attribute schemas are checked, everything about values and types is not. */
export interface RawModule {
  readonly version: number;
  readonly sections: readonly SectionSpan[];
  readonly types: readonly StaticType[];
  readonly params: readonly ParamRef[];
  readonly nodes: readonly RawNode[];
  readonly inputs: readonly { readonly name: string; readonly type: StaticType }[];
  readonly outputs: readonly { readonly name: string; readonly value: number; readonly offset: number }[];
  /** Interval of each integer result in order, low end first. */
  readonly bounds: readonly (readonly [number, number])[];
}

/** Magic and version; leaves the reader at the first section. */
export const readPrologue = (reader: ByteReader): number => {
  for (const [i, byte] of MAGIC.entries()) {
    if (reader.remaining === 0 || reader.u8() !== byte) reject('CVM1001', 'the bytes do not start with 00 63 76 6D', i);
  }
  const offset = reader.offset;
  const version = reader.uleb();
  if (version !== BYTECODE_VERSION) reject('CVM1002', `version ${version} but this build reads version ${BYTECODE_VERSION}`, offset);
  return version;
};

const readSections = (reader: ByteReader): SectionSpan[] => {
  const spans = SECTIONS.map((name) => {
    const offset = reader.offset;
    if (reader.remaining === 0) reject('CVM1004', `section ${name} is missing`, offset);
    const id = reader.u8();
    if (id !== sectionId(name)) reject('CVM1004', `section ${name} has number ${sectionId(name)} but ${id} stands here`, offset);
    const length = reader.uleb();
    if (length > reader.remaining) reject('CVM1004', `section ${name} says ${length} bytes but ${reader.remaining} are left`, offset, name);
    const start = reader.offset;
    reader.offset += length;
    return { name, start, end: reader.offset };
  });
  if (reader.remaining > 0) reject('CVM1004', `${reader.remaining} bytes follow the last section`, reader.offset);
  return spans;
};

const readType = (reader: ByteReader): StaticType => {
  const offset = reader.offset;
  const code = reader.u8();
  const dtype = DTYPES[code];
  if (dtype === undefined) return reject('CVM1007', `dtype ${code} does not exist`, offset);
  const rank = reader.u8();
  if (rank > MAX_RANK) reject('CVM1007', `rank ${rank} but at most ${MAX_RANK} is allowed`, offset);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) shape.push(reader.uleb());
  const type = { dtype, shape };
  if (elementCount(shape) > MAX_ELEMENTS || shape.some((d) => d > MAX_ELEMENTS))
    reject('CVM1007', `${formatType(type)} is above ${MAX_ELEMENTS} elements`, offset);
  return type;
};

const readTypes = (reader: ByteReader): StaticType[] => {
  const types: StaticType[] = [];
  const seen = new Set<string>();
  const count = reader.count(2);
  for (let i = 0; i < count; i++) {
    const offset = reader.offset;
    const type = readType(reader);
    const text = formatType(type);
    if (seen.size === seen.add(text).size) reject('CVM1007', `type ${i}, ${text}, is listed before`, offset);
    types.push(type);
  }
  return types;
};

const typeAt = (types: readonly StaticType[], index: number, offset: number): StaticType => {
  if (index >= types.length) reject('CVM1007', `type ${index} of ${types.length} does not exist`, offset);
  return at(types, index);
};

const DIGEST_BYTES = 32;

const readParams = (reader: ByteReader, types: readonly StaticType[]): ParamRef[] => {
  const params: ParamRef[] = [];
  const count = reader.count(2 + DIGEST_BYTES);
  for (let i = 0; i < count; i++) {
    const offset = reader.offset;
    const type = typeAt(types, reader.uleb(), offset);
    const encoding = encodingOf(type.dtype);
    const code = reader.u8();
    if (ENCODINGS[code] !== encoding)
      reject('CVM1007', `parameter ${i} is ${type.dtype} but its encoding is ${ENCODINGS[code] ?? String(code)}`, offset);
    params.push({ type, encoding, digest: reader.bytes(DIGEST_BYTES) });
  }
  return params;
};

const readNode = (reader: ByteReader): RawNode => {
  const offset = reader.offset;
  const code = reader.uleb();
  const op = opByCode(code);
  if (op === undefined) return reject('CVM1005', `opcode 0x${code.toString(16)} is not in this build`, offset);
  const spec = opOf(op);
  const { min, max } = arity(spec.operands);
  const count = min === max ? min : reader.count();
  if (count < min || count > Math.min(max, LIMITS.list))
    reject('CVM1003', `${op} takes ${min} to ${Math.min(max, LIMITS.list)} operands but has ${count}`, offset, op);
  const operands: number[] = [];
  for (let i = 0; i < count; i++) operands.push(reader.uleb());
  return { op, operands, attrs: readAttrs(reader, op, code), offset };
};

const readCode = (reader: ByteReader): RawNode[] => {
  const offset = reader.offset;
  const count = reader.count();
  if (count > LIMITS.nodes) reject('CVM1009', `${count} nodes but at most ${LIMITS.nodes} are allowed`, offset);
  const nodes: RawNode[] = [];
  for (let i = 0; i < count; i++) nodes.push(readNode(reader));
  return nodes;
};

const readExports = (reader: ByteReader, types: readonly StaticType[]): Pick<RawModule, 'inputs' | 'outputs'> => {
  const start = reader.offset;
  const inputs: { name: string; type: StaticType }[] = [];
  const outputs: { name: string; value: number; offset: number }[] = [];
  const inputCount = reader.count(2);
  for (let i = 0; i < inputCount; i++) {
    const name = reader.string();
    const offset = reader.offset;
    inputs.push({ name, type: typeAt(types, reader.uleb(), offset) });
  }
  const outputCount = reader.count(2);
  for (let i = 0; i < outputCount; i++) {
    const offset = reader.offset;
    outputs.push({ name: reader.string(), value: reader.uleb(), offset });
  }
  const where = `byte ${start} (exports)`;
  const problems: Diagnostic[] = [
    ...nameProblems(
      'input',
      inputs.map((p) => p.name),
      where,
    ),
    ...nameProblems(
      'output',
      outputs.map((p) => p.name),
      where,
    ),
  ];
  if (problems.length > 0) throw new MrlError(problems);
  return { inputs, outputs };
};

const readBounds = (reader: ByteReader): (readonly [number, number])[] => {
  const bounds: (readonly [number, number])[] = [];
  const count = reader.count(2);
  for (let i = 0; i < count; i++) {
    const offset = reader.offset;
    const lo = reader.sleb();
    const hi = reader.sleb();
    if (lo > hi) reject('CVM1015', `interval ${i} is [${lo}, ${hi}]`, offset);
    bounds.push([lo, hi]);
  }
  return bounds;
};

/**
 * Takes bytecode apart. Each count is checked against the bytes left before anything is allocated for it.
 * @throws {ByteError | MrlError} on anything malformed; call it through `attempt`
 */
export const readModule = (bytes: Uint8Array): RawModule => {
  const reader = new ByteReader(bytes);
  const version = readPrologue(reader);
  const sections = readSections(reader);
  const inside = <T>(index: number, read: (section: ByteReader) => T): T => {
    const span = at(sections, index);
    const section = new ByteReader(bytes, span.start, span.end);
    const value = read(section);
    if (section.remaining > 0) reject('CVM1004', `${section.remaining} bytes are left over in section ${span.name}`, section.offset);
    return value;
  };
  const types = inside(0, readTypes);
  const params = inside(1, (section) => readParams(section, types));
  const nodes = inside(2, readCode);
  const { inputs, outputs } = inside(3, (section) => readExports(section, types));
  const bounds = inside(4, readBounds);
  return { version, sections, types, params, nodes, inputs, outputs, bounds };
};
