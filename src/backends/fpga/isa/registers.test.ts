import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { CORE_ERRORS, type Register, REGISTERS } from './registers.ts';
import { registersVerilog } from './registers-verilog.ts';

const registers: readonly Register[] = REGISTERS;

test('offsets are those of 32-bit words without gaps, and names are unique', () => {
  expect(registers.map((r) => r.offset)).toEqual(registers.map((_, i) => 4 * i));
  expect(new Set(registers.map((r) => r.name)).size).toBe(registers.length);
});

test('fields lie in their register and do not overlap', () => {
  for (const { name, fields = [] } of registers) {
    const bits = fields.flatMap((f) => Array.from({ length: f.high - f.low + 1 }, (_, i) => f.low + i));
    expect([name, new Set(bits).size, bits.every((b) => b >= 0 && b < 32)]).toEqual([name, bits.length, true]);
  }
});

test('codes of errors fit 8 bits and never change', () => {
  expect(CORE_ERRORS.map((e) => `${e.code} ${e.name}`)).toEqual([
    '1 BAD_MAGIC',
    '2 BAD_VERSION',
    '3 BAD_HEADER_CRC',
    '4 BAD_CODE_CRC',
    '5 BAD_HEADER',
    '6 CONFIG_MISMATCH',
    '7 MISALIGNED_BASE',
    '8 IMAGE_TOO_LARGE',
    '9 ADDRESS_RANGE',
    '10 BUS_READ',
    '11 BUS_WRITE',
    '12 ILLEGAL_INSTRUCTION',
    '13 BAD_PC',
    '14 PROGRAM_TRAP',
    '15 BAD_COMMAND',
    '16 ARRAY_RANGE',
    '17 ARRAY_BUSY',
    '18 TIMEOUT',
    '19 NOT_INITIALISED',
  ]);
});

test('rtl/cx_registers.vh is made from the table', () => {
  const path = fileURLToPath(new URL('../rtl/cx_registers.vh', import.meta.url));
  if (process.env['UPDATE_GOLDEN'] === '1' && process.env['CI'] === undefined) writeFileSync(path, registersVerilog());
  expect(readFileSync(path, 'utf8')).toBe(registersVerilog());
});
