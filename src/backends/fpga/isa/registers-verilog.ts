import { CORE_ERRORS, ISA_VERSION, KEPT_STEPS, MAGIC, REGISTERS, REGISTERS_VERSION, TIMEOUT_UNIT_CYCLES } from './registers.ts';

const hex = (value: number, bits: number): string => `${bits}'h${value.toString(16).padStart(Math.ceil(bits / 4), '0')}`;

const define = (name: string, value: string): string => `\`define ${name} ${value}`;

/** Bits of an error code between units. */
const ERROR_BITS = 8;
/** Bits of the address on the AXI4-Lite port. */
const OFFSET_BITS = 12;

/** Text of rtl/cx_registers.vh: `CX_REG_*` offsets, `CX_RESET_*` values of registers that are kept as written, `CX_<REGISTER>_<FIELD>` bit numbers (the lowest), `CX_ERR_*` codes. */
export const registersVerilog = (): string =>
  [
    '// Made from isa/registers.ts; a test compares them.',
    '`ifndef CX_REGISTERS_VH',
    '`define CX_REGISTERS_VH',
    define('CX_MAGIC', hex(MAGIC, 32)),
    define('CX_ISA_VERSION', hex(ISA_VERSION, 32)),
    define('CX_VERSION', hex(REGISTERS_VERSION * 0x10000 + ISA_VERSION, 32)),
    define('CX_TIMEOUT_SHIFT', String(Math.log2(TIMEOUT_UNIT_CYCLES))),
    define('CX_KEPT_STEPS_LOG2', String(Math.log2(KEPT_STEPS))),
    '',
    ...REGISTERS.map((r) => define(`CX_REG_${r.name}`, hex(r.offset, OFFSET_BITS))),
    '',
    ...REGISTERS.flatMap((r) => (r.access === 'rw' ? [define(`CX_RESET_${r.name}`, hex(r.reset, 32))] : [])),
    '',
    ...REGISTERS.flatMap((r) => ('fields' in r ? r.fields.map((f) => define(`CX_${r.name}_${f.name}`, String(f.low))) : [])),
    '',
    define('CX_ERR_NONE', hex(0, ERROR_BITS)),
    ...CORE_ERRORS.map((e) => define(`CX_ERR_${e.name}`, hex(e.code, ERROR_BITS))),
    '`endif',
    '',
  ].join('\n');
