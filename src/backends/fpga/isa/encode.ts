import { invariant } from '../../../support/index.ts';
import { opcodeNamed, type OpcodeName, opcodeOf } from './opcodes.ts';

/** An instruction. Fields that its opcode has no operand for are 0. */
export interface Instruction {
  readonly op: OpcodeName;
  /** Numbers of registers, 0 to 63; `rc` holds the lane number of instructions with a lane. */
  readonly rd: number;
  readonly ra: number;
  readonly rb: number;
  readonly rc: number;
  /** Signed 32 bits. */
  readonly imm: number;
}

export const INSTRUCTION_BYTES = 8;
const REGISTERS = 64;

type Field = 'rd' | 'ra' | 'rb' | 'rc' | 'imm';

/** Which field holds an operand, by its letter in `Opcode.form`. */
const FIELDS: Readonly<Record<string, Field>> = { d: 'rd', a: 'ra', b: 'rb', c: 'rc', l: 'rc', i: 'imm' };

const fieldOf = (letter: string): Field => {
  const field = FIELDS[letter.toLowerCase()];
  invariant(field !== undefined, `an opcode has an operand of form ${letter}`);
  return field;
};

const formOf = (op: OpcodeName): { readonly code: number; readonly form: string } => {
  const opcode = opcodeNamed(op);
  invariant(opcode !== undefined, `${op} is an opcode`);
  return opcode;
};

/** Makes an instruction of operands in the order of assembler text. */
export const instruction = (op: OpcodeName, ...operands: readonly number[]): Instruction => {
  const { form } = formOf(op);
  invariant(operands.length === form.length, `${op} has ${form.length} operands but ${operands.length} are given`);
  const fields = { rd: 0, ra: 0, rb: 0, rc: 0, imm: 0 };
  operands.forEach((value, i) => {
    const field = fieldOf(form.charAt(i));
    const fits = field === 'imm' ? (value | 0) === value : Number.isInteger(value) && value >= 0 && value < REGISTERS;
    invariant(fits, `${op}: operand ${i} is ${value}, which its field does not hold`);
    fields[field] = value;
  });
  return { op, ...fields };
};

/** The instruction as two words, the one at the lower address first. */
export const encodeInstruction = ({ op, rd, ra, rb, rc, imm }: Instruction): readonly [low: number, high: number] => [
  (formOf(op).code | (rd << 8) | (ra << 14) | (rb << 20) | (rc << 26)) >>> 0,
  imm >>> 0,
];

/** Reads an instruction as the core does: undefined for an unknown opcode; fields that the opcode does not use may hold anything. */
export const decodeFields = (low: number, high: number): Instruction | undefined => {
  const opcode = opcodeOf(low & 0xff);
  if (opcode === undefined) return undefined;
  const [rd, ra, rb] = [(low >>> 8) & 63, (low >>> 14) & 63, (low >>> 20) & 63];
  return { op: opcode.name, rd, ra, rb, rc: low >>> 26, imm: high | 0 };
};

/** Reads an instruction; undefined for an unknown opcode, and where a field that the opcode does not use is not 0. */
export const decodeInstruction = (low: number, high: number): Instruction | undefined => {
  const decoded = decodeFields(low, high);
  if (decoded === undefined) return undefined;
  const used = new Set(formOf(decoded.op).form.split('').map(fieldOf));
  return (['rd', 'ra', 'rb', 'rc', 'imm'] as const).every((field) => used.has(field) || decoded[field] === 0) ? decoded : undefined;
};

const PREFIXES: Readonly<Record<string, string>> = { d: 'r', a: 'r', b: 'r', c: 'r', D: 'v', A: 'v', B: 'v', C: 'v', l: '', i: '' };

/** Assembler text: `add32 r3, r1, r2`, `vldlane8 v1, r2, v3, 5, 16`. */
export const formatInstruction = (given: Instruction): string => {
  const operands = formOf(given.op)
    .form.split('')
    .map((letter) => `${PREFIXES[letter]}${given[fieldOf(letter)]}`);
  return operands.length === 0 ? given.op : `${given.op} ${operands.join(', ')}`;
};

/** Reads assembler text; undefined when it is none. Immediates may be hexadecimal. */
export const parseInstruction = (text: string): Instruction | undefined => {
  const [, name = '', rest = ''] = /^\s*(\w+)\s*(.*?)\s*$/.exec(text) ?? [];
  const opcode = opcodeNamed(name);
  const parts = rest === '' ? [] : rest.split(/\s*,\s*/);
  if (opcode === undefined || parts.length !== opcode.form.length) return undefined;
  const fields = { rd: 0, ra: 0, rb: 0, rc: 0, imm: 0 };
  for (const [i, part] of parts.entries()) {
    const letter = opcode.form.charAt(i);
    const prefix = PREFIXES[letter] ?? '';
    const digits = part.slice(prefix.length);
    if (!part.startsWith(prefix) || !/^(-?\d+|0x[0-9a-fA-F]+)$/.test(digits)) return undefined;
    const value = Number(digits);
    const field = fieldOf(letter);
    if (field === 'imm' ? value < -(2 ** 31) || value >= 2 ** 32 : value < 0 || value >= REGISTERS) return undefined;
    fields[field] = field === 'imm' ? value | 0 : value;
  }
  return { op: opcode.name, ...fields };
};

/** Instructions as they lie in memory. */
export const encodeProgram = (instructions: readonly Instruction[]): Uint8Array => {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  instructions.forEach((given, i) => {
    const [low, high] = encodeInstruction(given);
    view.setUint32(i * INSTRUCTION_BYTES, low, true);
    view.setUint32(i * INSTRUCTION_BYTES + 4, high, true);
  });
  return bytes;
};

/** One line an instruction, with its address, under the labels that stand there; words that are no instruction as `.word`. */
export const disassemble = (code: Uint8Array, base: number, labels: ReadonlyMap<number, string> = new Map()): readonly string[] => {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const lines: string[] = [];
  for (let at = 0; at + INSTRUCTION_BYTES <= code.length; at += INSTRUCTION_BYTES) {
    const low = view.getUint32(at, true);
    const high = view.getUint32(at + 4, true);
    const label = labels.get(base + at);
    if (label !== undefined) lines.push(`${label}:`);
    const decoded = decodeInstruction(low, high);
    const text = decoded === undefined ? `.word 0x${low.toString(16)}, 0x${high.toString(16)}` : formatInstruction(decoded);
    lines.push(`  ${(base + at).toString(16).padStart(8, '0')}  ${text}`);
  }
  return lines;
};
