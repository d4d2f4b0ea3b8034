import { BinaryenMachine } from '../../src/backends/cpu/wasm/binaryen-machine.ts';
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
  run(inputs: readonly Tensor[]): readonly Tensor[];
}

/**
 * Compiles for `threads` threads, with any work shared that can be; a run does the shares of every parallel step from the last thread's to the first, so a share that needs
 * what another one writes shows. Needs `prepareToolchain`.
 */
export const buildShares = (program: Program, threads: number, options: { readonly leastWork?: number } = { leastWork: 0 }): Shares => {
  const rows = rowsOf(SIMD_ROWS);
  const machine = new BinaryenMachine();
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
  return {
    lowered,
    parallel: steps.filter((s) => s.parallel).map((s) => s.node.op),
    run: (inputs) => {
      context.program.inputs.forEach((port, i) => put(context.slot(port.value), tensorBytes(at(inputs, i))));
      steps.forEach((step, i) => {
        const count = step.parallel ? threads : 1;
        for (let thread = count - 1; thread >= 0; thread--) call(at(names.run, i), thread, count);
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
