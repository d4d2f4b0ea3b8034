import { type Executable, loadBackend } from '../../src/backends/index.ts';
import { DTYPE_INFO, type Program, type Tensor } from '../../src/ir/index.ts';
import { batchProgram } from '../../src/passes/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { BACKEND_NAMES } from '../models.ts';
import type { Contender } from './interleave.ts';
import { digestOf } from './prepare.ts';

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

/** A program of ours, compiled. */
export interface Ours extends Contender {
  readonly executable: Executable;
  /** Runs once more and tells whether each sample's results are the expected ones. */
  readonly isExact: () => boolean;
  readonly close: () => void;
}

/** Tensors behind each other along the first axis. */
const stack = (tensors: readonly Tensor[]): Tensor => {
  const { dtype, shape, data } = at(tensors, 0);
  const all = DTYPE_INFO[dtype].make(data.length * tensors.length);
  tensors.forEach((t, i) => all.set(t.data, i * data.length));
  return { dtype, shape: [at(shape, 0) * tensors.length, ...shape.slice(1)], data: all };
};

/** The results of sample k of `count`. */
const part = ({ dtype, shape, data }: Tensor, k: number, count: number): Tensor => {
  const size = data.length / count;
  return { dtype, shape: [at(shape, 0) / count, ...shape.slice(1)], data: data.slice(k * size, (k + 1) * size) };
};

const milliseconds = (action: () => void): number => {
  const started = performance.now();
  action();
  return performance.now() - started;
};

/**
 * Compiles a program for a target, over several samples at once if `batch` says so.
 * @param expected - digest of the results of each sample
 * @throws {Error} when the program cannot be batched or compiled
 */
export const compileOurs = async (
  program: Program,
  { target, threads, batch }: Spec,
  samples: readonly (readonly Tensor[])[],
  expected: readonly string[],
): Promise<Ours> => {
  const batched = batch === 1 ? program : batchProgram(program, batch);
  if ('reason' in batched) throw new Error(`no batch: ${batched.place}: ${batched.reason}`);
  const executable = unwrap(unwrap(await loadBackend(target)).compile(batched, { threads }));
  const taken = samples.slice(0, batch);
  const inputs = batch === 1 ? at(samples, 0) : at(taken, 0).map((_, i) => stack(taken.map((s) => at(s, i))));
  return {
    name: target,
    executable,
    times: (runs) => Promise.resolve(Array.from({ length: runs }, () => milliseconds(() => executable.run(inputs)))),
    isExact: () => {
      const results = executable.run(inputs);
      return taken.every((_, k) => digestOf(results.map((r) => part(r, k, batch))) === at(expected, k));
    },
    close: () => executable.close?.(),
  };
};

/** Digests of the results of some samples, one after another on WebAssembly; the first is compared with the reference by the caller. */
export const digestsOf = async (program: Program, samples: readonly (readonly Tensor[])[]): Promise<readonly string[]> => {
  const executable = unwrap(unwrap(await loadBackend('wasm')).compile(program));
  const digests = samples.map((inputs) => digestOf(executable.run(inputs)));
  executable.close?.();
  return digests;
};
