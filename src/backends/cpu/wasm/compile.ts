import { checkInputs, type Program, type ValueId } from '../../../ir/index.ts';
import { at, type Diagnostic, diagnostic, fail, ok, type Result, unwrap } from '../../../support/index.ts';
import type { CompileOptions, Executable } from '../../backend.ts';
import { planProgram } from '../../plan/index.ts';
import {
  type Context,
  fillMemory,
  type Functions,
  type Lowered,
  lowerProgram,
  PAGE_BYTES,
  type Rows,
  rowsOf,
  SIMD_ROWS,
  writeFunctions,
} from '../simd/index.ts';
import { keepProgram, keyOf } from './kept.ts';
import type { Kept } from './kept-file.ts';
import { startWorkerThread } from './node-worker.ts';
import type { StartWorker } from './runtime/crew.ts';
import { createExecutable, type KeepResult, memoryOf } from './executable.ts';
import { CONTROL_PAGES, MOST_THREADS } from './runtime/control.ts';
import { compileModule, instantiate, type Memory, type Module } from './runtime/engine.ts';
import type { OutputPort, Port, ProgramInfo } from './runtime/program-info.ts';
import { addThreadedRun } from './threads-code.ts';
import { WasmMachine } from './wasm-machine.ts';

export const ROWS = rowsOf(SIMD_ROWS);

const MOST_PAGES = 65536;

/** A compiled program whose memory is not filled yet. */
export interface Built {
  readonly binary: Uint8Array;
  readonly info: ProgramInfo;
  readonly lowered: Lowered;
  readonly functions: Functions;
}

const portsOf = (context: Context, source: Program): Pick<ProgramInfo, 'inputs' | 'outputs'> => {
  const port = (name: string, value: ValueId): Port => {
    const { dtype, shape } = context.type(value);
    return { name, dtype, shape, address: context.slot(value).address };
  };
  return {
    inputs: context.program.inputs.map(({ name, value }) => port(name, value)),
    outputs: context.program.outputs.map(({ name, value }, i): OutputPort => {
      const input = source.inputs.findIndex((p) => p.value === at(source.outputs, i).value);
      return { ...port(name, value), ...(input < 0 ? {} : { input }) };
    }),
  };
};

/** From the first to the last byte of what lives as long as the program. */
const imageOf = ({ context, params }: Lowered): ProgramInfo['image'] => {
  const slots = [...context.persistent, ...params.run.values()];
  const address = slots.reduce((n, s) => Math.min(n, s.address), Number.POSITIVE_INFINITY);
  const end = slots.reduce((n, s) => Math.max(n, s.address + s.bytes), 0);
  return end === 0 ? { address: 0, bytes: 0 } : { address, bytes: end - address };
};

/** Builds the module: all rules, then the memory plan, then the code. */
export const buildModule = (source: Program, { threads = 1 }: CompileOptions = {}, rows: Rows = ROWS): Result<Built> => {
  const plan = planProgram(source, rows.has);
  if (!plan.ok) return plan;
  const shared = threads > 1;
  const machine = new WasmMachine({ shared });
  const result = lowerProgram(plan.value, machine, rows, threads);
  if (!result.ok) return result;
  const { context, steps, pages } = result.value;
  const functions = writeFunctions(result.value);
  const work = functions.run.map((name, i) => ({ name, parallel: at(steps, i).parallel }));
  const together = shared && work.some((s) => s.parallel) && pages + CONTROL_PAGES <= MOST_PAGES;
  if (together) addThreadedRun(machine, work, pages * PAGE_BYTES, threads);
  else
    context.asm.define('run', [], undefined, (f) => {
      for (const { name } of work) f.do(f.call(name, [0, 1]));
    });
  const info: ProgramInfo = {
    pages: together ? pages + CONTROL_PAGES : pages,
    shared,
    threads: together ? threads : 1,
    ...(together ? { control: pages * PAGE_BYTES } : {}),
    image: imageOf(result.value),
    ...portsOf(context, source),
    steps: steps.map(({ place, node, macs, parallel }) => ({ place, op: node.op, macs, parallel })),
  };
  const binary = machine.finish([...functions.init, ...functions.run, 'run', ...(together ? ['work'] : [])]);
  return ok({ binary, info, lowered: result.value, functions });
};

/** Fills the memory of a program: parameters, tables and what the instantiation code makes of them. */
const initialize = ({ lowered, functions }: Built, module: Module, memory: Memory): void => {
  const exports = instantiate(module, memory);
  fillMemory(lowered, functions, memory.buffer, (name) => exports.get(name)?.());
};

/** What tests put in place of the real thing. */
export interface CompileParts {
  readonly rows?: Rows;
  readonly keep?: (kept: Kept) => KeepResult;
  readonly startWorker?: StartWorker;
  readonly patience?: number;
}

const noSharedMemory = (threads: number): Diagnostic =>
  diagnostic('BKD0010', `${threads} threads are asked for, but this engine has no SharedArrayBuffer`, {
    severity: 'warning',
    notes: ['The program runs on one thread; the bytes are the same.'],
  });

/** Compiles, instantiates and initializes a program. */
export const compileProgram = (source: Program, options: CompileOptions = {}, parts: CompileParts = {}): Result<Executable> => {
  const asked = Math.min(options.threads ?? 1, MOST_THREADS);
  const alone = asked > 1 && typeof SharedArrayBuffer === 'undefined';
  const built = buildModule(source, { threads: alone ? 1 : asked }, parts.rows);
  if (!built.ok) return built;
  const { binary, info } = built.value;
  const memory = memoryOf(info);
  if (!memory.ok) return memory;
  const compiled = compileModule(binary);
  if ('refusal' in compiled)
    return fail(diagnostic('BKD0004', `the engine refuses a module of ${binary.length} bytes: ${compiled.refusal}`));
  initialize(built.value, compiled.module, memory.value);
  const {
    startWorker = startWorkerThread,
    patience,
    keep = (kept) => keepProgram(keyOf(source, alone ? { threads: 1 } : options), kept),
  } = parts;
  return ok(
    createExecutable({
      info,
      module: compiled.module,
      memory: memory.value,
      check: (inputs) => unwrap(checkInputs(source, inputs)),
      warnings: alone ? [noSharedMemory(asked)] : [],
      keep: (image) => keep({ info, module: binary, image }),
      startWorker,
      ...(patience === undefined ? {} : { patience }),
    }),
  );
};
