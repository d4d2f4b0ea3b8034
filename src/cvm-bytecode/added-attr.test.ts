import { expect, test } from '@jest/globals';
import { canonicalize, printProgram, type Program, ProgramBuilder, proveProgram, runProgram } from '../ir/index.ts';
import { type Result, toHex, unwrap } from '../support/index.ts';
import { decodeProgram, disassemble, encodeProgram, loadFrom, verifyBytecode } from './index.ts';
import { readModule } from './read.ts';

const codesOf = (result: Result<unknown>): readonly string[] => (result.ok ? [] : [...new Set(result.diagnostics.map((d) => d.code))]);

/** y = dense(x, w): of 8 bits, or of 16 bits with a shift. */
const dense = (dtype: 'i8' | 'i16', shift: number, least = -3): Program => {
  const b = new ProgramBuilder('wide');
  const x = b.input('x', { dtype, shape: [1, 2] });
  const data = dtype === 'i8' ? Int8Array.of(least, 5) : Int16Array.of(least, 5);
  b.output('y', b.emit('dense', [x, b.param('w', { dtype, shape: [1, 2], data })], { accumulator_shift: shift }, 'layer'));
  return b.finish();
};

const codeBytes = (bytes: Uint8Array): string => {
  const { start, end } = readModule(bytes).sections[2] ?? { start: 0, end: 0 };
  return toHex(bytes.subarray(start, end));
};

test('a use with the default is written as before the attribute came, any other under an opcode of its own', () => {
  // one node; dense, with two operands 0 and 1; no attributes
  expect(codeBytes(unwrap(encodeProgram(dense('i8', 0))))).toBe('0108020001');
  expect(codeBytes(unwrap(encodeProgram(dense('i16', 0))))).toBe('0108020001');
  // opcode 0x191 in LEB128, then accumulator_shift 9 (zigzag 18)
  expect(codeBytes(unwrap(encodeProgram(dense('i16', 9))))).toBe('01910302000112');
});

test('both forms come back, and the disassembly has both opcodes', () => {
  for (const program of [dense('i16', 0), dense('i16', 9)]) {
    const bytes = unwrap(encodeProgram(program));
    const decoded = unwrap(decodeProgram(bytes, loadFrom(program)));
    expect(printProgram(decoded, { form: 'canonical' })).toBe(printProgram(canonicalize(program), { form: 'canonical' }));
    expect(unwrap(encodeProgram(decoded))).toEqual(bytes);
  }
  expect(unwrap(disassemble(unwrap(encodeProgram(dense('i16', 9)))))).toContain('191  %2: i32[1, 1]');
});

test('the default under the second opcode is refused: there is one encoding', () => {
  const bytes = unwrap(encodeProgram(dense('i16', 9)));
  const { end } = readModule(bytes).sections[2] ?? { end: 0 };
  const other = Uint8Array.from(bytes);
  other[end - 1] = 0;
  expect(codesOf(verifyBytecode(other))).toEqual(['CVM1012']);
  other[end - 1] = 64; // 32 in zigzag
  expect(codesOf(verifyBytecode(other))).toEqual(['CVM1012']);
});

test('i16 weights hold no -32768', () => {
  expect(codesOf(encodeProgram(dense('i16', 9, -32768)))).toEqual(['CVM1014']);
  expect(encodeProgram(dense('i16', 9, -32767)).ok).toBe(true);
});

test('a conv of channels last has the same two forms', () => {
  const b = new ProgramBuilder('nhwc');
  const x = b.input('x', { dtype: 'i16', shape: [1, 2, 2, 3] });
  const w = b.param('w', { dtype: 'i16', shape: [1, 1, 1, 3], data: Int16Array.of(32767, -5, 7) });
  b.output('y', b.emit('conv_nhwc', [x, w], { stride: [1, 1], dilation: [1, 1], pads: [0, 0, 0, 0], accumulator_shift: 3 }));
  const program = b.finish();
  expect(proveProgram(program).ok).toBe(true);
  const decoded = unwrap(decodeProgram(unwrap(encodeProgram(program)), loadFrom(program)));
  const input = { dtype: 'i16', shape: [1, 2, 2, 3], data: Int16Array.from({ length: 12 }, (_, i) => 3000 * i - 16000) } as const;
  expect(runProgram(decoded, [input])).toEqual(runProgram(program, [input]));
});
