import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { type Command, COMMANDS, type CommandTable, commandProblem, decodeCommand, encodeCommand, verilogCommands } from './commands.ts';

describe.each(Object.entries<CommandTable>(COMMANDS))('%s', (op, table) => {
  const fields = Object.entries(table.fields);

  test('fields lie in their word and do not overlap', () => {
    const bits = fields.flatMap(([, f]) => Array.from({ length: f.bits }, (_, i) => 32 * f.word + f.bit + i));
    const code = Array.from({ length: 8 }, (_, i) => i);
    expect(new Set([...code, ...bits]).size).toBe(8 + bits.length);
    expect(fields.filter(([, f]) => f.bit + f.bits > 32 || f.word > 15)).toEqual([]);
  });

  test.each(['least', 'greatest'])('%s values come back from the words', (which) => {
    const values = fields.map(([name, f]) => {
      const [lo, hi] = f.signed ? [-(2 ** (f.bits - 1)), 2 ** (f.bits - 1) - 1] : [0, 2 ** f.bits - 1];
      return [name, which === 'least' ? lo : hi];
    });
    // the keys are those of the table row
    const command = { op, ...Object.fromEntries(values) } as Command;
    expect(commandProblem(command)).toBeUndefined();
    expect(decodeCommand(encodeCommand(command))).toEqual(command);
  });
});

test('a value that its field cannot hold, and an unknown code', () => {
  expect(commandProblem({ op: 'compute', kernel_y: 256 })).toBe('compute.kernel_y is 256, its range is 0 to 255');
  expect(commandProblem({ op: 'addend', multiplier_a: -(2 ** 22) - 1 })).toMatch(/its range is -4194304 to 4194303/);
  expect(decodeCommand(Uint32Array.of(99))).toBeUndefined();
});

test('rtl/cx_commands.vh is made from the table', () => {
  const path = fileURLToPath(new URL('../rtl/cx_commands.vh', import.meta.url));
  if (process.env['UPDATE_GOLDEN'] === '1' && process.env['CI'] === undefined) writeFileSync(path, verilogCommands());
  expect(readFileSync(path, 'utf8')).toBe(verilogCommands());
});
