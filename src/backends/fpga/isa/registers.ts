import { invariant } from '../../../support/index.ts';

/**
 * Registers and error codes of the core, once: Verilog (`cx_registers.vh`), testbench, drivers (C header, documents) and the simulator
 * take them from here.
 */

/**
 * `ro`: written by the core. `rw`: kept as written, while no run is on. `command`: a write does something, what is read is said in `doc`.
 */
export type RegisterAccess = 'ro' | 'rw' | 'command';

/** Bits of a register. */
export interface RegisterField {
  readonly name: string;
  readonly high: number;
  readonly low: number;
  readonly doc: string;
}

/** A register of 32 bits on the AXI4-Lite port. */
export interface Register {
  readonly name: string;
  /** In bytes, a multiple of 4. */
  readonly offset: number;
  readonly access: RegisterAccess;
  /** After reset; undefined: a parameter of the core decides. */
  readonly reset?: number;
  readonly doc: string;
  readonly fields?: readonly RegisterField[];
}

const field = (name: string, high: number, low: number, doc: string): RegisterField => ({ name, high, low, doc });

/** Value of register ID and of word 0 of an image: `CXF1` in the order of bytes. */
export const MAGIC = 0x31465843;
/** Version of the instruction set: word 1 of an image. */
export const ISA_VERSION = 1;
/** Version of this table. */
export const REGISTERS_VERSION = 1;
/** TIMEOUT counts units of so many cycles. */
export const TIMEOUT_UNIT_CYCLES = 1024;
/** Steps whose begin is kept: those of higher numbers take the places of lower ones. */
export const KEPT_STEPS = 512;

export const REGISTERS = [
  { name: 'ID', offset: 0x00, access: 'ro', reset: MAGIC, doc: 'CXF1.' },
  {
    name: 'VERSION',
    offset: 0x04,
    access: 'ro',
    reset: REGISTERS_VERSION * 0x10000 + ISA_VERSION,
    doc: 'What the core understands.',
    fields: [
      field('REGISTERS', 31, 16, 'Version of this table.'),
      field('ISA', 15, 0, 'Version of the instruction set: word 1 of an image.'),
    ],
  },
  {
    name: 'CAPS_ARRAY',
    offset: 0x08,
    access: 'ro',
    doc: 'The array, as in word 2 of an image; 0: there is none.',
    fields: [
      field('ACCUMULATOR', 31, 24, 'Bits of accumulators; an image may need fewer.'),
      field('BITS', 23, 16, 'Bits of weights.'),
      field('INPUTS', 15, 8, 'Input channels of a block.'),
      field('LANES', 7, 0, 'Output channels of a block.'),
    ],
  },
  { name: 'CAPS_SCRATCH', offset: 0x0c, access: 'ro', doc: 'Beats of scratchpad of the array.' },
  { name: 'CAPS_WEIGHTS', offset: 0x10, access: 'ro', doc: 'Entries of the weight memory of the array.' },
  { name: 'CAPS_PARAMETERS', offset: 0x14, access: 'ro', doc: 'Beats of the parameter memory of the array.' },
  {
    name: 'CONTROL',
    offset: 0x18,
    access: 'command',
    reset: 0,
    doc: 'START while a run is on is refused. SOFT_RESET is always taken. Only IRQ_ENABLE is kept and read.',
    fields: [
      field('IRQ_ENABLE', 8, 8, 'The line irq is high while a bit of IRQ_STATUS is set.'),
      field(
        'SOFT_RESET',
        2,
        2,
        'Ends a run; other bits are ignored. The bus is left in order: STATUS.BUSY falls when the last burst is through. An INIT has to follow.',
      ),
      field('INIT', 1, 1, 'With START: checks the code, too, and runs the initialization of the image.'),
      field('START', 0, 0, 'Checks the image and runs it.'),
    ],
  },
  {
    name: 'STATUS',
    offset: 0x1c,
    access: 'ro',
    reset: 0,
    doc: 'State of the core. ERROR may be set while BUSY still is: the bus is being left in order.',
    fields: [
      field('INITIALISED', 3, 3, 'A START with INIT has succeeded. Cleared by errors and SOFT_RESET.'),
      field('ERROR', 2, 2, 'The last run ended with an error. Cleared by START and SOFT_RESET.'),
      field('DONE', 1, 1, 'The last run is over, with an error or without. Cleared by START and SOFT_RESET.'),
      field('BUSY', 0, 0, 'A run is on, or the bus is being left in order. The host must not touch the memory of the image.'),
    ],
  },
  { name: 'ERROR', offset: 0x20, access: 'ro', reset: 0, doc: 'Code of the error that ended the last run; 0: none.' },
  { name: 'ERROR_INFO', offset: 0x24, access: 'ro', reset: 0, doc: 'See the table of errors.' },
  { name: 'ERROR_PC', offset: 0x28, access: 'ro', reset: 0, doc: 'The pc of the processor when the error came.' },
  { name: 'BASE_LO', offset: 0x2c, access: 'rw', reset: 0, doc: 'Address of the image, bits 31 to 0. A multiple of 4096.' },
  { name: 'BASE_HI', offset: 0x30, access: 'rw', reset: 0, doc: 'Address of the image, bits 63 to 32.' },
  { name: 'LIMIT', offset: 0x34, access: 'rw', reset: 0xffffffff, doc: 'Bytes of memory at BASE that belong to the core.' },
  {
    name: 'TIMEOUT',
    offset: 0x38,
    access: 'rw',
    reset: 0x100000,
    doc: `A run may take so many times ${TIMEOUT_UNIT_CYCLES} cycles; 0: any number.`,
  },
  {
    name: 'IRQ_STATUS',
    offset: 0x3c,
    access: 'command',
    reset: 0,
    doc: 'What has happened since it was cleared, with or without IRQ_ENABLE. Writing a 1 clears a bit.',
    fields: [
      field('REFUSED', 2, 2, 'A write to a register was refused: see REFUSED.'),
      field('ERROR', 1, 1, 'A run is ended by an error.'),
      field('DONE', 0, 0, 'A run has ended without an error.'),
    ],
  },
  {
    name: 'REFUSED',
    offset: 0x40,
    access: 'command',
    reset: 0,
    doc: 'The first write that was refused (answer SLVERR) since it was cleared. Any write clears it.',
    fields: [
      field('REASON', 17, 16, '0: none. 1: a run is on. 2: the register is read-only, or there is none. 3: not all 4 bytes were written.'),
      field('OFFSET', 11, 0, 'Of the register.'),
    ],
  },
  { name: 'STEP', offset: 0x44, access: 'ro', reset: 0, doc: 'The step of the program that began last.' },
  {
    name: 'STEP_SELECT',
    offset: 0x48,
    access: 'command',
    reset: 0,
    doc: `Number of a step modulo ${KEPT_STEPS}, for STEP_CYCLES. May be written in a run.`,
  },
  {
    name: 'STEP_CYCLES_LO',
    offset: 0x4c,
    access: 'ro',
    reset: 0,
    doc: 'CYCLES when the selected step began, bits 31 to 0; of an older run when it has not begun in this one.',
  },
  { name: 'STEP_CYCLES_HI', offset: 0x50, access: 'ro', reset: 0, doc: 'Bits 47 to 32.' },
  {
    name: 'CYCLES_LO',
    offset: 0x54,
    access: 'ro',
    reset: 0,
    doc: 'Clock cycles from START to the end. Counters stand still after a run and begin at 0 with START.',
  },
  {
    name: 'CYCLES_HI',
    offset: 0x58,
    access: 'ro',
    reset: 0,
    doc: 'Bits 47 to 32; so for all counters. Read it before and after the low word while a run is on.',
  },
  { name: 'ARRAY_CYCLES_LO', offset: 0x5c, access: 'ro', reset: 0, doc: 'Cycles in which the array was at work.' },
  { name: 'ARRAY_CYCLES_HI', offset: 0x60, access: 'ro', reset: 0, doc: '' },
  { name: 'INSTRUCTIONS_LO', offset: 0x64, access: 'ro', reset: 0, doc: 'Instructions of the processor.' },
  { name: 'INSTRUCTIONS_HI', offset: 0x68, access: 'ro', reset: 0, doc: '' },
  { name: 'READ_BEATS_LO', offset: 0x6c, access: 'ro', reset: 0, doc: 'Beats of 16 bytes that were read from memory.' },
  { name: 'READ_BEATS_HI', offset: 0x70, access: 'ro', reset: 0, doc: '' },
  { name: 'WRITE_BEATS_LO', offset: 0x74, access: 'ro', reset: 0, doc: 'Beats that were written.' },
  { name: 'WRITE_BEATS_HI', offset: 0x78, access: 'ro', reset: 0, doc: '' },
] as const satisfies readonly Register[];

export type RegisterName = (typeof REGISTERS)[number]['name'];

const named = new Map<string, Register>(REGISTERS.map((r) => [r.name, r]));

/** A register by its name. */
export const registerOf = (name: RegisterName): Register => {
  const register = named.get(name);
  invariant(register !== undefined, `there is a register ${name}`);
  return register;
};

/** What stopped a run. */
export interface CoreError {
  readonly name: CoreErrorName;
  /** In register ERROR. */
  readonly code: number;
  /** What ERROR_INFO holds. */
  readonly info: string;
  readonly doc: string;
}

/** In order of codes, from 1; 0 is no error. A code is never given to another error. */
const ERROR_ROWS = [
  ['BAD_MAGIC', 'word 0', 'There is no image at BASE.'],
  ['BAD_VERSION', 'word 1', 'The image is for another version of the instruction set.'],
  ['BAD_HEADER_CRC', 'the CRC that was computed', 'The header was changed.'],
  ['BAD_CODE_CRC', 'the CRC that was computed', 'The code was changed.'],
  ['BAD_HEADER', 'number of the word', 'A word of the header is no multiple of what it has to be, or lies beyond the end.'],
  ['CONFIG_MISMATCH', 'number of the word', 'The image needs an array, or memories, that this core does not have (registers CAPS_*).'],
  ['MISALIGNED_BASE', 'BASE_LO', 'BASE is no multiple of 4096.'],
  ['IMAGE_TOO_LARGE', 'word 6', 'The image uses more bytes than register LIMIT allows.'],
  ['ADDRESS_RANGE', 'offset of the request', 'A unit asked for memory beyond the bytes that the image uses.'],
  ['BUS_READ', 'offset of the burst', 'The memory answered a read with an error.'],
  ['BUS_WRITE', 'offset of the burst', 'The memory answered a write with an error.'],
  ['ILLEGAL_INSTRUCTION', 'low 32 bits of the instruction', 'There is no such instruction.'],
  ['BAD_PC', 'the pc', 'The pc is no multiple of 8.'],
  ['PROGRAM_TRAP', 'immediate of the trap', 'The program stopped itself.'],
  ['BAD_COMMAND', 'offset of the command', 'There is no such command of the array, or its fields contradict each other.'],
  ['ARRAY_RANGE', 'offset of the command', 'A command goes beyond a memory of the array.'],
  ['ARRAY_BUSY', 'offset of the commands', 'The array was started before it had ended.'],
  ['TIMEOUT', 'register STEP', 'The run took longer than register TIMEOUT allows.'],
  ['NOT_INITIALISED', 'CONTROL as written', 'START without INIT came before a START with INIT had succeeded.'],
] as const;

export type CoreErrorName = (typeof ERROR_ROWS)[number][0];

export const CORE_ERRORS: readonly CoreError[] = ERROR_ROWS.map(([name, info, doc], i) => ({ name, code: i + 1, info, doc }));

/** The error of a name. */
export const coreErrorOf = (name: CoreErrorName): CoreError => {
  const error = CORE_ERRORS.find((e) => e.name === name);
  invariant(error !== undefined, `there is an error ${name}`);
  return error;
};
