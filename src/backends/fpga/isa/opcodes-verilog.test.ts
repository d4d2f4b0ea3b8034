import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { opcodesVerilog } from './opcodes-verilog.ts';

test('rtl/cx_isa.vh is made from the table', () => {
  const path = fileURLToPath(new URL('../rtl/cx_isa.vh', import.meta.url));
  if (process.env['UPDATE_GOLDEN'] === '1' && process.env['CI'] === undefined) writeFileSync(path, opcodesVerilog());
  expect(readFileSync(path, 'utf8')).toBe(opcodesVerilog());
});
