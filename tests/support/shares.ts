import { WasmMachine } from '../../src/backends/cpu/wasm/wasm-machine.ts';
import {
  fillMemory,
  type Lowered,
  lowerProgram,
  PAGE_BYTES,
  rowsOf,
  SIMD_ROWS,
  type Slot,
  writeFunctions,
} from '../../src/backends/cpu/simd/index.ts';
import { planProgram } from '../../src/backends/plan/index.ts';
import { canonicalizeNaN, DTYPE_INFO, elementCount, type Program, type Tensor, tensorBytes } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';

interface Engine {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
}
declare const WebAssembly: Engine;

/** A program compiled for several threads, whose steps one thread does share by share. */
export interface Shares {
  readonly lowered: Lowered;
  /** Nodes of the steps that threads share. */
  readonly parallel: readonly string[];
  /**
   * The first run throws where a thread's share of a step reads or writes what another's writes: then the result depends on who comes
   * first. Later ones do the shares from the last thread's to the first.
   */
  run(inputs: readonly Tensor[]): readonly Tensor[];
}

/** Words that are compared at once: most memory stays as it is. */
const CHUNK = 4096;

/** The words of `after` that differ from `before`, by number. */
const changed = (before: Int32Array, after: Int32Array): readonly number[] => {
  const found: number[] = [];
  const [a, b] = [Buffer.from(before.buffer), Buffer.from(after.buffer)];
  for (let start = 0; start < before.length; start += CHUNK) {
    const end = Math.min(start + CHUNK, before.length);
    if (a.compare(b, 4 * start, 4 * end, 4 * start, 4 * end) === 0) continue;
    for (let i = start; i < end; i++) if (before[i] !== after[i]) found.push(i);
  }
  return found;
};

/** Which bits of a word differ, as a mask of whole bytes. */
const differingBytes = (a: number, b: number): number =>
  [0xff, 0xff00, 0xff0000, 0xff000000].reduce((mask, byte) => (((a ^ b) & byte) === 0 ? mask : mask | byte), 0);

/** The bits of a NaN are an engine's choice, also from one call of a function to the next. */
const isNaNWord = (word: number): boolean => (word & 0x7fffffff) > 0x7f800000;

/**
 * Does all shares of a step, each on memory as it was before, and joins what they wrote. Each is done again where the others' results lie
 * there already, spoiled: it has to write the same, but for scratch memory, which begins at the word `scratch`. Reads of bytes that no
 * result depends on are no fault, as vectors read past ends.
 */
const runShares = (what: string, memory: Int32Array, scratch: number, threads: number, share: (thread: number) => void): void => {
  const before = memory.slice();
  const writes = Array.from({ length: threads }, (_, thread) => {
    memory.set(before);
    share(thread);
    const all = changed(before, memory);
    return new Map(all.map((i) => [i, { value: at(memory, i), mask: differingBytes(at(memory, i), at(before, i)) }]));
  });
  const owners = new Map<number, { readonly mask: number; readonly thread: number }>();
  writes.forEach((own, thread) => {
    for (const [i, { mask }] of own) {
      const other = owners.get(i) ?? { mask: 0, thread };
      if ((other.mask & mask) !== 0)
        throw new Error(`${what}: threads ${other.thread} and ${thread} of ${threads} both write byte ${4 * i} or one of the next three`);
      owners.set(i, { mask: other.mask | mask, thread });
    }
  });
  const join = (word: (value: number) => number, except?: number): void =>
    writes.forEach((own, thread) => {
      if (thread !== except) for (const [i, { value, mask }] of own) memory[i] = (at(memory, i) & ~mask) | (word(value) & mask);
    });
  writes.forEach((own, thread) => {
    memory.set(before);
    join((value) => ~value, thread);
    share(thread);
    for (const [i, { value, mask }] of own)
      if (i < scratch && (at(memory, i) & mask) !== (value & mask) && !(isNaNWord(at(memory, i)) && isNaNWord(value)))
        throw new Error(`${what}: what thread ${thread} of ${threads} writes to byte ${4 * i} depends on what others write`);
  });
  memory.set(before);
  join((value) => value);
};

/**
 * Compiles for `threads` threads, with any work shared that can be.
 */
export const buildShares = (program: Program, threads: number, options: { readonly leastWork?: number } = { leastWork: 0 }): Shares => {
  const rows = rowsOf(SIMD_ROWS);
  const machine = new WasmMachine();
  const lowered = unwrap(lowerProgram(unwrap(planProgram(program, rows.has)), machine, rows, threads, options));
  const { context, steps, pages } = lowered;
  const names = writeFunctions(lowered);
  const binary = machine.finish([...names.init, ...names.run]);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory } });
  const call = (name: string, ...args: number[]): void => (exports[name] as (...numbers: number[]) => void)(...args);
  const put = (slot: Slot, bytes: Uint8Array): void => new Uint8Array(memory.buffer, slot.address, bytes.length).set(bytes);
  fillMemory(lowered, names, memory.buffer, (name) => call(name));
  if (pages * PAGE_BYTES !== memory.buffer.byteLength) throw new Error('the memory has another size than planned');
  let runs = 0;
  const scratch = Math.min(...context.scratches.flat().map((slot) => slot.address / 4));
  return {
    lowered,
    parallel: steps.filter((s) => s.parallel).map((s) => s.node.op),
    run: (inputs) => {
      const first = runs++ === 0;
      context.program.inputs.forEach((port, i) => put(context.slot(port.value), tensorBytes(at(inputs, i))));
      steps.forEach((step, i) => {
        const run = at(names.run, i);
        const share = (thread: number): void => call(run, thread, threads);
        if (!step.parallel) call(run, 0, 1);
        else if (first) runShares(`${step.place} ${step.node.op}`, new Int32Array(memory.buffer), scratch, threads, share);
        else for (let thread = threads - 1; thread >= 0; thread--) share(thread);
      });
      return context.program.outputs.map((port) => {
        const { dtype, shape } = context.type(port.value);
        const data = DTYPE_INFO[dtype].view(memory.buffer, context.slot(port.value).address, elementCount(shape)).slice();
        if (data instanceof Float32Array) canonicalizeNaN(data);
        return { dtype, shape, data };
      });
    },
  };
};
