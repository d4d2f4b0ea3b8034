import { describe, expect, test } from '@jest/globals';
import { type Command, encodeCommand } from '../isa/commands.ts';
import { type ImageHeader, NO_ARRAY } from '../isa/image.ts';
import { coreErrorOf, type CoreErrorName, type Register, REGISTERS } from '../isa/registers.ts';
import type { RtlCore } from './rtl-core.ts';
import {
  BASE,
  COPY,
  INIT,
  IRQ_ENABLE,
  loadImage,
  MEMORY_BYTES,
  openCore,
  smallImage,
  SOFT_RESET,
  START,
  statusOf,
} from './testing/small-image.ts';
import { findTool } from './toolchain.ts';

// The Verilog of the core, driven through its registers with small programs. What networks compute on it is tested elsewhere.

const has = findTool('verilator').ok;
if (!has) console.warn('The control of the FPGA core is not tested: there is no verilator (apt-get install verilator).');
const simulated = has ? describe : describe.skip;

const CYCLES = 1e6;
const OKAY = 0;
const REFUSED = 2;
const SOURCE = Uint8Array.from({ length: 256 }, (_, i) => 17 * i + 3);

const errorOf = (core: RtlCore): readonly [string, number] => {
  const code = core.read('ERROR');
  const name = (
    [
      'BAD_MAGIC',
      'BAD_VERSION',
      'BAD_HEADER_CRC',
      'BAD_CODE_CRC',
      'BAD_HEADER',
      'CONFIG_MISMATCH',
      'MISALIGNED_BASE',
      'IMAGE_TOO_LARGE',
      'ADDRESS_RANGE',
      'BUS_READ',
      'BUS_WRITE',
      'ILLEGAL_INSTRUCTION',
      'BAD_PC',
      'PROGRAM_TRAP',
      'ARRAY_BUSY',
      'BAD_COMMAND',
      'TIMEOUT',
      'NOT_INITIALISED',
    ] as const satisfies readonly CoreErrorName[]
  ).find((n) => coreErrorOf(n).code === code);
  return [name ?? String(code), core.read('ERROR_INFO')];
};

/** Starts and waits. @returns STATUS in words */
const go = (core: RtlCore, control: number): string => {
  expect(core.write('CONTROL', control)).toBe(OKAY);
  return statusOf(core.wait(CYCLES));
};

const loaded = (lines: readonly string[] = COPY, changes: Partial<ImageHeader> = {}): RtlCore => {
  const core = openCore();
  loadImage(core, smallImage(lines, changes));
  core.writeMemory(0x2003, SOURCE);
  return core;
};

/** Initialized. */
const ready = (lines?: readonly string[]): RtlCore => {
  const core = loaded(lines);
  expect(go(core, START + INIT)).toBe('DONE INITIALISED');
  return core;
};

const runsRight = (core: RtlCore): void => {
  core.writeMemory(0x3000, new Uint8Array(512));
  expect(go(core, START)).toBe('DONE INITIALISED');
  expect([...core.readMemory(0x3005, 256)]).toEqual([...SOURCE]);
  expect([...core.readMemory(0x3000, 5), ...core.readMemory(0x3105, 16)]).toEqual(new Array(21).fill(0));
};

simulated('registers', () => {
  test('hold what the table says after reset, and take writes as it says', () => {
    const core = openCore();
    const registers: readonly Register[] = REGISTERS;
    for (const { name, offset, reset } of registers) {
      const { value, response } = core.readAt(offset);
      expect([name, response, value]).toEqual([name, OKAY, reset ?? value]);
    }
    for (const { name, offset, access } of registers) {
      const { value } = core.readAt(offset);
      if (access === 'ro') {
        expect([name, core.writeAt(offset, 0)]).toEqual([name, REFUSED]);
        expect([name, core.readAt(offset).value]).toEqual([name, value]);
      }
      if (access === 'rw') {
        expect([name, core.writeAt(offset, 0x5a5a5000)]).toEqual([name, OKAY]);
        expect([name, core.readAt(offset).value]).toEqual([name, 0x5a5a5000]);
      }
    }
  });
  test('writes that are refused are told, the first of them until it is cleared', () => {
    const core = openCore();
    expect(core.writeAt(0x800, 1)).toBe(REFUSED);
    expect(core.readAt(0x800)).toEqual({ value: 0, response: REFUSED });
    expect(core.read('REFUSED')).toBe(0x2_0800);
    expect(core.writeAt(0x38, 1, 3)).toBe(REFUSED);
    expect(core.read('REFUSED')).toBe(0x2_0800);
    core.write('REFUSED', 0);
    expect(core.writeAt(0x38, 1, 3)).toBe(REFUSED);
    expect([core.read('REFUSED'), core.read('TIMEOUT'), core.read('IRQ_STATUS')]).toEqual([0x3_0038, 0x100000, 4]);
  });
  test('are out of reach while a run is on, which goes on', () => {
    const core = ready();
    core.setTraffic({ readLatency: 200 });
    core.write('CONTROL', START);
    core.tick(20);
    for (const name of ['BASE_LO', 'BASE_HI', 'LIMIT', 'TIMEOUT'] as const) expect([name, core.write(name, 0)]).toEqual([name, REFUSED]);
    expect(core.write('CONTROL', START)).toBe(REFUSED);
    expect(core.read('REFUSED')).toBe(0x1_002c);
    expect(statusOf(core.read('STATUS'))).toBe('BUSY INITIALISED');
    expect(statusOf(core.wait(CYCLES))).toBe('DONE INITIALISED');
    expect([...core.readMemory(0x3005, 256)]).toEqual([...SOURCE]);
    expect(core.read('LIMIT')).toBe(MEMORY_BYTES);
  });
});

simulated('runs', () => {
  test('follow each other, see what the host wrote, and are counted', () => {
    const core = ready();
    for (let i = 0; i < 3; i++) runsRight(core);
    expect(core.readMemory(0x4000, 1)).toEqual(Uint8Array.of(3));
    const { cycles, instructions, readBeats, writeBeats } = core.counters();
    expect(instructions).toBe(6 + 16 * 5 + 2);
    expect(cycles).toBeGreaterThan(instructions);
    expect([readBeats, writeBeats].every((n) => n > 16)).toBe(true);
    const [, first = 0, second = 0, third = 0] = core.steps(4);
    expect([0 < first, first < second, second < third, third < cycles, core.read('STEP')]).toEqual([true, true, true, true, 3]);
  });
  test('give the same bytes whatever the memory takes its time for', () => {
    const core = ready();
    for (let seed = 1; seed <= 12; seed++) {
      const stall = (k: number): number => (seed * (2 * k + 1) * 37) % 240;
      const stalls = { stallAddress: stall(1), stallRead: stall(2), stallWrite: stall(3), stallAnswer: stall(4), stallRegisters: stall(5) };
      core.setTraffic({ seed, readLatency: (seed * 7) % 40, writeLatency: (seed * 11) % 50, ...stalls });
      runsRight(core);
    }
    expect(core.busCounts().quiet).toBe(true);
  });
  test('end with an interrupt, which the host clears', () => {
    const core = ready();
    expect([core.read('IRQ_STATUS'), core.tick(1)]).toEqual([1, false]);
    core.write('IRQ_STATUS', 1);
    core.write('CONTROL', START + IRQ_ENABLE);
    expect(core.tick(10)).toBe(false);
    core.wait(CYCLES);
    expect([core.tick(1), core.read('IRQ_STATUS')]).toEqual([true, 1]);
    core.write('IRQ_STATUS', 1);
    expect([core.tick(1), core.read('IRQ_STATUS'), core.read('CONTROL')]).toEqual([false, 0, IRQ_ENABLE]);
    core.writeMemory(0, Uint8Array.of(0));
    core.write('CONTROL', START + IRQ_ENABLE);
    core.wait(CYCLES);
    expect([core.tick(1), core.read('IRQ_STATUS')]).toEqual([true, 2]);
  });
});

simulated('images', () => {
  const array = { ...NO_ARRAY, lanes: 16, inputs: 16, bits: 8, accumulatorBits: 24 };
  test.each<readonly [CoreErrorName, number, Partial<ImageHeader>]>([
    ['BAD_HEADER', 9, { codeStart: 80 }],
    ['BAD_HEADER', 10, { codeBytes: 8 }],
    ['BAD_HEADER', 10, { codeBytes: MEMORY_BYTES }],
    ['BAD_HEADER', 10, { codeStart: 0xffffffc0, codeBytes: 0x1000 }],
    ['BAD_HEADER', 7, { initPc: 68 }],
    ['BAD_HEADER', 7, { initPc: 56 }],
    ['BAD_HEADER', 8, { runPc: 64 + 512 }],
    ['BAD_HEADER', 6, { limit: MEMORY_BYTES - 8 }],
    ['IMAGE_TOO_LARGE', MEMORY_BYTES + 16, { limit: MEMORY_BYTES + 16 }],
    ['CONFIG_MISMATCH', 2, { array: { ...array, bits: 6 } }],
    ['CONFIG_MISMATCH', 2, { array: { ...array, accumulatorBits: 33 } }],
    ['CONFIG_MISMATCH', 3, { array: { ...array, scratchBeats: 65536 } }],
    ['CONFIG_MISMATCH', 4, { array: { ...array, weightEntries: 1025 } }],
    ['CONFIG_MISMATCH', 5, { array: { ...array, parameterBeats: 2049 } }],
  ])('%s %i', (name, info, changes) => {
    const core = loaded(COPY, changes);
    expect(go(core, START + INIT)).toBe('DONE ERROR');
    expect(errorOf(core)).toEqual([name, info]);
    expect(core.read('ERROR_PC')).toBe(0);
  });
  test.each<readonly [CoreErrorName, number]>([
    ['BAD_MAGIC', 1],
    ['BAD_VERSION', 4],
    ['BAD_HEADER_CRC', 30],
    ['BAD_HEADER_CRC', 50],
    ['BAD_CODE_CRC', 64],
    ['BAD_CODE_CRC', 575],
  ])('%s when a bit of byte %i is changed, and a run when it is as it was', (name, at) => {
    const core = loaded();
    const [byte = 0] = core.readMemory(at, 1);
    core.writeMemory(at, Uint8Array.of(byte ^ 0x10));
    expect(go(core, START + INIT)).toBe('DONE ERROR');
    expect(errorOf(core)[0]).toBe(name);
    core.writeMemory(at, Uint8Array.of(byte));
    expect(go(core, START + INIT)).toBe('DONE INITIALISED');
    runsRight(core);
  });
  test('are run after their initialization only, and at a multiple of 4096 only', () => {
    const core = loaded();
    expect(go(core, START)).toBe('DONE ERROR');
    expect(errorOf(core)).toEqual(['NOT_INITIALISED', START]);
    core.write('BASE_LO', (BASE % 2 ** 32) + 16);
    expect(go(core, START + INIT)).toBe('DONE ERROR');
    expect(errorOf(core)).toEqual(['MISALIGNED_BASE', (BASE % 2 ** 32) + 16]);
    expect(core.busCounts().reads).toBe(0);
  });
});

simulated('transfers of the array', () => {
  /** A program that moves beats through the array, by two commands at 0x2000. */
  const moving = (from: number, to: number, beats: number): RtlCore => {
    const core = ready(['li r1, 0x2000', 'li r2, 2', 'astart r1, r2', 'await', 'halt']);
    const shape = { planes: 1, rows: 1, beats, chip_beat: 1 };
    const commands: readonly Command[] = [
      { op: 'load', memory: from, ...shape },
      { op: 'store', memory: to, ...shape, wait_load: 1 },
    ];
    commands.forEach((command, i) => core.writeMemory(0x2000 + 64 * i, new Uint8Array(encodeCommand(command).buffer)));
    return core;
  };
  test('cross pages of 4 KiB and end at the limit', () => {
    const bytes = Uint8Array.from({ length: 300 * 16 }, (_, i) => (i * i) >> 3);
    const core = moving(0x6e10, MEMORY_BYTES - bytes.length, 300);
    core.writeMemory(0x6e10, bytes);
    expect(go(core, START)).toBe('DONE INITIALISED');
    expect([...core.readMemory(MEMORY_BYTES - bytes.length, bytes.length)]).toEqual([...bytes]);
  });
  test.each<readonly [string, number, number]>([
    ['read', MEMORY_BYTES - 112, 0x3000],
    ['written', 0x3000, MEMORY_BYTES - 112],
  ])('are refused when a beat behind the limit is %s', (_what, from, to) => {
    const core = moving(from, to, 8);
    expect(go(core, START)).toBe('DONE ERROR');
    expect(errorOf(core)).toEqual(['ADDRESS_RANGE', MEMORY_BYTES - 112]);
  });
});

simulated('errors of a run', () => {
  test.each<readonly [CoreErrorName, number, readonly string[], number]>([
    ['PROGRAM_TRAP', 1234, ['trap 1234'], 0],
    ['ILLEGAL_INSTRUCTION', 0, ['li r1, 8192', 'jr r1'], 0x2000],
    ['BAD_PC', 75, ['li r1, 75', 'jr r1'], 75],
    ['ADDRESS_RANGE', 0x10000, ['ld32 r1, r0, 0x10000'], -1],
    ['ADDRESS_RANGE', 0xfffffff0 - 0x30, ['li r1, -16', 'vst v0, r1, 0', 'dflush'], -1],
    ['BAD_COMMAND', 0x2000, ['li r1, 0x2000', 'li r2, 1', 'astart r1, r2', 'await'], -1],
    ['ARRAY_BUSY', 0x2040, ['li r1, 0x2000', 'li r2, 1', 'astart r1, r2', 'addi32 r1, r1, 64', 'astart r1, r2', 'await'], -1],
  ])('%s %i', (name, info, lines, pc) => {
    const core = ready([...lines, 'halt']);
    core.writeMemory(0x2000, new Uint8Array(128));
    expect(go(core, START)).toBe('DONE ERROR');
    expect(errorOf(core)).toEqual([name, info]);
    if (pc > 0) expect(core.read('ERROR_PC')).toBe(pc);
    expect(go(core, START)).toBe('DONE ERROR');
    expect(errorOf(core)[0]).toBe('NOT_INITIALISED');
    loadImage(core, smallImage(COPY));
    core.writeMemory(0x2003, SOURCE);
    expect(go(core, START + INIT)).toBe('DONE INITIALISED');
    runsRight(core);
  });
  test('of the bus: the burst is named, and the next run is right', () => {
    const core = ready();
    core.setFaults({ read: [0x2080, 16] });
    expect(go(core, START)).toBe('DONE ERROR');
    expect(errorOf(core)).toEqual(['BUS_READ', 0x2080]);
    core.setFaults({ write: [0x30c0, 16] });
    expect(go(core, START + INIT)).toBe('DONE INITIALISED');
    expect(go(core, START)).toBe('DONE ERROR');
    expect(errorOf(core)).toEqual(['BUS_WRITE', 0x30c0]);
    core.setFaults({ read: [0x40, 64] });
    expect(go(core, START + INIT)).toBe('DONE ERROR');
    expect(errorOf(core)).toEqual(['BUS_READ', 0x40]);
    core.setFaults({});
    expect(go(core, START + INIT)).toBe('DONE INITIALISED');
    runsRight(core);
  });
  test('of time: a program without an end, and a memory that does not answer', () => {
    const core = ready(['mark 9', 'jmp 1']);
    core.write('TIMEOUT', 3);
    expect(go(core, START)).toBe('DONE ERROR');
    expect(errorOf(core)).toEqual(['TIMEOUT', 9]);
    expect(core.counters().cycles).toBe(3 * 1024 + 1);
    for (const channel of ['address', 'read', 'write', 'answer'] as const) {
      const dead = loaded();
      dead.write('TIMEOUT', 2);
      expect(go(dead, START + INIT)).toBe('DONE INITIALISED');
      dead.setFaults({ dead: [channel] });
      dead.write('CONTROL', START);
      expect([channel, statusOf(dead.wait(4000))]).toEqual([channel, 'BUSY ERROR']);
      expect(errorOf(dead)).toEqual(['TIMEOUT', channel === 'write' || channel === 'answer' ? dead.read('STEP') : 0]);
      expect(dead.write('CONTROL', START + INIT)).toBe(REFUSED);
      dead.setFaults({});
      expect(statusOf(dead.wait(4000))).toBe('DONE ERROR');
      expect(go(dead, START + INIT)).toBe('DONE INITIALISED');
      runsRight(dead);
    }
  });
  test('a reset in the middle of a run leaves the bus in order, whenever it comes', () => {
    const core = loaded();
    const stalls = { stallAddress: 100, stallRead: 100, stallWrite: 180, stallAnswer: 100 };
    let cut = 0;
    expect(go(core, START + INIT)).toBe('DONE INITIALISED');
    runsRight(core);
    // each run writes what is there already
    const written = core.readMemory(0x3000, 512);
    for (let at = 1; at < 2500; at += 83) {
      core.setTraffic({ seed: at, readLatency: 30, ...stalls });
      expect(go(core, START + INIT)).toBe('DONE INITIALISED');
      core.write('CONTROL', START);
      core.tick(at);
      if ((core.read('STATUS') & 1) === 1) cut++;
      expect(go(core, SOFT_RESET)).toBe('');
      expect([core.busCounts().quiet, core.read('ERROR')]).toEqual([true, 0]);
      expect([at, ...core.readMemory(0x3000, 512)]).toEqual([at, ...written]);
      expect(go(core, START)).toBe('DONE ERROR');
      expect(errorOf(core)[0]).toBe('NOT_INITIALISED');
      core.setTraffic({});
      expect(go(core, START + INIT)).toBe('DONE INITIALISED');
      runsRight(core);
    }
    expect(cut).toBeGreaterThan(10);
    core.write('CONTROL', START);
    core.tick(100);
    core.reset();
    loadImage(core, smallImage(COPY));
    core.writeMemory(0x2003, SOURCE);
    expect(go(core, START + INIT)).toBe('DONE INITIALISED');
    runsRight(core);
  });
});
