import {
  canonicalizeNaN,
  checkInputs,
  DTYPE_INFO,
  elementCount,
  type Program,
  type Tensor,
  tensorBytes,
  type ValueId,
} from '../../../ir/index.ts';
import { at, diagnostic, fail, invariant, ok, type Result, unwrap } from '../../../support/index.ts';
import type { Executable } from '../../backend.ts';
import { planProgram } from '../../plan/index.ts';
import { type Context, type Functions, type Lowered, lowerProgram, rowsOf, SIMD_ROWS, type Slot, writeFunctions } from '../simd/index.ts';
import { BinaryenMachine } from './binaryen-machine.ts';
import { allocateMemory, compileModule, instantiate } from './host.ts';

export const ROWS = rowsOf(SIMD_ROWS);

interface Built extends Lowered {
  readonly binary: Uint8Array;
  readonly functions: Functions;
}

/** Builds the module: all rules, then the memory plan, then the code. */
export const buildModule = (source: Program): Result<Built> => {
  const plan = planProgram(source, ROWS.has);
  if (!plan.ok) return plan;
  const machine = new BinaryenMachine();
  const lowered = lowerProgram(plan.value, machine, ROWS, 1);
  if (!lowered.ok) return lowered;
  const functions = writeFunctions(lowered.value);
  lowered.value.context.asm.define('run', [], undefined, (f) => {
    for (const name of functions.run) f.do(f.call(name, [0, 1]));
  });
  return ok({ ...lowered.value, functions, binary: machine.finish([...functions.init, 'run']) });
};

/** Compiles, instantiates and initializes a program. */
export const compileProgram = (source: Program): Result<Executable> => {
  const built = buildModule(source);
  if (!built.ok) return built;
  const { binary, pages, context, params, functions: names } = built.value;
  const memory = allocateMemory(pages);
  if (memory === undefined) return fail(diagnostic('BKD0003', `this machine does not give ${pages} pages of 64 KiB`));
  const heap = memory.buffer;
  const put = (slot: Slot, bytes: Uint8Array): void => new Uint8Array(heap, slot.address, bytes.length).set(bytes);
  const fill = (slots: ReadonlyMap<ValueId, Slot>): void => {
    for (const [value, slot] of slots) {
      const tensor = context.paramData(value);
      if (tensor !== undefined) put(slot, tensorBytes(tensor));
    }
  };
  const compiled = compileModule(binary);
  if ('refusal' in compiled)
    return fail(diagnostic('BKD0004', `the engine refuses a module of ${binary.length} bytes: ${compiled.refusal}`));
  const functions = instantiate(compiled.module, memory);
  for (const slot of context.persistent) if (slot.data !== undefined) put(slot, slot.data);
  fill(params.run);
  fill(params.initial);
  names.init.forEach((name, i) => {
    fill(at(params.staged, i));
    const step = functions.get(name);
    invariant(step !== undefined, `the module exports ${name}`);
    step();
  });
  const run = functions.get('run');
  invariant(run !== undefined, 'the module exports run');
  return ok({
    run: (inputs) => execute(context, source, heap, run, unwrap(checkInputs(source, inputs))).map(owned),
    look: (inputs) => execute(context, source, heap, run, unwrap(checkInputs(source, inputs))).map(({ tensor }) => tensor),
  });
};

/** A result, and whether it is a view of the memory of the run. */
interface RunResult {
  readonly tensor: Tensor;
  readonly view: boolean;
}

/** A result that no later run changes. */
const owned = ({ tensor, view }: RunResult): Tensor => {
  if (!view) return tensor;
  const data = tensor.data.slice();
  // F4: NaN bits are canonical at every store. No op tells one NaN from another (casts, comparisons, min and max treat
  // all alike, moves keep them NaN), so it is enough to canonicalize what leaves the program.
  if (data instanceof Float32Array) canonicalizeNaN(data);
  return { ...tensor, data };
};

const execute = (
  context: Context,
  source: Program,
  heap: ArrayBuffer,
  run: () => void,
  inputs: readonly Tensor[],
): readonly RunResult[] => {
  context.program.inputs.forEach((port, i) => {
    const bytes = tensorBytes(at(inputs, i));
    new Uint8Array(heap, context.slot(port.value).address, bytes.length).set(bytes);
  });
  run();
  return context.program.outputs.map((port, i) => {
    const given = source.inputs.findIndex((input) => input.value === at(source.outputs, i).value);
    // an input that is an output passes through untouched, as in the reference
    if (given >= 0) return { tensor: at(inputs, given), view: false };
    const { dtype, shape } = context.type(port.value);
    return {
      tensor: { dtype, shape, data: DTYPE_INFO[dtype].view(heap, context.slot(port.value).address, elementCount(shape)) },
      view: true,
    };
  });
};
