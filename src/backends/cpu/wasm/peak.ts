import { invariant } from '../../../support/index.ts';
import type { Peak } from '../../backend.ts';
import { allocateMemory, compileModule, instantiate } from './runtime/engine.ts';
import { toolchain } from './toolchain.ts';

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
  /** WebAssembly text of the next sum from the one before. It depends on the sum, so that the engine cannot move it out of the loop. */
  readonly next: (sum: string) => string;
}

const DOT: Step = {
  instruction: 'i32x4.dot_i16x8_s',
  macs: 8,
  next: (sum) => `(i32x4.add ${sum} (i32x4.dot_i16x8_s ${sum} (local.get $y)))`,
};

const RELAXED_DOT: Step = {
  instruction: 'i32x4.relaxed_dot_i8x16_i7x16_add_s',
  macs: 16,
  next: (sum) => `(i32x4.relaxed_dot_i8x16_i7x16_add_s ${sum} (local.get $y) ${sum})`,
};

/** run(): ROUNDS times CHAINS products, in registers; the sums are stored at the end, so that they count. */
const moduleText = ({ next }: Step): string => {
  const chains = Array.from({ length: CHAINS }, (_, k) => k);
  const sum = (k: number): string => `(local.get $s${k})`;
  return `(module
  (import "env" "memory" (memory 1 1))
  (func (export "run") (local $i i32) (local $y v128) ${chains.map((k) => `(local $s${k} v128)`).join(' ')}
    (local.set $y (v128.load (i32.const 0)))
    ${chains.map((k) => `(local.set $s${k} (v128.load (i32.const ${16 * (k + 1)})))`).join('\n    ')}
    (loop $again
      ${chains.map((k) => `(local.set $s${k} ${next(sum(k))})`).join('\n      ')}
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const ${ROUNDS}))))
    ${chains.map((k) => `(v128.store (i32.const ${16 * (k + 1)}) ${sum(k)})`).join('\n    ')}))`;
};

const buildStep = (step: Step): (() => void) | undefined => {
  const binaryen = toolchain();
  const module = binaryen.parseText(moduleText(step));
  module.setFeatures(binaryen.Features.SIMD128 | binaryen.Features.RelaxedSIMD);
  const binary = module.emitBinary();
  module.dispose();
  const memory = allocateMemory(1);
  const compiled = compileModule(binary);
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
 * The multiply-accumulate peak of one core through WebAssembly: chains of the product that the kernels use, in registers. Needs
 * `prepareToolchain`.
 * @param isa - `relaxed` for the relaxed dot product
 */
export const measurePeak = (isa?: string): Peak | undefined => {
  const step = isa === 'relaxed' ? RELAXED_DOT : DOT;
  const run = buildStep(step);
  return run === undefined ? undefined : { instruction: step.instruction, gmacs: (CHAINS * ROUNDS * step.macs) / (fastestCall(run) * 1e6) };
};
