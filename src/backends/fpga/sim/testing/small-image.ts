import { invariant, unwrap } from '../../../../support/index.ts';
import { sharedCache } from '../../../cpu/cache/cache.ts';
import { DEFAULT_CONFIG } from '../../isa/config.ts';
import { encodeProgram, INSTRUCTION_BYTES, parseInstruction } from '../../isa/encode.ts';
import { crcOf, type ImageHeader, NO_ARRAY, writeHeader } from '../../isa/image.ts';
import { buildSimulator } from '../build.ts';
import { Simulator } from '../process.ts';
import { fieldBits, RtlCore } from '../rtl-core.ts';

/** Bytes of memory of small images, and where they lie: beyond 32 bits. */
export const MEMORY_BYTES = 1 << 16;
export const BASE = 0x1_2345_6000;
/** Of code, from 64 on. */
const CODE_START = 64;
const CODE_BYTES = 512;

/** Copies 256 bytes from 0x2003 to 0x3005, 16 at a time, and counts runs at 0x4000. */
export const COPY = [
  'mark 1',
  'ld32 r1, r0, 0x4000',
  'addi32 r1, r1, 1',
  'st32 r1, r0, 0x4000',
  'mark 2',
  'li r2, 0',
  'vld v1, r2, 0x2003',
  'vst v1, r2, 0x3005',
  'addi32 r2, r2, 16',
  'li r3, 256',
  'blt r2, r3, 6',
  'mark 3',
  'halt',
];

/** A program of the processor as an image: its initialization halts at once. Targets of jumps are numbers of instructions. */
export const smallImage = (lines: readonly string[], changes: Partial<ImageHeader> = {}): Uint8Array => {
  const runPc = CODE_START + INSTRUCTION_BYTES;
  const instructions = ['halt', ...lines].map((line) => {
    const parsed = parseInstruction(line);
    invariant(parsed !== undefined, `${line} is an instruction`);
    return /^(j|b)/.test(line) && line !== 'jr' ? { ...parsed, imm: runPc + INSTRUCTION_BYTES * parsed.imm } : parsed;
  });
  const image = new Uint8Array(CODE_START + CODE_BYTES);
  image.set(encodeProgram(instructions), CODE_START);
  const header: ImageHeader = {
    array: NO_ARRAY,
    limit: MEMORY_BYTES,
    initPc: CODE_START,
    runPc,
    codeStart: CODE_START,
    codeBytes: CODE_BYTES,
    codeCrc: crcOf(image.subarray(CODE_START)),
    ...changes,
  };
  image.set(writeHeader(header));
  return image;
};

export const START = fieldBits('CONTROL', 'START');
export const INIT = fieldBits('CONTROL', 'INIT');
export const SOFT_RESET = fieldBits('CONTROL', 'SOFT_RESET');
export const IRQ_ENABLE = fieldBits('CONTROL', 'IRQ_ENABLE');

/** STATUS in words. */
export const statusOf = (status: number): string =>
  ['BUSY', 'DONE', 'ERROR', 'INITIALISED'].filter((name) => (status & fieldBits('STATUS', name)) !== 0).join(' ');

let simulator: Simulator | undefined;

/** A core that nothing was written to, in a process that all of a test file share. */
export const openCore = (): RtlCore => {
  simulator ??= new Simulator(unwrap(buildSimulator(DEFAULT_CONFIG, { cache: sharedCache() })));
  return new RtlCore(simulator, MEMORY_BYTES, BASE);
};

/** Puts an image into memory and tells the core where. */
export const loadImage = (core: RtlCore, image: Uint8Array): void => {
  core.writeMemory(0, image);
  core.write('BASE_LO', BASE % 2 ** 32);
  core.write('BASE_HI', Math.floor(BASE / 2 ** 32));
  core.write('LIMIT', MEMORY_BYTES);
};
