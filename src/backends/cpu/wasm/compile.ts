import {
  type AnyNode,
  canonicalizeNaN,
  checkInputs,
  DTYPE_INFO,
  elementCount,
  formatType,
  isStaticType,
  paramTensors,
  placeOf,
  type Program,
  type Tensor,
  tensorBytes,
  UnsupportedError,
  type ValueId,
} from '../../../ir/index.ts';
import { at, type Diagnostic, diagnostic, fail, invariant, ok, type Result, unwrap } from '../../../support/index.ts';
import type { Executable } from '../../backend.ts';
import { Asm } from './asm.ts';
import { Context, type Emit, type Slot } from './context.ts';
import { expandComposites } from './expand.ts';
import { findFusions } from './fuse.ts';
import { allocateMemory, compileModule, instantiate } from './host.ts';
import { layOut, type Lifetime } from './layout.ts';
import { hasRow, lower } from './lower/index.ts';

/** A step of the run: its code, what it reads and what it defines. */
interface Step {
  readonly emit: Emit;
  readonly reads: readonly ValueId[];
  readonly writes: readonly ValueId[];
}

const unboundDims = (program: Program): Diagnostic[] =>
  program.types
    .filter((t) => !isStaticType(t))
    .slice(0, 1)
    .map((t) => diagnostic('IR0008', `${formatType(t)} has a dimension without a number`, { notes: ['Bind it: --bind N=1.'] }));

/** Runs every rule in order; collects all refusals. */
const lowerAll = (context: Context, gone: ReadonlySet<AnyNode>): Result<readonly Step[]> => {
  const problems: Diagnostic[] = [];
  const steps: Step[] = [];
  for (const [index, node] of (context.program.nodes as readonly AnyNode[]).entries()) {
    if (gone.has(node)) continue;
    const fused = context.fusedInto(node);
    try {
      const emit = context.step(node, () => lower(context, node));
      const writes = fused === undefined ? node.results : fused.results;
      if (emit !== undefined) steps.push({ emit, reads: node.operands, writes });
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      problems.push(diagnostic('BKD0002', `${node.op}: ${error.message}`, { where: placeOf(node, index) }));
    }
  }
  return problems.length > 0 ? fail(...problems) : ok(steps);
};

/** When each buffer of the run holds its value. Inputs are written before step 0, outputs read after the last. */
const lifetimesOf = (context: Context, steps: readonly Step[]): readonly Lifetime[] => {
  const lives = new Map<ValueId, { first: number; last: number }>();
  const touch = (value: ValueId, step: number): void => {
    if (context.constantValue(value)) return;
    const root = context.rootOf(value);
    const life = lives.get(root);
    if (life === undefined) lives.set(root, { first: step, last: step });
    else life.last = Math.max(life.last, step);
  };
  for (const input of context.program.inputs) touch(input.value, -1);
  steps.forEach((step, i) => {
    for (const v of step.reads) touch(v, i);
    for (const v of step.writes) touch(v, i);
  });
  for (const output of context.program.outputs) touch(output.value, steps.length);
  return [...lives].map(([value, { first, last }]) => ({ slot: context.slot(value), first, last }));
};

/** Parameters by when they have to be in memory. */
interface Placement {
  /** In every run. */
  readonly run: Map<ValueId, Slot>;
  /** During the whole instantiation: more than one step reads them. */
  readonly initial: Map<ValueId, Slot>;
  /** During one step of the instantiation; by step. So weights that are packed are in memory twice one at a time, not all at once. */
  readonly staged: readonly Map<ValueId, Slot>[];
}

const placeParams = (context: Context): Placement => {
  const run = new Map<ValueId, Slot>();
  const initial = new Map<ValueId, Slot>();
  const staged = context.init.map(() => new Map<ValueId, Slot>());
  for (const output of context.program.outputs) if (context.constantValue(output.value)) context.use(output.value);
  const readers = new Map<ValueId, number[]>();
  context.init.forEach((step, i) => {
    for (const v of step.reads) readers.set(v, [...(readers.get(v) ?? []), i]);
  });
  for (const { value } of context.program.params) {
    const [reader, ...more] = readers.get(value) ?? [];
    if (context.readInRun.has(value)) run.set(value, context.slot(value));
    else if (context.readInInit.has(value)) {
      const place = reader === undefined || more.length > 0 ? initial : at(staged, reader);
      place.set(value, context.slot(value));
    }
  }
  return { run, initial, staged };
};

interface Built {
  readonly binary: Uint8Array;
  readonly pages: number;
  readonly context: Context;
  readonly params: Placement;
}

/** Builds the module: all rules, then the memory plan, then the code. */
export const buildModule = (source: Program): Result<Built> => {
  const unbound = unboundDims(source);
  if (unbound.length > 0) return fail(...unbound);
  const program = expandComposites(source, hasRow);
  const { into, gone } = findFusions(program);
  const context = new Context(new Asm(), program, paramTensors(program), into);
  const steps = lowerAll(context, gone);
  if (!steps.ok) return steps;
  const params = placeParams(context);
  const pages = layOut({
    persistent: [...context.persistent, ...params.run.values()],
    initial: [...params.initial.values()],
    staged: params.staged.map((slots) => [...slots.values()]),
    arena: lifetimesOf(context, steps.value),
    scratches: context.scratches,
  });
  if (!pages.ok) return pages;
  const binary = emitCode(context, steps.value);
  return ok({ binary, pages: pages.value, context, params });
};

const initName = (step: number): string => `init${step}`;

/**
 * One function a step, so that the engine compiles them apart and a step's locals stay few. The steps of the
 * instantiation are exported one by one, since the host fills their parameters in between.
 */
const emitCode = (context: Context, steps: readonly Step[]): Uint8Array => {
  const { asm } = context;
  const init = context.init.map(({ emit }, i) => asm.define(initName(i), [], undefined, emit));
  const names = steps.map((step, i) => asm.define(`run${i}`, [], undefined, step.emit));
  asm.define('run', [], undefined, (f) => {
    for (const name of names) f.do(f.call(name, []));
  });
  return asm.finish([...init, 'run']);
};

/** Compiles, instantiates and initializes a program. */
export const compileProgram = (source: Program): Result<Executable> => {
  const built = buildModule(source);
  if (!built.ok) return built;
  const { binary, pages, context, params } = built.value;
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
  context.init.forEach((_, i) => {
    fill(at(params.staged, i));
    const step = functions.get(initName(i));
    invariant(step !== undefined, `the module exports ${initName(i)}`);
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
