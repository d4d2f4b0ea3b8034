import { type Executable, loadBackend } from '../../src/backends/index.ts';
import { DTYPE_INFO, type Tensor } from '../../src/ir/index.ts';
import { batchProgram } from '../../src/passes/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { BACKEND_NAMES } from '../models.ts';
import type { Contender } from './interleave.ts';
import { bytesOf, type Checked, type SampleBytes } from './expected.ts';

/** The backends that this bench is about. */
export const TARGETS = ['native', 'wasm'] as const;
export type Target = (typeof TARGETS)[number];

/** Why a backend cannot be measured. */
export const absence = (target: Target): string | undefined =>
  BACKEND_NAMES.includes(target) ? undefined : `backend ${target} is not there`;

export interface Spec {
  readonly target: Target;
  readonly threads: number;
  readonly batch: number;
}

/** How many runs there were, and how many gave other bytes than the reference. */
export interface Verdict {
  readonly runs: number;
  readonly wrong: number;
}

/** A program of ours, compiled. */
export interface Ours extends Contender {
  readonly target: Target;
  readonly executable: Executable;
  /** Of all runs so far: each one is compared, beside its clock. */
  readonly verdict: () => Verdict;
  readonly close: () => void;
}

/** Tensors behind each other along the first axis. */
const stack = (tensors: readonly Tensor[]): Tensor => {
  const { dtype, shape, data } = at(tensors, 0);
  const all = DTYPE_INFO[dtype].make(data.length * tensors.length);
  tensors.forEach((t, i) => all.set(t.data, i * data.length));
  return { dtype, shape: [at(shape, 0) * tensors.length, ...shape.slice(1)], data: all };
};

/** The batch's results: those of its samples behind each other, output by output. */
const expectedOf = (results: readonly SampleBytes[]): readonly Buffer[] =>
  at(results, 0).map((_, output) => Buffer.concat(results.map((r) => at(r, output))));

/**
 * Compiles a program for a target, over several samples at once if `batch` says so.
 * @param expected - bytes of the reference's results for each sample; samples and results repeat where the batch is larger
 * @throws {Error} when the program cannot be batched or compiled
 */
export const compileOurs = async ({ program, samples, expected }: Checked, { target, threads, batch }: Spec): Promise<Ours> => {
  const batched = batch === 1 ? program : batchProgram(program, batch);
  if ('reason' in batched) throw new Error(`no batch: ${batched.place}: ${batched.reason}`);
  const executable = unwrap(unwrap(await loadBackend(target)).compile(batched, { threads }));
  const taken = Array.from({ length: batch }, (_, k) => k % expected.length);
  const inputs = batch === 1 ? at(samples, 0) : at(samples, 0).map((_, i) => stack(taken.map((k) => at(at(samples, k), i))));
  const wanted = expectedOf(taken.map((k) => at(expected, k)));
  let [runs, wrong] = [0, 0];
  const once = (): number => {
    const started = performance.now();
    const results = executable.run(inputs);
    const ms = performance.now() - started;
    runs++;
    const same = results.length === wanted.length && results.every((r, i) => wanted[i]?.equals(bytesOf(r)) === true);
    if (!same) wrong++;
    return ms;
  };
  return {
    name: target,
    target,
    executable,
    times: (count) => Promise.resolve(Array.from({ length: count }, once)),
    verdict: () => ({ runs, wrong }),
    close: () => executable.close?.(),
  };
};
