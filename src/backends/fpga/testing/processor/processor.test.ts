import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { encodeProgram, instruction } from '../../isa/encode.ts';
import { OPCODES } from '../../isa/opcodes.ts';
import { coreErrorOf, type CoreErrorName } from '../../isa/registers.ts';
import type { CacheLines, MemoryTiming } from '../../isa/timing.ts';
import { Processor } from '../../simulator/processor.ts';
import { MEMORY_BYTES, randomProgram, START_PC } from './random-programs.ts';
import { canSimulate, ProcessorRtl, type RtlRun } from './rtl.ts';
import { type Run, runReference } from './run-reference.ts';

// Caches smaller than the programs, so that lines are replaced.
const caches: CacheLines = { instructionLines: 64, dataLines: 64 };
const onRtl = canSimulate ? test : test.skip;
if (!canSimulate)
  console.warn('verilator is not installed: the RTL of the processor is not tested (Debian: apt-get install verilator g++ make)');

let rtl: ProcessorRtl | undefined;
const BUILD_MS = 300_000;
beforeAll(() => {
  if (canSimulate) rtl = new ProcessorRtl(caches);
}, BUILD_MS);
afterAll(() => {
  rtl?.close();
});
const processor = (): ProcessorRtl => {
  if (rtl === undefined) throw new Error('the processor was built');
  return rtl;
};

/** Where two memories differ first. */
const firstDifference = (x: Uint8Array, y: Uint8Array): number => x.findIndex((byte, i) => byte !== y[i]);

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);
const memoryTiming = { readLatency: 7, writeLatency: 5 };
/** What the simulator says of a run, as the bench says it. */
const simulated = (memory: Uint8Array, memoryTiming: MemoryTiming, arrayCycles: number) => {
  const starts: number[] = [];
  const array = {
    run: (address: number, count: number) => {
      starts.push(address, count);
      return { cycles: arrayCycles };
    },
  };
  const run = new Processor(memory, memory.length, { start: START_PC, bytes: 0x2000 }, { caches, timing: memoryTiming, array }).run(
    START_PC,
  );
  return {
    cycles: run.cycles,
    retired: run.instructions,
    marks: run.marks.map(({ step, cycle }) => [step >>> 0, cycle]),
    starts,
    error: run.error,
  };
};

const asSimulated = ({ cycles, retired, events }: Run) => ({
  cycles,
  retired,
  marks: events.filter(([kind]) => kind === 'mark').map(([, cycle, step]) => [step, cycle]),
  starts: events.filter(([kind]) => kind === 'array').flatMap(([, , address, count]) => [address, count]),
  error: undefined,
});

const without = ({ memory: _memory, ...run }: RtlRun): Run => run;

onRtl('random programs give the registers, the memory and the cycles of the reference and of the simulator', () => {
  const programs = SEEDS.map((seed) => randomProgram(seed, 600));
  const seen = new Set(programs.flatMap(({ opcodes }) => [...opcodes]));
  expect(OPCODES.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual(['trap']);
  const timings = SEEDS.map((seed) => ({ readLatency: 1 + (seed % 30), writeLatency: 1 + ((7 * seed) % 40) }));
  const runs = processor().run(
    programs.map(({ memory }, i) => ({
      memory,
      startPc: START_PC,
      memoryTiming: timings[i] ?? memoryTiming,
      stall: 0,
      seed: i,
      arrayCycles: 3 * i,
    })),
  );
  runs.forEach((run, i) => {
    const memory = Uint8Array.from(programs[i]?.memory ?? []);
    const expected = runReference(memory, { startPc: START_PC, memoryTiming: timings[i] ?? memoryTiming, caches, arrayCycles: 3 * i });
    expect([i, firstDifference(run.memory, memory), without(run)]).toEqual([i, -1, expected]);
    const again = Uint8Array.from(programs[i]?.memory ?? []);
    const told = simulated(again, timings[i] ?? memoryTiming, 3 * i);
    expect([i, firstDifference(again, memory), told]).toEqual([i, -1, asSimulated(expected)]);
  });
});

onRtl('stalls change cycles only', () => {
  const programs = SEEDS.slice(0, 20).map((seed) => randomProgram(1000 + seed, 500).memory);
  const runs = processor().run(
    programs.map((memory, i) => ({ memory, startPc: START_PC, memoryTiming, stall: 5 * (1 + (i % 15)), seed: i, arrayCycles: 20 })),
  );
  runs.forEach((run, i) => {
    const memory = Uint8Array.from(programs[i] ?? []);
    const expected = runReference(memory, { startPc: START_PC, memoryTiming, caches, arrayCycles: 20 });
    expect([i, run.outcome, firstDifference(run.memory, memory), run.retired]).toEqual([i, 'done', -1, expected.retired]);
    expect(run.cycles).toBeGreaterThan(expected.cycles);
  });
});

onRtl('a run after a reset in mid-run is as if there had been no other', () => {
  const { memory } = randomProgram(7, 600);
  const one = { memory, startPc: START_PC, memoryTiming, stall: 0, seed: 1, arrayCycles: 40 };
  const resets = Array.from({ length: 30 }, (_, i) => 1 + 123 * i);
  const [whole, ...runs] = processor().run([one, ...resets.map((resetAt) => ({ ...one, resetAt }))]);
  expect(whole?.outcome).toBe('done');
  expect(whole?.cycles).toBeGreaterThan(123 * 30);
  for (const run of runs) {
    expect(without(run)).toEqual(whole === undefined ? undefined : without(whole));
    expect(firstDifference(run.memory, whole?.memory ?? memory)).toBe(-1);
  }
});

/** A program of instructions in assembler operands, behind which there is a halt. */
const program = (...code: readonly ReturnType<typeof instruction>[]): Uint8Array => {
  const memory = new Uint8Array(MEMORY_BYTES);
  memory.set(encodeProgram([...code, instruction('halt')]), START_PC);
  return memory;
};

/** With a word in place of the second instruction. */
const withWord = (word: number): Uint8Array => {
  const memory = program(instruction('li', 1, 1), instruction('li', 2, 2));
  new DataView(memory.buffer).setUint32(START_PC + 8, word, true);
  return memory;
};

const li = (rd: number, value: number): ReturnType<typeof instruction> => instruction('li', rd, value);

onRtl.each<[what: string, memory: Uint8Array, error: CoreErrorName, info: number, pc: number]>([
  ['an opcode of 0', withWord(0xabcd00), 'ILLEGAL_INSTRUCTION', 0xabcd00, START_PC + 8],
  ['an opcode between groups', withWord(0x1f), 'ILLEGAL_INSTRUCTION', 0x1f, START_PC + 8],
  ['an opcode above all', withWord(0xff), 'ILLEGAL_INSTRUCTION', 0xff, START_PC + 8],
  ['a trap', program(li(1, 5), instruction('trap', -7)), 'PROGRAM_TRAP', 0xfffffff9, START_PC + 8],
  ['a jump to no multiple of 8', program(li(1, 0x84), instruction('jr', 1)), 'BAD_PC', 0x84, 0x84],
  ['a jump beyond the memory', program(instruction('jmp', MEMORY_BYTES)), 'ADDRESS_RANGE', MEMORY_BYTES, MEMORY_BYTES],
  ['a load beyond the memory', program(instruction('ld8s', 1, 0, MEMORY_BYTES)), 'ADDRESS_RANGE', MEMORY_BYTES, START_PC],
  ['a load that goes on beyond the memory', program(instruction('vld', 1, 0, MEMORY_BYTES - 15)), 'ADDRESS_RANGE', MEMORY_BYTES, START_PC],
  ['a store beyond the memory', program(li(1, -64), instruction('st64', 1, 1, 56)), 'ADDRESS_RANGE', 0xffffffc0, START_PC + 8],
  [
    'a start of the array while it is busy',
    program(li(1, 0x900), li(2, 3), instruction('astart', 1, 2), instruction('astart', 2, 2)),
    'ARRAY_BUSY',
    3,
    START_PC + 24,
  ],
])('%s', (_what, memory, error, info, pc) => {
  // the same again afterwards: the processor can be used after an error
  const good = randomProgram(3, 300).memory;
  const one = { startPc: START_PC, memoryTiming, stall: 0, seed: 1, arrayCycles: 40 };
  const [failed, after] = processor().run([
    { ...one, memory },
    { ...one, memory: good },
  ]);
  expect(failed).toMatchObject({ outcome: 'error', code: coreErrorOf(error).code, info, pc });
  expect(after?.outcome).toBe('done');
  const result = Uint8Array.from(good);
  runReference(result, { startPc: START_PC, memoryTiming, caches, arrayCycles: 40 });
  expect(firstDifference(after?.memory ?? good, result)).toBe(-1);
});

onRtl('every code of no instruction is refused', () => {
  const codes = Array.from({ length: 256 }, (_, code) => code).filter((code) => !OPCODES.some((o) => o.code === code));
  const runs = processor().run(
    codes.map((code) => ({ memory: withWord(code), startPc: START_PC, memoryTiming, stall: 0, seed: code, arrayCycles: 0 })),
  );
  expect(runs.map(({ code, info }) => [code, info])).toEqual(codes.map((code) => [coreErrorOf('ILLEGAL_INSTRUCTION').code, code]));
});

onRtl('a jump that is taken drops what follows, even what is no instruction', () => {
  const memory = program(instruction('jmp', START_PC + 16), instruction('trap', 1), li(1, 9), instruction('st64', 1, 0, 0x1000));
  new DataView(memory.buffer).setUint32(START_PC + 8, 0, true);
  const [run] = processor().run([{ memory, startPc: START_PC, memoryTiming, stall: 0, seed: 0, arrayCycles: 0 }]);
  expect([run?.outcome, run?.memory[0x1000], run?.retired]).toEqual(['done', 9, 4]);
});
