import { type AnyNode, DTYPE_INFO, elementCount, type Program, type StaticType, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at, invariant } from '../../../support/index.ts';
import type { FusedRescale } from '../../plan/index.ts';
import type { Asm } from './asm.ts';
import type { Fn } from './fn.ts';

/** A place in linear memory; the address is known once the memory plan is made, before any code is emitted. */
export class Slot {
  private resolved: number | undefined;
  readonly bytes: number;
  /** Initial content, copied in by the host; undefined when code writes it. */
  readonly data: Uint8Array | undefined;
  constructor(bytes: number, data?: Uint8Array) {
    this.bytes = bytes;
    this.data = data;
  }
  get address(): number {
    invariant(this.resolved !== undefined, 'an address is read before the memory plan is made');
    return this.resolved;
  }
  place(address: number): void {
    this.resolved = address;
  }
}

/** Adds the code of one step to a function; called after the memory plan is made. */
export type Emit = (f: Fn) => void;

/**
 * A kernel of a GPU that does a step, or a part of it, instead of code of the SIMD machine. Its text is made after the memory plan, so
 * that addresses are literals in it.
 */
export interface KernelLaunch {
  /** Statements of the kernel, which has `cx_env e` in scope: a call of a template, say. Texts that are equal become one kernel. */
  readonly body: () => string;
  /** What the body needs at namespace scope, such as a structure of constants; equal texts are written once. */
  readonly declarations?: () => readonly string[];
  /** Headers with the templates, found beside the other kernels. */
  readonly headers: readonly string[];
  /** Blocks along x, y and z. */
  readonly grid: readonly [number, number, number];
  /** Threads of a block. */
  readonly block: number;
  /** Dynamic shared memory of a block. */
  readonly sharedBytes: number;
}

/** Code that runs once, at instantiation, and the constant values that it reads. */
export interface InitStep {
  readonly emit: Emit;
  readonly reads: ReadonlySet<ValueId>;
  /** On a GPU: what runs instead of `emit`. */
  readonly launches?: readonly KernelLaunch[];
}

/** A step of the run. */
export interface StepCode {
  readonly emit: Emit;
  /** Whether every thread takes part: the code does the share of thread `f.arg(0)` of `f.arg(1)`. Else thread 0 runs it alone. */
  readonly parallel: boolean;
  /** Places besides those of its operands and results that the step reads or writes: each is its own from the first step that names it to the last. */
  readonly holds: readonly Slot[];
  /** The same where something waits between the parts, as it does between kernels: first one thread does `before`, then all do `main`. */
  readonly apart: {
    readonly before: Emit | undefined;
    readonly main: Emit;
    readonly parallel: boolean;
    /** Threads that scratch memory is for. */
    readonly threads: number;
    /** Work of `main` as `Context.divide` was told it. */
    readonly work: number;
    /** Whether threads have scratch memory of their own, so that no more than `threads` may take part. */
    readonly scratch: boolean;
    /** On a GPU: what runs instead of `before` and `main`. */
    readonly launches?: readonly KernelLaunch[];
  };
}

interface CopyPlaces {
  readonly once: boolean;
  readonly from: readonly Slot[];
  readonly to: Slot;
  readonly reads: ReadonlySet<ValueId>;
}

/** How a program is divided among threads. */
export interface ThreadOptions {
  /** Work that is worth sharing, in elements; see Context.divide. */
  readonly leastWork?: number;
  /** Bytes that the scratch of all threads of a step may take together; a step that needs more has fewer threads. No limit when absent. */
  readonly mostScratch?: number;
  /**
   * Bytes that stay free behind every place in memory, none when absent: vector loads read past the end of what they need, so that checks
   * of who reads and writes what would find neighbours that no result depends on.
   */
  readonly gap?: number;
  /** Has every result keep its place until the run ends, for those who look at all of them afterwards. */
  readonly keep?: boolean;
}

/** The scratch of so many threads is too large. */
class ScratchTooLarge extends Error {
  readonly bytes: number;
  constructor(bytes: number) {
    super(`${bytes} bytes of scratch a thread`);
    this.bytes = bytes;
  }
}

/** Work that is worth sharing, in elements: it takes one thread ten microseconds or so, and threads need one or two to meet. */
const LEAST_SHARED_WORK = 2 ** 15;
/** Multiply-accumulates of the matrix kernels that take as long as one element of a pass over memory. */
export const MACS_PER_ELEMENT = 8;

/** Code and memory that lowering asks for: first all rules run, then memory is planned, then code is emitted. */
export class Context {
  readonly asm: Asm;
  readonly program: Program;
  /** Places that live as long as the executable: packed weights, tables. */
  readonly persistent: Slot[] = [];
  /** Scratch places of each step; steps share the region. */
  readonly scratches: Slot[][] = [];
  /** Code that runs once, at instantiation, in this order. */
  readonly init: InitStep[] = [];
  /** Values whose place is another value's. */
  readonly aliases = new Map<ValueId, ValueId>();
  /** Constant values that code reads, at instantiation only or in every run. */
  readonly readInInit = new Set<ValueId>();
  readonly readInRun = new Set<ValueId>();
  /** Parameters that code reads where they lie, outside of linear memory; their order is their number. */
  readonly external: ValueId[] = [];
  /** Threads that the step in the making, or being written, may have. */
  threads: number;
  private readonly leastWork: number;
  private readonly mostScratch: number;
  private readonly gap: number;
  private readonly slots: (Slot | undefined)[];
  private readonly params: ReadonlyMap<ValueId, Tensor>;
  private readonly isConstant: Uint8Array;
  private readonly fusions: ReadonlyMap<AnyNode, FusedRescale>;
  /** How many of the persistent places, the first ones, belong to no step in particular. */
  private common = 0;
  private inInit = false;
  /** What the instantiation step in the making reads. */
  private initReads = new Set<ValueId>();
  private prologue: Emit[] = [];
  private scratch: Slot[] = [];
  private holds: Slot[] = [];
  /** Bytes of places that are larger than their values. */
  private readonly wide = new Map<ValueId, number>();
  private hasOwnScratch = false;
  private parallel = false;
  private work = 0;
  private launches: KernelLaunch[] = [];

  constructor(
    asm: Asm,
    program: Program,
    params: ReadonlyMap<ValueId, Tensor>,
    fusions: ReadonlyMap<AnyNode, FusedRescale>,
    threads: number,
    { leastWork = LEAST_SHARED_WORK, mostScratch = Number.POSITIVE_INFINITY, gap = 0 }: ThreadOptions = {},
  ) {
    this.asm = asm;
    this.threads = threads;
    this.leastWork = leastWork;
    this.mostScratch = mostScratch;
    this.gap = gap;
    this.program = program;
    this.params = params;
    this.fusions = fusions;
    this.slots = new Array<Slot | undefined>(program.types.length);
    this.isConstant = new Uint8Array(program.types.length);
    for (const p of program.params) this.isConstant[p.value] = 1;
  }

  type(value: ValueId): StaticType {
    return at(this.program.types, value) as StaticType;
  }

  count(value: ValueId): number {
    return elementCount(this.type(value).shape);
  }

  /** True for parameters and for what is computed from parameters alone (once, at instantiation). */
  constantValue(value: ValueId): boolean {
    return this.isConstant[value] === 1;
  }

  /** The data of a parameter. */
  paramData(value: ValueId): Tensor | undefined {
    return this.params.get(value);
  }

  /** The number of a parameter that code reads where it lies; undefined when the value is no parameter. */
  externalParam(value: ValueId): number | undefined {
    if (!this.params.has(value)) return undefined;
    const known = this.external.indexOf(value);
    return known >= 0 ? known : this.external.push(value) - 1;
  }

  /**
   * Says that the step in the making divides its work among the threads: its code does the share of thread `f.arg(0)` of `f.arg(1)`.
   * @param work - elements of a pass over memory (much, when absent), or multiply-accumulates divided by MACS_PER_ELEMENT
   * @param pieces - how many threads can have a share; the step's scratch is for as many, and further threads must not touch it
   * @returns false where one thread does all there is: it is the only one, the work is too little or in one piece, or it is part of the
   *   instantiation
   */
  divide(work = Number.POSITIVE_INFINITY, pieces = Number.POSITIVE_INFINITY): boolean {
    this.work = work;
    this.parallel = Math.min(this.threads, pieces) > 1 && !this.inInit && work >= this.leastWork;
    if (this.parallel) this.threads = Math.min(this.threads, pieces);
    return this.parallel;
  }

  fusedInto(node: AnyNode): FusedRescale | undefined {
    return this.fusions.get(node);
  }

  private root(value: ValueId): ValueId {
    let v = value;
    for (let next = this.aliases.get(v); next !== undefined; next = this.aliases.get(v)) v = next;
    return v;
  }

  /** Where a value is, without saying that anyone reads it. */
  slot(value: ValueId): Slot {
    const v = this.root(value);
    const type = this.type(v);
    return (this.slots[v] ??= new Slot(this.wide.get(v) ?? elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes));
  }

  /** Gives a value a place of at least so many bytes; asked for before the place itself is. */
  widen(value: ValueId, bytes: number): void {
    const v = this.root(value);
    invariant(this.slots[v] === undefined, 'a place has its size already');
    const { dtype, shape } = this.type(v);
    this.wide.set(v, Math.max(bytes, this.wide.get(v) ?? 0, elementCount(shape) * DTYPE_INFO[dtype].bytes));
  }

  /** Says that the step in the making reads or writes a place that is no value's. The place is held from the first such step to the last. */
  hold(slot: Slot): void {
    this.holds.push(slot);
  }

  /** Where a step reads an operand or writes a result. */
  use(value: ValueId): Slot {
    if (this.constantValue(value)) (this.inInit ? this.readInInit : this.readInRun).add(this.root(value));
    if (this.inInit) this.initReads.add(this.root(value));
    return this.slot(value);
  }

  /** The result is the operand, seen with another shape. */
  alias(result: ValueId, operand: ValueId): void {
    this.aliases.set(result, operand);
  }

  rootOf(value: ValueId): ValueId {
    return this.root(value);
  }

  /** Memory that is this step's alone while it runs; with `each`, so much for every thread, one behind the other. */
  temporary(bytes: number, { each = false }: { readonly each?: boolean } = {}): Slot {
    // threads do not share cache lines
    const own = Math.ceil((bytes + this.gap) / 64) * 64;
    if (each && this.threads > 1 && own * this.threads > this.mostScratch) throw new ScratchTooLarge(own);
    if (each) this.hasOwnScratch = true;
    const slot = new Slot(each ? own * this.threads : bytes);
    this.scratch.push(slot);
    return slot;
  }

  /** A table of constants. */
  table(data: Int32Array | Float32Array | Float64Array | Uint8Array): Slot {
    const slot = new Slot(data.byteLength, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.persistent.push(slot);
    return slot;
  }

  /** A table for several steps: it stays when the step in the making is planned anew. */
  commonTable(data: Int32Array): Slot {
    const slot = new Slot(data.byteLength, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.persistent.splice(this.common++, 0, slot);
    return slot;
  }

  /** Where the sources of a rearranged copy are and where it goes; `once` when all are constant. */
  private copyPlaces(sources: readonly ValueId[], bytes: number): CopyPlaces {
    const once = sources.every((v) => this.constantValue(v));
    const before = { inInit: this.inInit, reads: this.initReads };
    if (once) {
      this.inInit = true;
      this.initReads = new Set();
    }
    const from = sources.map((v) => this.use(v));
    const reads = this.initReads;
    this.inInit = before.inInit;
    this.initReads = before.reads;
    const to = once ? new Slot(bytes) : this.temporary(bytes);
    if (once) this.persistent.push(to);
    return { once, from, to, reads };
  }

  /**
   * A rearranged copy of operands: made once at instantiation when all are constant, else at the start of the step.
   * @param emit - writes the copy; gets the places of the sources and of the copy
   */
  packed(sources: readonly ValueId[], bytes: number, emit: (f: Fn, from: readonly Slot[], to: Slot) => void): Slot {
    const { once, from, to, reads } = this.copyPlaces(sources, bytes);
    const copy: Emit = (f) => emit(f, from, to);
    if (once) this.init.push({ emit: copy, reads });
    else this.prologue.push(copy);
    return to;
  }

  /** The same by kernels of a GPU, which come before those that `launch` gets later. */
  packedByKernels(sources: readonly ValueId[], bytes: number, kernels: (from: readonly Slot[], to: Slot) => readonly KernelLaunch[]): Slot {
    const { once, from, to, reads } = this.copyPlaces(sources, bytes);
    const launches = kernels(from, to);
    if (once) this.init.push({ emit: () => undefined, reads, launches });
    else this.launches.push(...launches);
    return to;
  }

  /** Says that kernels of a GPU do the step in the making, in this order; what its rule returns is not used then. */
  launch(...launches: readonly KernelLaunch[]): void {
    this.launches.push(...launches);
  }

  /** Runs a rule; again with fewer threads when the scratch of all of them is too large. */
  private apply(rule: () => Emit): Emit {
    const before = { persistent: this.persistent.length - this.common, init: this.init.length };
    for (;;) {
      this.prologue = [];
      this.scratch = [];
      this.holds = [];
      this.launches = [];
      this.parallel = false;
      this.hasOwnScratch = false;
      this.work = 0;
      try {
        return rule();
      } catch (error) {
        if (!(error instanceof ScratchTooLarge)) throw error;
        const fit = Math.floor(this.mostScratch / error.bytes);
        this.threads = Math.max(Math.min(fit, Math.floor(this.threads / 2)), 1);
        this.persistent.length = before.persistent + this.common;
        this.init.length = before.init;
      }
    }
  }

  /** Writes with the number of threads that the step was planned for. */
  private planned(emits: readonly Emit[], threads: number): Emit {
    return (f) => {
      const before = this.threads;
      this.threads = threads;
      for (const emit of emits) emit(f);
      this.threads = before;
    };
  }

  /** Lowers one node: constant nodes become part of the instantiation code, the others are returned. */
  step(node: AnyNode, rule: () => Emit): StepCode | undefined {
    const most = this.threads;
    this.inInit = node.operands.every((v) => this.constantValue(v));
    this.initReads = new Set();
    const emit = this.apply(rule);
    const { prologue, threads, launches, holds } = this;
    this.threads = most;
    this.scratches.push(this.scratch);
    const whole = this.planned([...prologue, emit], threads);
    const once = this.inInit;
    this.inInit = false;
    const kernels = launches.length === 0 ? {} : { launches };
    if (!once) {
      const apart = {
        before: prologue.length === 0 ? undefined : this.planned(prologue, threads),
        main: this.planned([emit], threads),
        parallel: this.parallel,
        threads,
        work: this.work,
        scratch: this.hasOwnScratch,
        ...kernels,
      };
      // what a prologue writes has to be there before any thread reads it
      return { emit: whole, parallel: this.parallel && prologue.length === 0, holds, apart };
    }
    for (const r of this.fusedInto(node)?.results ?? node.results) {
      this.isConstant[r] = 1;
      if (!this.aliases.has(r)) this.persistent.push(this.slot(r));
    }
    this.init.push({ emit: whole, reads: this.initReads, ...kernels });
    return undefined;
  }
}
