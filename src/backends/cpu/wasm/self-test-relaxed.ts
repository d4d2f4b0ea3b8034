import type { EngineProbe } from '../../backend.ts';
import { allocateMemory, compileModule, instantiate } from './runtime/engine.ts';
import { WasmMachine } from './wasm-machine.ts';

const FEATURE = 'relaxed-simd dot product';

/**
 * dot(): memory[48..64) = memory[32..48) + i32x4.relaxed_dot_i8x16_i7x16_add_s(memory[0..16), memory[16..32)).
 * While all lanes of the second operand lie in 0..127 the specification leaves no choice (NUMERICS §3), so an engine that
 * gives anything else is wrong. V8 11.3 (Node 20) doubles the products in its baseline tier and not in its optimizing one.
 */
const dotModule = (): Uint8Array => {
  const m = new WasmMachine();
  const operands = [0, 16, 32].map((address) => m.vectorLoad('load', 0, m.constant('i32', address)));
  const sum = m.op('i32x4', 'relaxed_dot_i8x16_i7x16_add_s', operands);
  const store = m.vectorStore(0, m.constant('i32', 48), sum);
  m.define({ name: 'dot', params: [], result: undefined, locals: [], statements: [store], value: undefined });
  return m.finish(['dot']);
};

/** Operands a (i8), b (0..127) and c (i32) of one call; lanes repeat as needed. */
interface DotCase {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly c: readonly number[];
}

/** 1 * 1 four times is 4, -128 * 127 four times -65024 (NUMERICS §8 C); ends of the domain; lanes that differ; wrapping sums. */
const CASES: readonly DotCase[] = [
  { a: [1], b: [1], c: [0] },
  { a: [-128], b: [127], c: [0] },
  { a: [127], b: [127], c: [0] },
  { a: [-128, 127], b: [63, 1], c: [1000, -1000, 0, 7] },
  {
    a: [1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12, 13, -14, 15, -16],
    b: [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 127, 64, 32, 96, 100],
    c: [0],
  },
  { a: [127], b: [127], c: [2 ** 31 - 1] },
];

const repeated = (list: readonly number[], i: number): number => list[i % list.length] ?? 0;

/** Lane k is c[k] plus the products of lanes 4k to 4k + 3, modulo 2^32. */
const dotOf = ({ a, b, c }: DotCase): readonly number[] =>
  [0, 1, 2, 3].map((lane) =>
    [0, 1, 2, 3].reduce((sum, i) => (sum + repeated(a, 4 * lane + i) * repeated(b, 4 * lane + i)) | 0, repeated(c, lane)),
  );

/** Enough calls for the optimizing tier of engines to take over, which it does in the background. */
const WARM_CALLS = 20_000;

const unusable = (reason: string): EngineProbe => ({ feature: FEATURE, usable: false, reason });

/** Calls over all cases in turn; what the first wrong one gives. */
const firstWrong = (memory: ArrayBufferLike, dot: () => unknown, calls: number): string | undefined => {
  const [bytes, words] = [new Int8Array(memory), new Int32Array(memory)];
  const wanted = CASES.map(dotOf);
  for (let call = 0; call < calls; call++) {
    const n = call % CASES.length;
    const [c, right] = [CASES[n], wanted[n]];
    if (c === undefined || right === undefined) continue;
    for (let i = 0; i < 16; i++) {
      bytes[i] = repeated(c.a, i);
      bytes[16 + i] = repeated(c.b, i);
    }
    for (let i = 0; i < 4; i++) words[8 + i] = repeated(c.c, i);
    dot();
    const got = [...words.subarray(12, 16)];
    if (got.some((v, i) => v !== right[i])) return `gives ${got.join(', ')} where ${right.join(', ')} is right`;
  }
  return undefined;
};

/**
 * Tries the relaxed dot product in a fresh instance: cold, where the baseline tier runs it, then warm. Both tiers have to
 * be right, since which of them runs is up to the engine.
 */
export const probeRelaxedDot = (): EngineProbe => {
  const compiled = compileModule(dotModule());
  if ('refusal' in compiled) return unusable(`the engine does not have it: ${compiled.refusal}`);
  const memory = allocateMemory(1);
  if (memory === undefined) return unusable('there is no memory for the test');
  const dot = instantiate(compiled.module, memory).get('dot');
  if (dot === undefined) return unusable('the test module has no function');
  const cold = firstWrong(memory.buffer, dot, CASES.length);
  if (cold !== undefined) return unusable(`the first call ${cold}`);
  const warm = firstWrong(memory.buffer, dot, WARM_CALLS);
  return warm === undefined ? { feature: FEATURE, usable: true } : unusable(`a later call ${warm}`);
};
