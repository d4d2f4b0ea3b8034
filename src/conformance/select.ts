import { cpus } from 'node:os';
import type { OpName } from '../ir/index.ts';
import { sha256Hex } from '../support/index.ts';
import type { VectorCase } from './case.ts';
import { candidatesOfFamily, FAMILIES_OF_VECTORS, type VectorSet } from './vectors.ts';

export interface Selection {
  readonly cases: readonly VectorCase[];
  /** Cases of the ops in the set. */
  readonly available: number;
}

/** A number below 2^32 that depends on the id alone and is spread evenly. */
const rankOf = (id: string): number => Number.parseInt(sha256Hex(id).slice(0, 8), 16);

/**
 * The committed cases of the given ops, named cases included, in the order of the files.
 * @param sample - about as many are taken, always the same ones: those of least hash; all when undefined
 */
export const selectCases = (set: VectorSet, ops: readonly OpName[], sample?: number): Selection => {
  const wanted = new Set(ops);
  const all = FAMILIES_OF_VECTORS.filter((f) => !('op' in f) || wanted.has(f.op))
    .flatMap(candidatesOfFamily)
    .filter((c) => wanted.has(c.shape.op) && set.digests.has(c.id));
  if (sample === undefined || sample >= all.length) return { cases: all, available: all.length };
  const limit = (2 ** 32 * sample) / all.length;
  return { cases: all.filter((c) => rankOf(c.id) < limit), available: all.length };
};

/** What a report says about the machine. */
export const machineFacts = (): Readonly<Record<string, string | number>> => ({
  node: process.versions.node,
  v8: process.versions.v8,
  system: `${process.platform} ${process.arch}`,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
});
