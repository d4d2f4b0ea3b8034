import { expect, test } from '@jest/globals';
import { at } from '../../../support/index.ts';
import { Asm } from '../../cpu/simd/asm.ts';
import type { Fn } from '../../cpu/simd/fn.ts';
import { Ex } from '../../cpu/simd/lift.ts';
import { decodeInstruction, type Instruction, INSTRUCTION_BYTES } from '../isa/encode.ts';
import type { RegisterLimits } from './allocate.ts';
import { type LinkedCode, link } from './link.ts';
import { FpgaMachine } from './machine.ts';
import type { FunctionCode } from './virtual.ts';

const CODE = 0x1000;

const compile = (
  build: (f: Fn, machine: FpgaMachine) => void,
  limits: RegisterLimits = {},
): { readonly fn: FunctionCode; readonly linked: LinkedCode } => {
  const machine = new FpgaMachine(limits);
  new Asm(machine).define('it', ['i32', 'i32'], 'i32', (f) => build(f, machine));
  const fn = machine.functions.get('it');
  if (fn === undefined) throw new Error('it was defined');
  return { fn, linked: link([...machine.functions.values()], CODE) };
};

const instructionsOf = ({ bytes, instructionBytes }: LinkedCode): readonly (Instruction | undefined)[] => {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: instructionBytes / INSTRUCTION_BYTES }, (_, i) =>
    decodeInstruction(view.getUint32(8 * i, true), view.getUint32(8 * i + 4, true)),
  );
};
const opsOf = (linked: LinkedCode): readonly string[] => instructionsOf(linked).map((one) => one?.op ?? 'none');

/** Sums 20 values that are all live at once. */
const many = (f: Fn): void => {
  const values = Array.from({ length: 20 }, (_, i) => f.i32(f.load('i32', f.arg(0), 4 * i)));
  f.result(values.reduce<Ex>((sum, value) => f.ops.i32.mul(f.ops.i32.add(sum, value), value), f.ops.i32.add(f.arg(1), 0)));
};

test('registers that do not suffice are moved to a frame, others not', () => {
  expect(compile(many).fn).toMatchObject({ spilled: 0, frameBytes: 0 });
  const { fn } = compile(many, { scalars: 8 });
  expect(fn.spilled).toBeGreaterThan(10);
  expect(fn.frameBytes).toBe(8 * fn.spilled);
});

test('constants of sums end in the immediate of a load', () => {
  const { linked } = compile((f) => f.result(f.load('u8', f.ops.i32.add(f.ops.i32.add(f.arg(0), 5), f.ops.i32.add(f.arg(1), 6)), 7)));
  expect(opsOf(linked)).toEqual(['add32', 'ld8u', 'jr']);
  expect(at(instructionsOf(linked), 1)?.imm).toBe(18);
});

test('a comparison becomes a jump, and what stays the same in a loop is computed before it', () => {
  const { linked } = compile((f) => {
    const sum = f.let('i32', 0);
    f.for(0, f.arg(0), 1, () => f.set(sum, f.ops.i32.add(sum, f.ops.i32.mul(f.arg(1), f.ops.i32.xor(f.arg(1), 3)))));
    f.result(sum);
  });
  const ops = opsOf(linked);
  const jump = ops.indexOf('bltu');
  const top = instructionsOf(linked)[jump]?.imm ?? 0;
  expect(ops.slice((top - CODE) / INSTRUCTION_BYTES, jump)).toEqual(['add32', 'addi32']);
});

test('a list of commands is linked at a multiple of 64, behind a flush and before a wait', () => {
  const words = Uint32Array.from({ length: 32 }, (_, i) => i + 1);
  const { linked } = compile((f, machine) => {
    f.do(new Ex(machine.commandList(() => words)));
    f.result(f.i32(0));
  });
  const code = instructionsOf(linked);
  expect(opsOf(linked).slice(0, 5)).toEqual(['dflush', 'li', 'li', 'astart', 'await']);
  const address = code[1]?.imm ?? 0;
  expect(address % 64).toBe(0);
  expect(code[2]?.imm).toBe(2);
  expect(new Uint32Array(linked.bytes.slice(address - CODE, address - CODE + 128).buffer)).toEqual(words);
});
