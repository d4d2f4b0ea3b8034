import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpName } from '../../src/ir/index.ts';
import type { Mutation } from './mutations.ts';
import { writeSource, writeTree } from './tree.ts';

export const STAGES = ['golden', 'samples', 'vectors', 'fuzz'] as const;
export type Stage = (typeof STAGES)[number];
/** What each stage caught; null for nothing. */
type Caught = Readonly<Record<Stage, string | null>>;

export interface Outcome {
  readonly mutation: Mutation;
  readonly caught: Caught;
  readonly ms: number;
}

/** A check that takes longer hangs, which is caught too. */
const HANG_MS = 240_000;
const LOWERING = 'src/backends/cpu/simd';
/** Only the fuzzer is not part of every test run. */
export const SUITE: readonly Stage[] = ['golden', 'samples', 'vectors'];

/** The folder with package.json, above both sources and dist. */
export const repositoryRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
};

/** The file with the bug; undefined when `find` does not stand there exactly once. */
export const planted = (text: string, { find, replace }: Mutation): string | undefined => {
  const at = text.indexOf(find);
  return at < 0 || text.includes(find, at + 1) ? undefined : text.slice(0, at) + replace + text.slice(at + find.length);
};

const everyStage = (text: string): Caught => ({ golden: text, samples: text, vectors: text, fuzz: text });

const runCheck = (root: string, tree: string, ops: readonly OpName[]): Caught => {
  const script = join(tree, 'conformance', 'mutations', 'check.js');
  const result = spawnSync(process.execPath, [script, join(root, 'conformance', 'golden'), ops.join(',')], {
    encoding: 'utf8',
    timeout: HANG_MS,
    maxBuffer: 2 ** 26,
  });
  if (result.error !== undefined) return everyStage(`no answer: ${result.error.message}`);
  const line = result.stdout.trim().split('\n').at(-1) ?? '';
  if (result.status !== 0 || !line.startsWith('{')) return everyStage(`exit status ${result.status}: ${result.stderr.trim().slice(-300)}`);
  return JSON.parse(line) as Caught;
};

export const survives = ({ caught }: Outcome): boolean => SUITE.every((stage) => caught[stage] === null);

/** Why nothing could be checked: mutations that no longer apply, or sources that fail as they are. */
export interface Unchecked {
  readonly problems: readonly string[];
}

const checkIn = (
  root: string,
  tree: string,
  chosen: readonly Mutation[],
  tell: (outcome: Outcome, index: number) => void,
): readonly Outcome[] | Unchecked => {
  const sources = new Map(chosen.map((m) => [m.file, readFileSync(join(root, LOWERING, m.file), 'utf8')]));
  const stale = chosen.filter((m) => planted(sources.get(m.file) ?? '', m) === undefined);
  if (stale.length > 0) {
    const where = (m: Mutation): string => `"${m.name}" no longer applies: its text does not stand exactly once in ${LOWERING}/${m.file}`;
    return { problems: stale.map(where) };
  }
  writeTree(root, tree, ['src', 'conformance']);
  const sound = runCheck(root, tree, [...new Set(chosen.flatMap((m) => m.ops))]);
  const wrong = STAGES.find((stage) => sound[stage] !== null);
  if (wrong !== undefined) return { problems: [`the sources fail without a planted bug (${wrong}): ${sound[wrong] ?? ''}`] };
  return chosen.map((mutation, i) => {
    const path = `${LOWERING}/${mutation.file}`;
    const text = sources.get(mutation.file) ?? '';
    const started = Date.now();
    writeSource(tree, path, planted(text, mutation) ?? text);
    const caught = runCheck(root, tree, mutation.ops);
    writeSource(tree, path, text);
    const outcome = { mutation, caught, ms: Date.now() - started };
    tell(outcome, i);
    return outcome;
  });
};

/** Plants each mutation by itself in a temporary copy of the sources below tmp/ and runs the checks of its ops. */
export const checkMutations = (
  chosen: readonly Mutation[],
  tell: (outcome: Outcome, index: number) => void = () => undefined,
): readonly Outcome[] | Unchecked => {
  const root = repositoryRoot();
  mkdirSync(join(root, 'tmp'), { recursive: true });
  const tree = mkdtempSync(join(root, 'tmp', 'mutations-'));
  try {
    return checkIn(root, tree, chosen, tell);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
};
