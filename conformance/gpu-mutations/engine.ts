import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../mutations/engine.ts';
import { writeTree } from '../mutations/tree.ts';
import type { Mutation } from './mutations.ts';
import { NETWORKS, type NetworkName } from './testing/networks.ts';

export interface Outcome {
  readonly mutation: Mutation;
  /** How it shows; null when it does not. */
  readonly caught: string | null;
  readonly ms: number;
}

/** Why nothing could be checked: mutations that no longer apply, or kernels that fail as they are. */
export interface Unchecked {
  readonly problems: readonly string[];
}

/** A kernel that never ends is caught too. */
const HANG_MS = 240_000;
const KERNELS = 'src/backends/gpu/cuda/kernels';
/** C and C++ that a tree needs beside its JavaScript. */
const FOLDERS = [KERNELS, 'src/backends/gpu/shim/c', 'src/backends/gpu/cuda/runner', 'src/backends/cpu/native/c'];

export const kernelText = (root: string, file: string): string => readFileSync(join(root, KERNELS, file), 'utf8');

/** The kernel with the bug; undefined when `find` does not stand there exactly once. */
export const planted = (text: string, { find, replace }: Mutation): string | undefined => {
  const at = text.indexOf(find);
  return at < 0 || text.includes(find, at + 1) ? undefined : text.slice(0, at) + replace + text.slice(at + find.length);
};

const runCheck = (root: string, tree: string, networks: readonly NetworkName[]): string | null => {
  const script = join(tree, 'conformance', 'gpu-mutations', 'testing', 'check.js');
  const kept = join(root, 'build', 'gpu-mutations');
  const result = spawnSync(process.execPath, [script, kept, networks.join(',')], {
    encoding: 'utf8',
    timeout: HANG_MS,
    maxBuffer: 2 ** 26,
  });
  if (result.error !== undefined) return `no answer: ${result.error.message}`;
  const line = result.stdout.trim().split('\n').at(-1) ?? '';
  if (result.status !== 0 || !line.startsWith('{'))
    return `exit status ${result.status ?? result.signal ?? '?'}: ${result.stderr.trim().slice(-300)}`;
  return (JSON.parse(line) as { readonly caught: string | null }).caught;
};

const checkIn = (
  root: string,
  tree: string,
  chosen: readonly Mutation[],
  tell: (outcome: Outcome, index: number) => void,
): readonly Outcome[] | Unchecked => {
  const stale = chosen.filter((m) => planted(kernelText(root, m.file), m) === undefined);
  if (stale.length > 0)
    return { problems: stale.map((m) => `"${m.name}" no longer applies: its text does not stand exactly once in ${KERNELS}/${m.file}`) };
  writeTree(root, tree, ['src', 'conformance']);
  for (const folder of FOLDERS) cpSync(join(root, folder), join(tree, folder), { recursive: true });
  const used = new Set(chosen.flatMap((m) => m.networks));
  const wrong = runCheck(
    root,
    tree,
    NETWORKS.filter((n) => used.has(n)),
  );
  if (wrong !== null) return { problems: [`the kernels fail without a planted bug: ${wrong}`] };
  return chosen.map((mutation, i) => {
    const path = join(tree, KERNELS, mutation.file);
    const text = kernelText(root, mutation.file);
    const started = Date.now();
    writeFileSync(path, planted(text, mutation) ?? text);
    const caught = runCheck(root, tree, mutation.networks);
    writeFileSync(path, text);
    const outcome = { mutation, caught, ms: Date.now() - started };
    tell(outcome, i);
    return outcome;
  });
};

/** Plants each bug by itself in a temporary copy of the kernels below tmp/ and runs its networks through the shim. */
export const checkMutations = (
  chosen: readonly Mutation[],
  tell: (outcome: Outcome, index: number) => void = () => undefined,
): readonly Outcome[] | Unchecked => {
  const root = repositoryRoot();
  mkdirSync(join(root, 'tmp'), { recursive: true });
  const tree = mkdtempSync(join(root, 'tmp', 'gpu-mutations-'));
  try {
    return checkIn(root, tree, chosen, tell);
  } finally {
    rmSync(tree, { recursive: true, force: true });
    rmSync(join(root, 'build', 'gpu-mutations'), { recursive: true, force: true });
  }
};
