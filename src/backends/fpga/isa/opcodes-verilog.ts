import { OPCODES, type Opcode } from './opcodes.ts';

const hex = (code: number): string => `8'h${code.toString(16).padStart(2, '0')}`;

/** Codes that satisfy a condition, as a Verilog condition on `op`. */
const ranges = (holds: (opcode: Opcode) => boolean): string => {
  const found: { first: number; last: number }[] = [];
  for (const opcode of OPCODES) {
    if (!holds(opcode)) continue;
    const range = found.at(-1);
    if (range?.last === opcode.code - 1) range.last = opcode.code;
    else found.push({ first: opcode.code, last: opcode.code });
  }
  const condition = ({ first, last }: { first: number; last: number }): string =>
    first === last ? `(op) == ${hex(first)}` : `((op) >= ${hex(first)} && (op) <= ${hex(last)})`;
  return `(${found.map(condition).join(' || ')})`;
};

/** Text of rtl/cx_isa.vh: `CX_OP_*` codes and conditions on a code that follow from the forms. */
export const opcodesVerilog = (): string =>
  [
    '// Made from isa/opcodes.ts; a test compares them.',
    '`ifndef CX_ISA_VH',
    '`define CX_ISA_VH',
    ...OPCODES.map(({ name, code }) => `\`define CX_OP_${name.toUpperCase()} ${hex(code)}`),
    '',
    '// There is such an instruction.',
    `\`define CX_IS_LEGAL(op) ${ranges(() => true)}`,
    '// Field rd names a scalar register that is written.',
    `\`define CX_WRITES_SCALAR(op) ${ranges(({ form }) => form.startsWith('d'))}`,
    '// Field rd names a vector register that is written.',
    `\`define CX_WRITES_VECTOR(op) ${ranges(({ form }) => form.startsWith('D'))}`,
    '// The second operand is the immediate.',
    `\`define CX_B_IS_IMMEDIATE(op) ${ranges(({ form }) => form.includes('i') && !/b/i.test(form))}`,
    '`endif',
    '',
  ].join('\n');
