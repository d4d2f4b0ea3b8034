import type { Instruction } from '../isa/encode.ts';
import type { OpcodeName } from '../isa/opcodes.ts';

/** A register before it is known which: 0 is r0, which is always 0. */
export type Virtual = number;
export const ZERO: Virtual = 0;
/** No operand. */
export const NONE = -1;

/**
 * What an instruction before registers is: an opcode; or `label` (imm is its number), `move`, `constant` (of `value`), `callee` (a call with
 * `args`), `entry` (defines the parameters, `args`).
 */
export type VirtualOp = OpcodeName | 'label' | 'move' | 'constant' | 'callee' | 'entry';

/** Where the immediate comes from when it is not known before linking. */
export type Symbol =
  | { readonly to: 'label'; readonly label: number }
  | { readonly to: 'pool'; readonly bytes: Uint8Array }
  | { readonly to: 'commands'; readonly words: Uint32Array }
  | { readonly to: 'frame'; readonly offset: number }
  | { readonly to: 'function'; readonly name: string };

export interface VirtualInstruction {
  op: VirtualOp;
  d: Virtual;
  a: Virtual;
  b: Virtual;
  c: Virtual;
  lane: number;
  imm: number;
  symbol?: Symbol;
  value?: bigint;
  name?: string;
  args?: Virtual[];
  /** Loops around it. */
  depth: number;
}

/** A function whose registers are to be chosen. */
export interface VirtualFunction {
  readonly name: string;
  code: VirtualInstruction[];
  /** Whether a register is one of vectors, by number. */
  readonly isVector: boolean[];
  readonly params: readonly Virtual[];
  readonly result: Virtual;
  /** The return address. */
  readonly link: Virtual;
  labels: number;
}

/** A place in the frame, or a constant that is made again where it is needed. */
export interface Spilled {
  readonly isVector: boolean;
  readonly offset: number | undefined;
  readonly again: VirtualInstruction | undefined;
}

/** An argument that is no register but `spilled[k]` is written as this. */
export const spilledArgument = (k: number): Virtual => -2 - k;
export const spilledOf = (argument: Virtual): number => -2 - argument;

/** An instruction with registers; the symbol's value is added to `imm` when the program is linked. */
export interface LinkedInstruction extends Instruction {
  readonly symbol?: Symbol;
  /** A label of the function that stands before it. */
  readonly labels?: readonly number[];
}

/** Registers as two words of bits. */
export interface RegisterSet {
  low: number;
  high: number;
}

/** How a function is called: which registers its parameters, result and return address are in, and which it changes. */
export interface CallingForm {
  /** Undefined for parameters that it does not read. */
  readonly params: readonly (number | undefined)[];
  readonly paramIsVector: readonly boolean[];
  readonly result: number | undefined;
  readonly link: number;
  readonly scalars: Readonly<RegisterSet>;
  readonly vectors: Readonly<RegisterSet>;
}

/** A compiled function. */
export interface FunctionCode {
  readonly name: string;
  readonly form: CallingForm;
  readonly code: readonly LinkedInstruction[];
  /** Bytes of its static frame: no function is ever active twice. */
  readonly frameBytes: number;
  /** Registers that were moved to the frame. */
  readonly spilled: number;
}

export const hasRegister = (set: Readonly<RegisterSet>, register: number): boolean =>
  ((register < 32 ? set.low >>> register : set.high >>> (register - 32)) & 1) === 1;

export const addRegister = (set: RegisterSet, register: number): void => {
  if (register < 32) set.low |= 1 << register;
  else set.high |= 1 << (register - 32);
};

export const addRegisters = (set: RegisterSet, more: Readonly<RegisterSet>): void => {
  set.low |= more.low;
  set.high |= more.high;
};
