import { invariant } from '../../../support/index.ts';
import type { Peak } from '../../backend.ts';
import { allocateMemory, compileModule, instantiate } from './runtime/engine.ts';
import type { Ref } from '../simd/index.ts';
import { WasmMachine } from './wasm-machine.ts';

/** Sums that run side by side: enough to hide the latency of a product, few enough for the 16 registers of x86-64. */
const CHAINS = 12;
const ROUNDS = 20_000;
/** Bursts of calls with rests between them: engines compile hot code anew on another thread, which wants a core, too. */
const BURSTS = 14;
/** The most of them: on a busy machine the optimizing tier is late. */
const MOST_BURSTS = 120;
/** How much faster than the first call, which the baseline tier runs, a call of the optimizing tier is, at least. */
const TIER_GAIN = 1.5;
const BURST_MS = 20;
const REST_MS = 15;

/** A product with its sum, and the multiply-accumulates that it does. */
interface Step {
  readonly instruction: string;
  readonly macs: number;
  /** The next sum from the one before. It depends on the sum, so that the engine cannot move it out of the loop. */
  readonly next: (m: WasmMachine, sum: () => Ref, y: Ref) => Ref;
}

const DOT: Step = {
  instruction: 'i32x4.dot_i16x8_s',
  macs: 8,
  next: (m, sum, y) => m.op('i32x4', 'add', [sum(), m.op('i32x4', 'dot_i16x8_s', [sum(), y])]),
};

const RELAXED_DOT: Step = {
  instruction: 'i32x4.relaxed_dot_i8x16_i7x16_add_s',
  macs: 16,
  next: (m, sum, y) => m.op('i32x4', 'relaxed_dot_i8x16_i7x16_add_s', [sum(), y, sum()]),
};

/** run(): ROUNDS times CHAINS products, in registers; the sums are stored at the end, so that they count. */
const moduleOf = ({ next }: Step): Uint8Array => {
  const m = new WasmMachine();
  const [i, y, first] = [0, 1, 2];
  const chains = Array.from({ length: CHAINS }, (_, k) => k);
  const number = (value: number): Ref => m.constant('i32', value);
  const at = (k: number): Ref => number(16 * (k + 1));
  const rounds = [
    ...chains.map((k) =>
      m.set(
        first + k,
        next(m, () => m.get(first + k), m.get(y)),
      ),
    ),
    m.set(i, m.op('i32', 'add', [m.get(i), number(1)])),
  ];
  const statements = [
    m.set(y, m.vectorLoad('load', 0, number(0))),
    ...chains.map((k) => m.set(first + k, m.vectorLoad('load', 0, at(k)))),
    m.while(m.op('i32', 'lt_u', [m.get(i), number(ROUNDS)]), rounds),
    ...chains.map((k) => m.vectorStore(0, at(k), m.get(first + k))),
  ];
  const locals = ['i32', 'v128', ...chains.map(() => 'v128' as const)] as const;
  m.define({ name: 'run', params: [], result: undefined, locals, statements, value: undefined });
  return m.finish(['run']);
};

const buildStep = (step: Step): (() => void) | undefined => {
  const memory = allocateMemory(1);
  const compiled = compileModule(moduleOf(step));
  if (memory === undefined || 'refusal' in compiled) return undefined;
  new Int16Array(memory.buffer).fill(3);
  const run = instantiate(compiled.module, memory).get('run');
  invariant(run !== undefined, 'the module exports run');
  return run;
};

const rest = (): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REST_MS);
};

/** The fastest of many short calls: whatever else runs on the core, and the first tier of the engine, can only be slower. */
const fastestCall = (run: () => void): number => {
  const before = performance.now();
  run();
  const first = performance.now() - before;
  let least = first;
  for (let burst = 0; burst < BURSTS || (burst < MOST_BURSTS && first < TIER_GAIN * least); burst++) {
    const began = performance.now();
    for (let now = began; now - began < BURST_MS; ) {
      run();
      const after = performance.now();
      least = Math.min(least, after - now);
      now = after;
    }
    rest();
  }
  return least;
};

/**
 * The multiply-accumulate peak of one core through WebAssembly: chains of the product that the kernels use, in registers.
 * @param isa - `relaxed` for the relaxed dot product
 */
export const measurePeak = (isa?: string): Peak | undefined => {
  const step = isa === 'relaxed' ? RELAXED_DOT : DOT;
  const run = buildStep(step);
  return run === undefined ? undefined : { instruction: step.instruction, gmacs: (CHAINS * ROUNDS * step.macs) / (fastestCall(run) * 1e6) };
};
