import type { Tensor } from '../../../ir/index.ts';
import { at, diagnostic, MrlError } from '../../../support/index.ts';
import { blankTensor, bytesOf } from '../../cpu/port-tensors.ts';
import { CORE_ERRORS } from '../isa/registers.ts';
import type { FpgaProgram } from '../program.ts';
import type { Simulator } from './process.ts';
import { type Counters, fieldBits, RtlCore, type Traffic } from './rtl-core.ts';

export interface RtlProgramOptions {
  /** Address of the image; a multiple of 4096. */
  readonly base?: number;
  readonly traffic?: Traffic;
  /** Milliseconds that a run may take; half an hour when absent. */
  readonly timeoutMs?: number;
}

/** Where an image lies: neither at 0 nor within 32 bits. */
const BASE = 0x2_4000_0000;
const TIMEOUT_MS = 30 * 60_000;
/** Cycles between two looks at the clock. */
const CYCLES_EACH = 200_000;

const START = fieldBits('CONTROL', 'START');
const INIT = fieldBits('CONTROL', 'INIT');
const BUSY = fieldBits('STATUS', 'BUSY');
const ERROR = fieldBits('STATUS', 'ERROR');

const hex = (value: number): string => `0x${value.toString(16)}`;

/** The error that ended a run, as registers have it. */
export const coreError = (core: RtlCore): MrlError => {
  const [code, info, pc] = [core.read('ERROR'), core.read('ERROR_INFO'), core.read('ERROR_PC')];
  const error = CORE_ERRORS.find((e) => e.code === code);
  const name = error?.name ?? `error ${code}`;
  return new MrlError([
    diagnostic(
      'FPG0034',
      `the core ended the run with ${name}: ERROR_INFO is ${hex(info)}, the pc ${hex(pc)}, the step ${core.read('STEP')}`,
      {
        notes: error === undefined ? [] : [error.doc, `ERROR_INFO: ${error.info}.`],
      },
    ),
  ]);
};

/** A program in the memory of a simulated core, initialized. Not re-entrant. */
export class RtlProgram {
  readonly core: RtlCore;
  private readonly program: FpgaProgram;
  private readonly timeoutMs: number;

  /** @throws {MrlError} FPG0032, FPG0033, FPG0034 */
  constructor(simulator: Simulator, program: FpgaProgram, { base = BASE, traffic, timeoutMs = TIMEOUT_MS }: RtlProgramOptions = {}) {
    this.program = program;
    this.timeoutMs = timeoutMs;
    this.core = new RtlCore(simulator, program.header.limit, base);
    if (traffic !== undefined) this.core.setTraffic(traffic);
    for (const { address, bytes } of program.parts) this.core.writeMemory(address, bytes);
    this.core.write('BASE_LO', base % 2 ** 32);
    this.core.write('BASE_HI', Math.floor(base / 2 ** 32));
    this.core.write('LIMIT', program.header.limit);
    // the clock of this machine counts
    this.core.write('TIMEOUT', 0);
    this.start(START + INIT);
  }

  private start(control: number): void {
    const begun = performance.now();
    this.core.write('CONTROL', control);
    for (;;) {
      const status = this.core.wait(CYCLES_EACH);
      if ((status & BUSY) === 0) {
        if ((status & ERROR) !== 0) throw coreError(this.core);
        return;
      }
      if (performance.now() - begun > this.timeoutMs) {
        const message = `the core is at step ${this.core.read('STEP')} after ${this.core.counters().cycles} cycles, which took ${this.timeoutMs / 1000} s`;
        throw new MrlError([diagnostic('FPG0033', message, { notes: ['Allow more time, or take a smaller program.'] })]);
      }
    }
  }

  /** @throws {MrlError} FPG0032, FPG0033, FPG0034 */
  run(inputs: readonly Tensor[]): readonly Tensor[] {
    this.program.inputs.forEach(({ address }, i) => this.core.writeMemory(address, bytesOf(at(inputs, i))));
    this.start(START);
    return this.program.outputs.map(({ dtype, shape, address, bytes, passes }) => {
      const tensor = blankTensor({ dtype, shape });
      bytesOf(tensor).set(passes === undefined ? this.core.readMemory(address, bytes) : bytesOf(at(inputs, passes)));
      return tensor;
    });
  }

  /** Of the last run. */
  counters(): Counters {
    return this.core.counters();
  }

  /** Cycles of each step of the last run; the core keeps the begin of 512 steps, so of longer programs 0 for all. */
  stepCycles(): readonly number[] {
    const { length } = this.program.steps;
    const begins = this.core.steps(length);
    if (begins.length < length) return this.program.steps.map(() => 0);
    const { cycles } = this.core.counters();
    return begins.map((begin, i) => (begins[i + 1] ?? cycles) - begin);
  }

  close(): void {
    this.core.close();
  }
}
