import {
  type AnyNode,
  arity,
  canonicalize,
  DTYPES,
  formatType,
  isStaticType,
  opOf,
  paramDigest,
  type Program,
  proveProgram,
  type Range,
  type StaticType,
  verifyProgram,
} from '../ir/index.ts';
import { at, ByteWriter, diagnostic, type Diagnostic, fail, fromHex, ok, type Result } from '../support/index.ts';
import { opcodeOf, writeAttrs } from './attr-codec.ts';
import { costOf } from './check.ts';
import { BYTECODE_VERSION, ENCODINGS, encodingOf, MAGIC, nameProblems, type SectionName, sectionId, SECTIONS } from './format.ts';
import { weightProblems } from './weights.ts';
import { verifyBytecode } from './verify.ts';

const symbolProblems = (program: Program): Diagnostic[] =>
  [...program.inputs, ...program.outputs].flatMap((port) => {
    const type = at(program.types, port.value);
    const symbol = type.shape.find((d) => typeof d === 'string');
    return symbol === undefined
      ? []
      : [
          diagnostic('CVM1010', `${port.name} is ${formatType(type)}: dimension ${symbol} has no number`, {
            notes: [`Bind it: --bind ${symbol}=1.`],
          }),
        ];
  });

/** Distinct types of inputs, then parameters, by first use. */
class TypeTable {
  readonly types: StaticType[] = [];
  private readonly index = new Map<string, number>();

  add(type: StaticType): number {
    const text = formatType(type);
    const known = this.index.get(text);
    if (known !== undefined) return known;
    this.index.set(text, this.types.length);
    this.types.push(type);
    return this.types.length - 1;
  }
}

const writeType = (writer: ByteWriter, type: StaticType): void => {
  writer.u8(DTYPES.indexOf(type.dtype));
  writer.u8(type.shape.length);
  for (const d of type.shape) writer.uleb(d);
};

const writeNode = (writer: ByteWriter, node: AnyNode): void => {
  const spec = opOf(node.op);
  const { min, max } = arity(spec.operands);
  writer.uleb(opcodeOf(node.op, node.attrs));
  if (min !== max) writer.uleb(node.operands.length);
  for (const v of node.operands) writer.uleb(v);
  writeAttrs(writer, node.op, node.attrs);
};

/** The sections of a canonical program with numbers as dimensions. */
const writeSections = (
  program: Program,
  names: { readonly inputs: readonly string[]; readonly outputs: readonly string[] },
  ranges: readonly (Range | undefined)[],
): Record<SectionName, ByteWriter> => {
  const table = new TypeTable();
  const typeAt = (value: number): StaticType => at(program.types, value) as StaticType;
  const sections = {
    types: new ByteWriter(),
    parameters: new ByteWriter(),
    code: new ByteWriter(),
    exports: new ByteWriter(),
    bounds: new ByteWriter(),
  };

  const { parameters, code, exports, bounds, types } = sections;
  exports.uleb(program.inputs.length);
  program.inputs.forEach((port, i) => {
    exports.string(at(names.inputs, i));
    exports.uleb(table.add(typeAt(port.value)));
  });
  exports.uleb(program.outputs.length);
  program.outputs.forEach((port, i) => {
    exports.string(at(names.outputs, i));
    exports.uleb(port.value);
  });

  parameters.uleb(program.params.length);
  for (const param of program.params) {
    const type = typeAt(param.value);
    parameters.uleb(table.add(type));
    parameters.u8(ENCODINGS.indexOf(encodingOf(type.dtype)));
    parameters.bytes(fromHex(paramDigest(param.tensor)));
  }

  types.uleb(table.types.length);
  for (const type of table.types) writeType(types, type);

  code.uleb(program.nodes.length);
  for (const node of program.nodes as readonly AnyNode[]) writeNode(code, node);

  const intervals = program.nodes.flatMap((node) => node.results.flatMap((r) => ranges[r] ?? []));
  bounds.uleb(intervals.length);
  for (const { lo, hi } of intervals) {
    bounds.sleb(lo);
    bounds.sleb(hi);
  }
  return sections;
};

/**
 * Encodes a program whose dimensions are numbers. It is checked, put into canonical order and proven free of overflow first;
 * names of inputs and outputs are kept, those of parameters and nodes are not.
 * @returns the one encoding of the program, or every problem: IR codes, CVM1010 symbols, CVM1011 names, CVM1014 weights, CVM1009 limits
 */
export const encodeProgram = (program: Program): Result<Uint8Array> => {
  const checked = verifyProgram(program);
  const inputs = program.inputs.map((p) => p.name);
  const outputs = program.outputs.map((p) => p.name);
  const problems = [...symbolProblems(program), ...nameProblems('input', inputs), ...nameProblems('output', outputs)];
  if (!checked.ok) problems.push(...checked.diagnostics);
  if (problems.length > 0) return fail(...problems);

  const canonical = canonicalize(program);
  const unbound = canonical.types.find((type) => !isStaticType(type));
  if (unbound !== undefined) return fail(diagnostic('CVM1010', `${formatType(unbound)} has a symbolic dimension`));
  const cost = costOf(canonical);
  if (!cost.ok) return cost;
  const proof = proveProgram(canonical);
  const weights = weightProblems(canonical);
  if (!proof.ok) return fail(...proof.diagnostics, ...weights);
  if (weights.length > 0) return fail(...weights);

  const sections = writeSections(canonical, { inputs, outputs }, proof.value.ranges);
  const writer = new ByteWriter();
  for (const byte of MAGIC) writer.u8(byte);
  writer.uleb(BYTECODE_VERSION);
  for (const name of SECTIONS) {
    const payload = sections[name].finish();
    writer.u8(sectionId(name));
    writer.uleb(payload.length);
    writer.bytes(payload);
  }
  const bytes = writer.finish();
  // What is written is what a node accepts: limits are found here, not on chain.
  const accepted = verifyBytecode(bytes);
  return accepted.ok ? ok(bytes) : accepted;
};
