import { type Tensor } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import { blankTensor, bytesOf } from '../../cpu/port-tensors.ts';
import type { FpgaProgram } from '../program.ts';
import { type ArrayUnit, DEFAULT_PORTS, type PortTiming, Processor, type ProcessorOptions, type ProcessorRun } from './processor.ts';

export interface SimulatorOptions extends Omit<ProcessorOptions, 'array'> {
  /** The array over the memory of the core. */
  readonly array?: (memory: Uint8Array) => ArrayUnit;
  /** What memory holds where the image says nothing. */
  readonly rest?: number;
}

/** Cycles from START to the first instruction besides the latency of memory, in which the header is read and checked, and from its end to DONE. */
const HEADER_CYCLES = 7;
const END_CYCLES = 3;

/** A core with its memory, in which a program lies. Runs are instructions and commands one by one, exactly as the Verilog does them. */
export class SimulatedCore {
  readonly program: FpgaProgram;
  readonly memory: Uint8Array;
  private readonly processor: Processor;
  private readonly timing: PortTiming;

  constructor(program: FpgaProgram, { array, rest = 0, ...options }: SimulatorOptions = {}) {
    const { header, instructionBytes, parts } = program;
    this.program = program;
    this.timing = options.timing ?? DEFAULT_PORTS;
    this.memory = new Uint8Array(header.limit).fill(rest);
    for (const { address, bytes } of parts) this.memory.set(bytes, address);
    const code = { start: header.codeStart, bytes: instructionBytes };
    this.processor = new Processor(this.memory, header.limit, code, {
      ...options,
      ...(array === undefined ? {} : { array: array(this.memory) }),
    });
  }

  /** The initialization; cycles are those of its instructions, without the check of the image. */
  initialize(): ProcessorRun {
    return this.processor.run(this.program.header.initPc);
  }

  /** A run on what the places of the inputs hold; cycles are those of register CYCLES. */
  start(): ProcessorRun {
    const run = this.processor.run(this.program.header.runPc);
    const before = HEADER_CYCLES + this.timing.readLatency;
    return {
      ...run,
      cycles: before + run.cycles + END_CYCLES,
      marks: run.marks.map(({ step, cycle }) => ({ step, cycle: before + cycle })),
    };
  }

  writeInputs(inputs: readonly Tensor[]): void {
    this.program.inputs.forEach(({ address, bytes }, i) => {
      const data = bytesOf(at(inputs, i));
      invariant(data.length === bytes, 'inputs have the sizes of their ports');
      this.memory.set(data, address);
    });
  }

  readOutputs(inputs: readonly Tensor[]): readonly Tensor[] {
    return this.program.outputs.map(({ dtype, shape, address, bytes, passes }) => {
      if (passes !== undefined) return at(inputs, passes);
      const tensor = blankTensor({ dtype, shape });
      bytesOf(tensor).set(this.memory.subarray(address, address + bytes));
      return tensor;
    });
  }
}
