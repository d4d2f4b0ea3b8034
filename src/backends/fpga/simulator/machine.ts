import { type Tensor } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import { blankTensor, bytesOf } from '../../cpu/port-tensors.ts';
import type { FpgaProgram } from '../program.ts';
import { type ArrayUnit, Processor, type ProcessorOptions, type ProcessorRun } from './processor.ts';

export interface SimulatorOptions extends Omit<ProcessorOptions, 'array'> {
  /** The array over the memory of the core. */
  readonly array?: (memory: Uint8Array) => ArrayUnit;
  /** What memory holds where the image says nothing. */
  readonly rest?: number;
}

/** A core with its memory, in which a program lies. Runs are instructions and commands one by one, exactly as the Verilog does them. */
export class SimulatedCore {
  readonly program: FpgaProgram;
  readonly memory: Uint8Array;
  private readonly processor: Processor;

  constructor(program: FpgaProgram, { array, rest = 0, ...options }: SimulatorOptions = {}) {
    const { header, instructionBytes, parts } = program;
    this.program = program;
    this.memory = new Uint8Array(header.limit).fill(rest);
    for (const { address, bytes } of parts) this.memory.set(bytes, address);
    const code = { start: header.codeStart, bytes: instructionBytes };
    this.processor = new Processor(this.memory, header.limit, code, {
      ...options,
      ...(array === undefined ? {} : { array: array(this.memory) }),
    });
  }

  /** The initialization. */
  initialize(): ProcessorRun {
    return this.processor.run(this.program.header.initPc);
  }

  /** A run on what the places of the inputs hold. */
  start(): ProcessorRun {
    return this.processor.run(this.program.header.runPc);
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
