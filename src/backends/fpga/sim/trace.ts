import { DTYPE_INFO, elementCount, type Program, runProgram, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at, fail, invariant, MrlError, ok, type Result } from '../../../support/index.ts';
import { bytesOf } from '../../cpu/port-tensors.ts';
import { arrayOf } from '../array/config.ts';
import type { CoreConfig } from '../isa/config.ts';
import { DEFAULT_CONFIG } from '../isa/config.ts';
import { compileForFpga } from '../lower.ts';
import type { FpgaProgram, FpgaResult } from '../program.ts';
import { ArrayModel } from '../simulator/array.ts';
import { SimulatedCore } from '../simulator/machine.ts';
import { type FpgaSimOptions, openSimulation, rowsFor } from './compile.ts';

/** Values of a program by number, as another implementation has them. */
export type Values = ReadonlyMap<ValueId, Tensor>;

/** A tensor of a step that was compared. */
export interface TracedTensor {
  readonly place: string;
  readonly op: string;
  readonly result: FpgaResult;
  /** Different values among its elements. */
  readonly distinct: number;
  /** Elements that are not the reference's; the first of them in words. */
  readonly wrong: number;
  readonly first?: string;
}

/** What a comparison of all steps says. */
export interface TraceReport {
  readonly tensors: readonly TracedTensor[];
  /** Of tensors: a value that lies in two forms is counted once. */
  readonly values: number;
  readonly bytes: number;
  /** Layer and element of the first difference, in the order of steps. */
  readonly difference?: string;
  /** Tensors with fewer than MANY_VALUES different values among as many elements, which prove little. */
  readonly weak: readonly TracedTensor[];
}

/** A tensor with fewer different values would look the same for many faults. */
const MANY_VALUES = 3;

/** Bytes of memory, from an address on. */
type Reader = (address: number, bytes: number) => Uint8Array;

/** Row-major bytes of a result. */
export const readResult = ({ dtype, shape, address, layout }: FpgaResult, read: Reader): Uint8Array => {
  const size = DTYPE_INFO[dtype].bytes;
  const count = elementCount(shape);
  if (layout.kind === 'rows' || count === 0) return read(address, count * size);
  const { pixelBytes, channelsFirst } = layout;
  const channels = at(shape, channelsFirst ? 1 : shape.length - 1);
  const pixels = count / channels;
  const plane = channelsFirst ? elementCount(shape.slice(2)) : 1;
  const from = read(address, (pixels - 1) * pixelBytes + channels * size);
  const bytes = new Uint8Array(count * size);
  for (let p = 0; p < pixels; p++) {
    const [image, position] = [Math.floor(p / plane), p % plane];
    for (let c = 0; c < channels; c++) {
      const to = (image * channels + c) * plane + position;
      for (let b = 0; b < size; b++) bytes[to * size + b] = from[p * pixelBytes + c * size + b] ?? 0;
    }
  }
  return bytes;
};

const compared = (place: string, op: string, result: FpgaResult, read: Reader, expected: Tensor): TracedTensor => {
  const [got, want] = [readResult(result, read), bytesOf(expected)];
  const size = DTYPE_INFO[result.dtype].bytes;
  let wrong = 0;
  let first: string | undefined;
  for (let i = 0; i < expected.data.length; i++) {
    let same = true;
    for (let b = size * i; b < size * (i + 1); b++) same &&= got[b] === want[b];
    if (same) continue;
    wrong++;
    first ??= `element ${i}: bytes ${got.slice(size * i, size * (i + 1)).join(' ')} instead of ${want.slice(size * i, size * (i + 1)).join(' ')}`;
  }
  const distinct = new Set(expected.data).size;
  return { place, op, result, distinct, wrong, ...(first === undefined ? {} : { first }) };
};

/** Compares what memory holds after a traced run with the values of another implementation. */
export const compareTrace = ({ steps }: FpgaProgram, read: Reader, expected: Values): TraceReport => {
  const tensors = steps.flatMap(({ place, op, results = [] }) =>
    results.map((result) => {
      const value = expected.get(result.value);
      invariant(value !== undefined, `value ${result.value} is not known`);
      return compared(place, op, result, read, value);
    }),
  );
  const seen = new Map(tensors.map((t) => [t.result.value, t] as const));
  const bad = tensors.find((t) => t.wrong > 0);
  const difference =
    bad === undefined
      ? {}
      : { difference: `${bad.place} (${bad.op}): ${bad.wrong} of ${elementCount(bad.result.shape)} elements differ, ${bad.first ?? ''}` };
  return {
    tensors,
    values: seen.size,
    bytes: [...seen.values()].reduce((n, { result }) => n + elementCount(result.shape) * DTYPE_INFO[result.dtype].bytes, 0),
    weak: [...seen.values()].filter(({ distinct, result }) => distinct < MANY_VALUES && elementCount(result.shape) >= MANY_VALUES),
    ...difference,
  };
};

/** The values that a traced program's steps compute, by the reference interpreter. */
export const referenceValues = ({ steps, traced }: FpgaProgram, inputs: readonly Tensor[]): Values => {
  invariant(traced !== undefined, 'the program is traced');
  const wanted = new Set(steps.flatMap(({ results = [] }) => results.map((r) => r.value)));
  const values = new Map<ValueId, Tensor>();
  runProgram(traced, inputs, (node, results) => {
    node.results.forEach((value, i) => {
      if (wanted.has(value)) values.set(value, at(results, i));
    });
  });
  return values;
};

/** A program whose steps can be compared. Errors: those of compileForFpga. */
export const compileTraced = (source: Program, config: CoreConfig = DEFAULT_CONFIG): Result<FpgaProgram> =>
  compileForFpga(source, { rows: rowsFor(config), trace: true });

/** Runs a traced program in the simulator of instructions and commands. @throws Error when the core ends with one */
export const traceOnSimulator = (
  program: FpgaProgram,
  inputs: readonly Tensor[],
  expected: Values,
  config: CoreConfig = DEFAULT_CONFIG,
): TraceReport => {
  const core = new SimulatedCore(program, config.array ? { array: (memory) => new ArrayModel(memory, arrayOf(config)) } : {});
  const initialized = core.initialize();
  core.writeInputs(inputs);
  const { error = initialized.error } = core.start();
  if (error !== undefined) throw new RangeError(`${program.name}: the simulated core ends with ${error.name}, ${error.info}`);
  return compareTrace(program, (address, bytes) => core.memory.subarray(address, address + bytes), expected);
};

/** Runs a traced program on the Verilog. Errors: FPG0030 to FPG0034. */
export const traceOnVerilog = (
  program: FpgaProgram,
  inputs: readonly Tensor[],
  expected: Values,
  options: FpgaSimOptions = {},
): Result<TraceReport> => {
  const simulation = openSimulation(program, options);
  if (!simulation.ok) return simulation;
  const { opened } = simulation.value;
  try {
    opened.run(inputs);
    return ok(compareTrace(program, (address, bytes) => opened.core.readMemory(address, bytes), expected));
  } catch (error) {
    if (error instanceof MrlError) return fail(...error.diagnostics);
    throw error;
  } finally {
    opened.close();
  }
};
