import { type AnyNode, canonicalPieces, paramTensors, placeOf, type Program, UnsupportedError, type ValueId } from '../../../ir/index.ts';
import { at, type Diagnostic, diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import { type ExecutionPlan, macsOf } from '../../plan/index.ts';
import { Asm } from './asm.ts';
import { Context, type Slot, type StepCode, type ThreadOptions } from './context.ts';
import { layOut, type Lifetime, MOST_BYTES, PAGE_BYTES } from './layout.ts';
import type { Machine } from './machine.ts';
import type { Rows } from './rows.ts';

/** A step of the run: its code, what it reads and what it defines. */
export interface Step extends StepCode {
  readonly node: AnyNode;
  /** Where the node comes from, for people. */
  readonly place: string;
  readonly reads: readonly ValueId[];
  readonly writes: readonly ValueId[];
  /** Multiply-accumulates; 0 for ops that speed is not told by. */
  readonly macs: number;
}

/** Parameters by when they have to be in linear memory. */
export interface Placement {
  /** In every run. */
  readonly run: ReadonlyMap<ValueId, Slot>;
  /** During the whole instantiation: more than one step reads them. */
  readonly initial: ReadonlyMap<ValueId, Slot>;
  /** During one step of the instantiation; by step. So weights that are packed are in memory twice one at a time, not all at once. */
  readonly staged: readonly ReadonlyMap<ValueId, Slot>[];
}

/** A program whose steps and memory are planned. */
export interface Lowered {
  /** The program as given. */
  readonly source: Program;
  readonly context: Context;
  readonly steps: readonly Step[];
  readonly params: Placement;
  /** Linear memory in pages of 64 KiB. */
  readonly pages: number;
}

/** Runs every rule in order; collects all refusals. */
const lowerAll = (context: Context, rows: Rows, gone: ReadonlySet<AnyNode>): Result<readonly Step[]> => {
  const problems: Diagnostic[] = [];
  const steps: Step[] = [];
  for (const [index, node] of (context.program.nodes as readonly AnyNode[]).entries()) {
    if (gone.has(node)) continue;
    const fused = context.fusedInto(node);
    const place = placeOf(node, index);
    try {
      const code = context.step(node, () => rows.lower(context, node));
      const writes = fused === undefined ? node.results : fused.results;
      if (code !== undefined)
        steps.push({ ...code, node, place, reads: node.operands, writes, macs: macsOf(node, (v) => context.type(v)) });
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      problems.push(diagnostic('BKD0002', `${node.op}: ${error.message}`, { where: place }));
    }
  }
  return problems.length > 0 ? fail(...problems) : ok(steps);
};

/** When each buffer of the run holds its value. Inputs are written before step 0, outputs read after the last. */
const lifetimesOf = (context: Context, steps: readonly Step[], keep: boolean): readonly Lifetime[] => {
  const lives = new Map<Slot, { first: number; last: number }>();
  const hold = (slot: Slot, step: number): void => {
    const life = lives.get(slot);
    if (life === undefined) lives.set(slot, { first: step, last: step });
    else life.last = Math.max(life.last, step);
  };
  const touch = (value: ValueId, step: number): void => {
    if (!context.constantValue(value)) hold(context.slot(value), step);
  };
  for (const input of context.program.inputs) touch(input.value, -1);
  steps.forEach((step, i) => {
    for (const v of step.reads) touch(v, i);
    for (const v of step.writes) touch(v, i);
    for (const slot of step.holds) hold(slot, i);
    if (!keep) return;
    for (const v of step.writes) touch(v, steps.length);
    for (const slot of step.holds) hold(slot, steps.length);
  });
  for (const output of context.program.outputs) touch(output.value, steps.length);
  return [...lives].map(([slot, { first, last }]) => ({ slot, first, last }));
};

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

/** Parameters told of a program that is too large. */
const TOLD = 5;

/** Which parameters make a program larger than 32-bit addresses reach. */
const tooLarge = ({ program }: Context, { run, initial, staged }: Placement, bytes: number): Diagnostic => {
  const placed = new Map([run, initial, ...staged].flatMap((places) => [...places]));
  const params = program.params
    .flatMap(({ name, value }) => {
      const slot = placed.get(value);
      return slot === undefined ? [] : [{ name, bytes: slot.bytes }];
    })
    .sort((a, b) => b.bytes - a.bytes);
  const total = params.reduce((n, p) => n + p.bytes, 0);
  const more = params.length > TOLD ? ` and ${params.length - TOLD} more` : '';
  const largest = params.slice(0, TOLD).map((p) => `${p.name} (${p.bytes} bytes)`);
  return diagnostic(
    'BKD0003',
    `the program needs ${bytes} bytes of memory, but 32-bit addresses reach ${MOST_BYTES}; its ${params.length} parameters have ${total} bytes`,
    {
      notes: [
        ...(largest.length === 0 ? [] : [`The largest parameters: ${largest.join(', ')}${more}.`]),
        'Use --backend native: it reads the weights of conv and dense where they lie in a mapped file, and only the other parameters need these addresses.',
      ],
    },
  );
};

/** Runs all rules, then plans the memory. No code is written yet. Errors: BKD0002 for each refused node, BKD0003 for too much memory. */
export const lowerProgram = (
  plan: ExecutionPlan,
  machine: Machine,
  rows: Rows,
  threads: number,
  options: ThreadOptions = {},
): Result<Lowered> => {
  const { source, program, fusions } = plan;
  const context = new Context(new Asm(machine), program, paramTensors(program), fusions.into, threads, options);
  const steps = lowerAll(context, rows, fusions.gone);
  if (!steps.ok) return steps;
  const params = placeParams(context);
  const bytes = layOut({
    persistent: [...context.persistent, ...params.run.values()],
    initial: [...params.initial.values()],
    staged: params.staged.map((slots) => [...slots.values()]),
    arena: lifetimesOf(context, steps.value, options.keep ?? false),
    scratches: context.scratches,
    gap: options.gap ?? 0,
  });
  if (bytes > MOST_BYTES) return fail(tooLarge(context, params, bytes));
  return ok({ source, context, steps: steps.value, params, pages: Math.ceil(bytes / PAGE_BYTES) });
};

/** Names of the functions of a program. */
export interface Functions {
  /** Steps of the instantiation, without arguments, in order; the host fills their parameters in between. */
  readonly init: readonly string[];
  /** Steps of the run: (thread, threads). */
  readonly run: readonly string[];
}

/** Writes one function a step, so that a compiler takes them apart and a step's locals stay few. */
export const writeFunctions = ({ context, steps }: Lowered): Functions => ({
  init: context.init.map(({ emit }, i) => context.asm.define(`init${i}`, [], undefined, emit)),
  run: steps.map(({ emit }, i) => context.asm.define(`run${i}`, ['i32', 'i32'], undefined, emit)),
});

/** Bytes that the host writes into linear memory; they hold until the next part is asked for. */
export interface FillPart {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Parts that the host writes, and the step of the instantiation that it calls afterwards; none for what comes first. */
export interface FillStep {
  readonly parts: Iterable<FillPart>;
  readonly call?: string;
}

/** What happens to linear memory before the first run, in order: constants, parameters, and what the instantiation code makes of them. */
export const fillSteps = ({ context, params }: Lowered, { init }: Functions): readonly FillStep[] => {
  // parameters that lie in files are read when their turn comes
  function* parts(slots: ReadonlyMap<ValueId, Slot>): Generator<FillPart> {
    for (const [value, { address }] of slots) {
      const tensor = context.paramData(value);
      if (tensor === undefined) continue;
      let to = address;
      for (const bytes of canonicalPieces(tensor)) {
        yield { address: to, bytes };
        to += bytes.length;
      }
    }
  }
  const written = context.persistent.flatMap(({ address, data }) => (data === undefined ? [] : [{ address, bytes: data }]));
  function* first(): Generator<FillPart> {
    yield* written;
    yield* parts(params.run);
    yield* parts(params.initial);
  }
  return [{ parts: first() }, ...init.map((call, i) => ({ parts: parts(at(params.staged, i)), call }))];
};

/**
 * Fills linear memory before the first run.
 * @param call - runs a step of the instantiation
 */
export const fillMemory = (lowered: Lowered, functions: Functions, buffer: ArrayBufferLike, call: (name: string) => void): void => {
  for (const step of fillSteps(lowered, functions)) {
    for (const { address, bytes } of step.parts) new Uint8Array(buffer, address, bytes.length).set(bytes);
    if (step.call !== undefined) call(step.call);
  }
};
