import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  answerOf,
  type Outcome as PlantedOutcome,
  plantEach,
  type PlantedSuite,
  repositoryRoot,
  type Unchecked,
} from '../mutations/plant.ts';
import { writeTree } from '../mutations/tree.ts';
import type { Mutation } from './mutations.ts';
import { NETWORKS } from './testing/networks.ts';

/** How it shows; null when it does not. */
export type Caught = string | null;
export type Outcome = PlantedOutcome<Mutation, Caught>;

/** Where the kernels lie, relative to the repository. */
export const KERNELS = 'src/backends/gpu/cuda/kernels';
/** C and C++ that a tree needs beside its JavaScript. */
const FOLDERS = [KERNELS, 'src/backends/gpu/shim/c', 'src/backends/gpu/cuda/runner', 'src/backends/cpu/native/c'];
/** Where built files are kept between checks. */
const keptIn = (root: string): string => join(root, 'build', 'gpu-mutations');

const SUITE: PlantedSuite<Mutation, Caught> = {
  name: 'gpu-mutations',
  folder: KERNELS,
  copy: (root, tree) => {
    writeTree(root, tree, ['src', 'conformance']);
    for (const folder of FOLDERS) cpSync(join(root, folder), join(tree, folder), { recursive: true });
  },
  write: (tree, path, text) => writeFileSync(join(tree, path), text),
  check: (root, tree, mutations) => {
    const used = new Set(mutations.flatMap((m) => m.networks));
    const script = join(tree, 'conformance', 'gpu-mutations', 'testing', 'check.js');
    const answer = answerOf(script, [keptIn(root), NETWORKS.filter((n) => used.has(n)).join(',')]);
    return 'failed' in answer ? answer.failed : (answer.json as { readonly caught: Caught }).caught;
  },
  failure: (caught) => caught ?? undefined,
};

/** Plants each bug by itself in a copy of the kernels and runs its networks through the shim. */
export const checkMutations = (
  chosen: readonly Mutation[],
  tell?: (outcome: Outcome, index: number) => void,
): readonly Outcome[] | Unchecked => {
  try {
    return plantEach(SUITE, chosen, tell);
  } finally {
    rmSync(keptIn(repositoryRoot()), { recursive: true, force: true });
  }
};
