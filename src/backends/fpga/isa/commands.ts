/**
 * Commands of the dot-product array, once: encoder, decoder, Verilog (`cx_commands.vh`) and the section "Array" of docs/fpga-core.md are made from this table.
 *
 * A command has 64 bytes, 16 little-endian words of 32 bits, at a multiple of 64. Bits that no field names are 0. Addresses and strides
 * of on-chip memories count beats of 16 bytes and are added modulo 2^16, so a stride may be negative and a base may lie before the memory,
 * as long as the beats that are really touched lie inside.
 */

export interface Field {
  readonly word: number;
  /** Lowest bit in the word. */
  readonly bit: number;
  readonly bits: number;
  readonly signed: boolean;
  readonly doc: string;
}

export interface CommandTable {
  readonly code: number;
  readonly unit: 'load' | 'compute' | 'store';
  readonly doc: string;
  readonly fields: Readonly<Record<string, Field>>;
}

const u = (word: number, bit: number, bits: number, doc: string): Field => ({ word, bit, bits, signed: false, doc });
const s = (word: number, bit: number, bits: number, doc: string): Field => ({ word, bit, bits, signed: true, doc });

const waits = {
  wait_load: u(0, 16, 16, 'Starts when so many LOAD commands are complete since the start of the list.'),
  wait_compute: u(1, 0, 16, 'The same of commands of the compute unit (COMPUTE and ADDEND).'),
  wait_store: u(1, 16, 16, 'The same of STORE commands.'),
} as const;

const transfer = {
  memory: u(2, 0, 32, 'Byte offset of the first beat in external memory, a multiple of 16.'),
  memory_row: u(3, 0, 32, 'Bytes from a row to the next in memory, a multiple of 16; modulo 2^32.'),
  memory_plane: u(4, 0, 32, 'Bytes from a plane to the next in memory, a multiple of 16; modulo 2^32.'),
  planes: u(5, 0, 16, 'Planes, at least 1.'),
  rows: u(5, 16, 16, 'Rows of a plane, at least 1.'),
  beats: u(6, 0, 16, 'Beats of a row, at least 1; they are contiguous in memory.'),
  chip: u(6, 16, 16, 'Address of the first beat on chip.'),
  chip_plane: s(7, 0, 16, 'Beats from a plane to the next on chip.'),
  chip_row: s(7, 16, 16, 'Beats from a row to the next on chip.'),
  chip_beat: s(8, 0, 16, 'Beats from a beat of a row to the next on chip, 1 for contiguous rows.'),
} as const;

export const COMMANDS = {
  load: {
    code: 1,
    unit: 'load',
    doc: 'Copies planes x rows x beats from memory to an on-chip memory.',
    fields: {
      target: u(
        0,
        8,
        2,
        'TARGETS: activations, weights (beat 16 e + l: inputs of output lane l in entry e), parameters (beat 8 b + k: channels 16 b + 2 k and + 1) or tables (beat 16 t + k: entries 16 k .. of table t; 16 cycles a beat).',
      ),
      transpose: u(0, 10, 1, 'Weights only: beat 16 e + i holds input i of all 16 output lanes (byte l is lane l).'),
      ...waits,
      ...transfer,
    },
  },
  store: {
    code: 2,
    unit: 'store',
    doc: 'Copies planes x rows x beats of activations to memory. Complete when the memory has answered.',
    fields: { ...waits, ...transfer },
  },
  compute: {
    code: 3,
    unit: 'compute',
    doc: 'For each output block, row and column: combines the taps (ky, kx, ic), makes one beat of 16 channels of it.',
    fields: {
      mode: u(0, 8, 2, 'MODES: how taps are combined.'),
      result: u(0, 10, 2, 'RESULTS: what becomes of the 16 sums.'),
      add: u(0, 12, 1, 'Adds the beat of the addend (command ADDEND) by add_rescale to the byte result; not with raw.'),
      table: u(0, 13, 1, 'Puts each byte of the result through table_index, last; not with raw.'),
      resume: u(0, 14, 1, 'Sums continue those that the command before held. One output beat only.'),
      hold: u(0, 15, 1, 'Nothing is output; the sums are held for the next command. One output beat only.'),
      ...waits,
      in_base: u(2, 0, 16, 'Beat of tap (0, 0, 0) of the first output: may lie in padding, before the tensor.'),
      out_base: u(2, 16, 16, 'Beat of the first output.'),
      in_block: s(3, 0, 16, 'Input beats from an output block to the next: 0 for dot, 1 for the modes by channel.'),
      out_block: s(3, 16, 16, 'Output beats from a block to the next.'),
      in_y: s(4, 0, 16, 'Input beats from an output row to the next: stride x beats of an input row.'),
      out_y: s(4, 16, 16, 'Output beats from a row to the next.'),
      in_x: s(5, 0, 16, 'Input beats from an output column to the next: stride x blocks of a pixel.'),
      out_x: s(5, 16, 16, 'Output beats from a column to the next.'),
      in_ky: s(6, 0, 16, 'Input beats from a kernel row to the next: dilation x beats of an input row.'),
      in_kx: s(6, 16, 16, 'Input beats from a kernel column to the next: dilation x blocks of a pixel.'),
      in_ic: s(7, 0, 16, 'Input beats from an input block to the next, 1 for whole pixels.'),
      weight_base: u(
        7,
        16,
        16,
        'First weight entry. dot: one entry a tap in the order ky, kx, ic. depthwise: tap t is byte t mod 16 of each lane in entry t div 16.',
      ),
      weight_block: u(8, 0, 16, 'Weight entries from an output block to the next.'),
      parameter_base: u(8, 16, 16, 'Parameters (blocks of 16 channels) of the first output block; the next block has the next.'),
      blocks: u(9, 0, 16, 'Output blocks, at least 1: the outermost loop.'),
      rows: u(9, 16, 16, 'Output rows, at least 1.'),
      columns: u(10, 0, 16, 'Output columns, at least 1.'),
      inputs: u(10, 16, 16, 'Input blocks of a tap position, at least 1.'),
      kernel_y: u(11, 0, 8, 'Kernel rows, at least 1.'),
      kernel_x: u(11, 8, 8, 'Kernel columns, at least 1.'),
      step_y: u(11, 16, 8, 'Input rows from an output row to the next.'),
      step_x: u(11, 24, 8, 'Input columns from an output column to the next.'),
      dilation_y: u(12, 0, 8, 'Input rows from a kernel row to the next.'),
      dilation_x: u(12, 8, 8, 'Input columns from a kernel column to the next.'),
      pad: s(12, 16, 8, 'Byte that taps outside the input read.'),
      zero: s(12, 24, 8, 'Output zero point of rescale.'),
      y0: s(13, 0, 16, 'Input row of tap 0 of output row 0: minus the padding above.'),
      x0: s(13, 16, 16, 'Input column of tap 0 of output column 0.'),
      height: u(14, 0, 15, 'Input rows: a tap at row y is inside where 0 <= y < height.'),
      width: u(14, 16, 15, 'Input columns.'),
      lo: s(15, 0, 8, 'Least result of rescale.'),
      hi: s(15, 8, 8, 'Greatest result of rescale.'),
      table_index: u(15, 16, 3, 'Which table.'),
    },
  },
  addend: {
    code: 4,
    unit: 'compute',
    doc: 'Sets the addend of the COMPUTE commands that follow: y = clamp(rshr(multiplier_a (a - zero_a) + multiplier_b (b - zero_b), shift) + zero, lo, hi), a the byte result of COMPUTE, b the addend.',
    fields: {
      ...waits,
      base: u(2, 0, 16, 'Beat of the addend for the first output.'),
      block: s(2, 16, 16, 'Beats from an output block to the next.'),
      y: s(3, 0, 16, 'Beats from an output row to the next.'),
      x: s(3, 16, 16, 'Beats from an output column to the next.'),
      multiplier_a: s(4, 0, 23, 'From -2^21 to 2^21.'),
      shift: u(4, 24, 5, '1 to 30.'),
      multiplier_b: s(5, 0, 23, 'From -2^21 to 2^21; |multiplier_a| 255 + |multiplier_b| 255 + 2^(shift-1) < 2^31.'),
      zero_a: s(6, 0, 8, 'Zero point of a.'),
      zero_b: s(6, 8, 8, 'Zero point of b.'),
      zero: s(6, 16, 8, 'Output zero point.'),
      lo: s(7, 0, 8, 'Least result.'),
      hi: s(7, 8, 8, 'Greatest result.'),
    },
  },
} as const satisfies Readonly<Record<string, CommandTable>>;

/** On-chip memories, by number in field target. */
export const TARGETS = ['activations', 'weights', 'parameters', 'tables'] as const;
/**
 * dot: lane l adds the 16 products of the input beat with its 16 weights. depthwise: lane l adds input byte l times its one weight of the tap.
 * sum: adds input byte l. max: greatest input byte l (signed; the pad byte takes part where taps are outside).
 */
export const MODES = ['dot', 'depthwise', 'sum', 'max'] as const;
/**
 * rescale: clamp(rshr((sum + bias) M, s) + zero, lo, hi), 0 <= M < 2^15, 1 <= s <= 47, the sum with bias wrapping in 32 bits.
 * raw: sum + bias as 16 x i32 in 4 beats. byte: the low 8 bits of the sum.
 */
export const RESULTS = ['rescale', 'raw', 'byte'] as const;

export const COMMAND_BYTES = 64;
const WORDS = COMMAND_BYTES / 4;

export type CommandName = keyof typeof COMMANDS;
/** A command as numbers: fields left out are 0. */
export type Command = {
  readonly [K in CommandName]: { readonly op: K } & { readonly [F in keyof (typeof COMMANDS)[K]['fields']]?: number };
}[CommandName];

const fieldsOf = (op: CommandName): readonly (readonly [string, Field])[] => Object.entries(COMMANDS[op].fields);

/** First field whose value does not fit it, in words; undefined where all fit. */
export const commandProblem = (command: Command): string | undefined => {
  const values: Readonly<Record<string, number | string | undefined>> = command;
  for (const [name, f] of fieldsOf(command.op)) {
    const value = Number(values[name] ?? 0);
    const lo = f.signed ? -(2 ** (f.bits - 1)) : 0;
    const hi = 2 ** (f.signed ? f.bits - 1 : f.bits) - 1;
    if (!Number.isInteger(value) || value < lo || value > hi) return `${command.op}.${name} is ${value}, its range is ${lo} to ${hi}`;
  }
  return undefined;
};

/** @returns 16 words; values are taken modulo the width of their field, see commandProblem */
export const encodeCommand = (command: Command): Uint32Array => {
  const words = new Uint32Array(WORDS);
  const values: Readonly<Record<string, number | string | undefined>> = command;
  words[0] = COMMANDS[command.op].code;
  for (const [name, f] of fieldsOf(command.op)) {
    const mask = f.bits === 32 ? 0xffffffff : 2 ** f.bits - 1;
    words[f.word] = (words[f.word] ?? 0) | (((Number(values[name] ?? 0) & mask) >>> 0) << f.bit);
  }
  return words;
};

/** The command in 16 words, all its fields named; undefined where the code is unknown. */
export const decodeCommand = (words: Uint32Array): Command | undefined => {
  const code = (words[0] ?? 0) & 0xff;
  const found = Object.entries(COMMANDS).find(([, c]) => c.code === code);
  if (found === undefined) return undefined;
  const values: Record<string, number | string> = { op: found[0] };
  for (const [name, f] of Object.entries<Field>(found[1].fields)) {
    const up = 32 - f.bit - f.bits;
    const word = (words[f.word] ?? 0) << up;
    values[name] = f.signed ? word >> (32 - f.bits) : word >>> (32 - f.bits);
  }
  // the keys are those of the table row that was found
  return values as unknown as Command;
};

const upper = (name: string): string => name.toUpperCase();

/** Text of rtl/cx_commands.vh: positions of fields in the 512 bits of a command, and the numbers of commands, targets, modes and results. */
export const verilogCommands = (): string => {
  const lines = ['// Made from isa/commands.ts; a test compares them.', '`ifndef CX_COMMANDS_VH', '`define CX_COMMANDS_VH'];
  const define = (name: string, value: string): void => {
    lines.push(`\`define CX_${name} ${value}`);
  };
  for (const [op, c] of Object.entries<CommandTable>(COMMANDS)) {
    define(`OP_${upper(op)}`, `8'd${c.code}`);
    for (const [name, f] of Object.entries(c.fields)) {
      define(`${upper(op)}_${upper(name)}`, `${32 * f.word + f.bit + f.bits - 1}:${32 * f.word + f.bit}`);
    }
  }
  TARGETS.forEach((name, i) => define(`TARGET_${upper(name)}`, `2'd${i}`));
  MODES.forEach((name, i) => define(`MODE_${upper(name)}`, `2'd${i}`));
  RESULTS.forEach((name, i) => define(`RESULT_${upper(name)}`, `2'd${i}`));
  return `${[...lines, '`endif'].join('\n')}\n`;
};
