import { expect, test } from '@jest/globals';
import { at } from '../../../support/index.ts';
import { encodeProgram, type Instruction, instruction } from '../isa/encode.ts';
import { OPCODES } from '../isa/opcodes.ts';
import type { CacheLines } from '../isa/timing.ts';
import { MEMORY_BYTES, randomProgram, START_PC } from '../testing/processor/random-programs.ts';
import { runReference } from '../testing/processor/run-reference.ts';
import { type ArrayUnit, Processor, type ProcessorRun } from './processor.ts';

// Caches smaller than the programs, so that lines are replaced.
const CACHES: CacheLines = { instructionLines: 16, dataLines: 64 };
const CODE = { start: START_PC, bytes: 0x4000 - START_PC };

const SEEDS = Array.from({ length: 150 }, (_, i) => i + 1);

test('random programs give the memory, the cycles and the marks of the reference, which the RTL gives too', () => {
  const seen = new Set<string>();
  for (const seed of SEEDS) {
    const { memory, opcodes } = randomProgram(seed, 600);
    for (const name of opcodes) seen.add(name);
    const timing = { readLatency: 1 + (seed % 30), writeLatency: 1 + ((7 * seed) % 40) };
    const expected = Uint8Array.from(memory);
    const reference = runReference(expected, { startPc: START_PC, memoryTiming: timing, caches: CACHES, arrayCycles: 3 * seed });
    const starts: (readonly number[])[] = [];
    const array: ArrayUnit = {
      run: (address, count) => {
        starts.push([address, count]);
        return { cycles: 3 * seed };
      },
    };
    const own = Uint8Array.from(memory);
    const run = new Processor(own, MEMORY_BYTES, CODE, { caches: CACHES, timing, array }).run(START_PC);
    expect([seed, run.error, own.findIndex((byte, i) => byte !== expected[i])]).toEqual([seed, undefined, -1]);
    expect([seed, run.cycles, run.instructions]).toEqual([seed, reference.cycles, reference.retired]);
    expect(run.marks.map(({ step, cycle }) => [cycle, step >>> 0])).toEqual(
      reference.events.flatMap(([kind, cycle, a]) => (kind === 'mark' ? [[cycle, a]] : [])),
    );
    expect(starts).toEqual(reference.events.flatMap(([kind, , a, b]) => (kind === 'array' ? [[a, b]] : [])));
  }
  expect(OPCODES.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual(['trap']);
}, 120_000);

const runOf = (code: readonly Instruction[], options: ConstructorParameters<typeof Processor>[3] = {}): ProcessorRun => {
  const memory = new Uint8Array(MEMORY_BYTES);
  memory.set(encodeProgram([...code, instruction('halt')]), START_PC);
  return new Processor(memory, MEMORY_BYTES, CODE, options).run(START_PC);
};
const li = (rd: number, value: number): Instruction => instruction('li', rd, value);
const busy: ArrayUnit = { run: () => ({ cycles: 1000 }) };

test.each([
  ['a trap', [li(1, 5), instruction('trap', -7)], 'PROGRAM_TRAP', 0xfffffff9, START_PC + 8],
  ['a jump to no multiple of 8', [li(1, 0x84), instruction('jr', 1)], 'BAD_PC', 0x84, 0x84],
  ['a jump beyond the memory', [instruction('jmp', MEMORY_BYTES)], 'ADDRESS_RANGE', MEMORY_BYTES, MEMORY_BYTES],
  ['a jump to what is no instruction', [instruction('jmp', 0x4000)], 'ILLEGAL_INSTRUCTION', 0, 0x4000],
  ['a load beyond the memory', [instruction('ld8s', 1, 0, MEMORY_BYTES)], 'ADDRESS_RANGE', MEMORY_BYTES, START_PC],
  ['a load that goes on beyond the memory', [instruction('vld', 1, 0, MEMORY_BYTES - 15)], 'ADDRESS_RANGE', MEMORY_BYTES, START_PC],
  ['a store beyond the memory', [li(1, -64), instruction('st64', 1, 1, 56)], 'ADDRESS_RANGE', 0xffffffc0, START_PC + 8],
  ['a load around the end of addresses', [instruction('vld', 1, 0, -8)], 'ADDRESS_RANGE', 0xffffffc0, START_PC],
  [
    'a start of the array while it is busy',
    [li(1, 64), instruction('astart', 1, 0), instruction('astart', 1, 0)],
    'ARRAY_BUSY',
    64,
    START_PC + 16,
  ],
] as const)('%s stops the program', (_, code, name, info, pc) => {
  expect(runOf(code, { array: busy }).error).toEqual({ name, info, pc });
});

test('an error of the array is that of the run, and a program without an end is given up', () => {
  const array: ArrayUnit = { run: () => ({ cycles: 3, error: { name: 'BAD_COMMAND', info: 128 } }) };
  expect(runOf([instruction('astart', 0, 0)], { array }).error).toMatchObject({ name: 'BAD_COMMAND', info: 128 });
  expect(runOf([instruction('jmp', START_PC)], { mostInstructions: 100 })).toMatchObject({ error: { name: 'TIMEOUT' }, instructions: 101 });
});

test('executed instructions are counted by opcode', () => {
  const histogram = new Map();
  const loop = [li(1, 3), instruction('addi32', 1, 1, -1), instruction('jnz', 1, START_PC + 8)];
  expect(runOf(loop, { histogram }).instructions).toBe(8);
  expect(Object.fromEntries(histogram)).toEqual({ li: 1, addi32: 3, jnz: 3, halt: 1 });
  expect(at([...histogram.keys()], 0)).toBe('li');
});
