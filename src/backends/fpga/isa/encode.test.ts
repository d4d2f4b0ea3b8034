import { expect, test } from '@jest/globals';
import {
  decodeInstruction,
  disassemble,
  encodeInstruction,
  encodeProgram,
  formatInstruction,
  instruction,
  parseInstruction,
} from './encode.ts';
import { imageProblem, NO_ARRAY, crcOf, readImage, writeHeader } from './image.ts';
import { OPCODES } from './opcodes.ts';

test('opcodes have names and codes of their own, below 256', () => {
  expect(new Set(OPCODES.map((o) => o.name)).size).toBe(OPCODES.length);
  expect(new Set(OPCODES.map((o) => o.code)).size).toBe(OPCODES.length);
  expect(OPCODES.every((o) => o.code > 0 && o.code < 256)).toBe(true);
});

test('every opcode is encoded, decoded, printed and parsed the same', () => {
  for (const { name, form } of OPCODES) {
    const operands = form.split('').map((letter, i) => (letter === 'i' ? -5 - i : 63 - 7 * i));
    const made = instruction(name, ...operands);
    const [low, high] = encodeInstruction(made);
    expect(decodeInstruction(low, high)).toEqual(made);
    expect(parseInstruction(formatInstruction(made))).toEqual(made);
  }
});

test('text and words of an instruction', () => {
  const made = instruction('vldlane8', 1, 2, 3, 5, -16);
  expect(formatInstruction(made)).toBe('vldlane8 v1, r2, v3, 5, -16');
  expect(encodeInstruction(instruction('addi32', 1, 2, -1))).toEqual([0x20 + 3 + (1 << 8) + (2 << 14), 0xffffffff]);
});

test('words that are no instruction are not decoded', () => {
  expect(decodeInstruction(0, 0)).toBeUndefined();
  expect(decodeInstruction(0xff, 0)).toBeUndefined();
  // halt has no operands
  expect(decodeInstruction(0x01, 1)).toBeUndefined();
  expect(decodeInstruction(0x101, 0)).toBeUndefined();
});

test.each(['add32 r1, r2', 'add32 r1, r2, r64', 'add32 v1, r2, r3', 'nothing', 'li r1, x', 'li r1, 4294967296', ''])(
  '%s is no instruction',
  (text) => {
    expect(parseInstruction(text)).toBeUndefined();
  },
);

test('a listing has addresses and labels', () => {
  const code = encodeProgram([instruction('li', 1, 7), instruction('halt')]);
  expect(disassemble(code, 0x40, new Map([[0x48, 'end']]))).toEqual(['  00000040  li r1, 7', 'end:', '  00000048  halt']);
});

/** An image of one instruction. */
const image = (): Uint8Array => {
  const code = encodeProgram([instruction('li', 1, 7), instruction('halt')]);
  const header = { array: NO_ARRAY, limit: 4096, initPc: 64, runPc: 72, codeStart: 64, codeBytes: 16, codeCrc: crcOf(code) };
  return Buffer.concat([writeHeader(header), code]);
};

test('an image is read as it was written', () => {
  const read = readImage(image());
  expect(read.ok && read.value).toMatchObject({ limit: 4096, initPc: 64, runPc: 72, codeStart: 64, codeBytes: 16, array: NO_ARRAY });
});

test('an image is refused with any of its bits changed', () => {
  const good = image();
  // words 13 to 15 mean nothing
  for (let bit = 0; bit < 8 * good.length; bit++) {
    if (bit >= 8 * 52 && bit < 8 * 64) continue;
    const damaged = Uint8Array.from(good);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(imageProblem(damaged)).toBeDefined();
  }
});

test.each([
  ['word 7', { initPc: 60 }],
  ['word 8', { runPc: 80 }],
  ['word 9', { codeStart: 32 }],
  ['word 10', { codeBytes: 8 }],
  ['word 10', { limit: 70 }],
  ['word 6', { limit: 4100 }],
])('a header whose %s contradicts is refused', (name, change) => {
  const code = encodeProgram([instruction('li', 1, 7), instruction('halt')]);
  const header = { array: NO_ARRAY, limit: 4096, initPc: 64, runPc: 72, codeStart: 64, codeBytes: 16, codeCrc: crcOf(code), ...change };
  const problem = imageProblem(Buffer.concat([writeHeader(header), code]));
  expect(problem).toMatchObject({ error: 'BAD_HEADER', info: Number(name.slice(5)) });
});
