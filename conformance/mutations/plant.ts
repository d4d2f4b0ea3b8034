import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A bug to plant: `find` stands exactly once in the file. */
export interface Bug {
  readonly name: string;
  /** Relative to the folder of its suite. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Outcome<M extends Bug, C> {
  readonly mutation: M;
  readonly caught: C;
  readonly ms: number;
}

/** Why nothing could be checked: mutations that no longer apply, or sources that fail as they are. */
export interface Unchecked {
  readonly problems: readonly string[];
}

/** How bugs of one kind are planted and looked for. */
export interface PlantedSuite<M extends Bug, C> {
  /** Begins the name of the temporary copy below tmp/. */
  readonly name: string;
  /** The sources that bugs are planted in, relative to the repository. */
  readonly folder: string;
  /** Writes the copy. */
  readonly copy: (root: string, tree: string) => void;
  /** Writes one file of the copy; `path` is relative to the repository. */
  readonly write: (tree: string, path: string, text: string) => void;
  /** Runs the checks of these bugs in the copy. */
  readonly check: (root: string, tree: string, mutations: readonly M[]) => C;
  /** What the checks found without any bug; undefined for nothing. */
  readonly failure: (caught: C) => string | undefined;
}

/** A check that takes longer hangs, which is caught too. */
const HANG_MS = 240_000;

/** The folder with package.json, above both sources and dist. */
export const repositoryRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
};

/** The file with the bug; undefined when `find` does not stand there exactly once. */
export const planted = (text: string, { find, replace }: Bug): string | undefined => {
  const at = text.indexOf(find);
  return at < 0 || text.includes(find, at + 1) ? undefined : text.slice(0, at) + replace + text.slice(at + find.length);
};

/** The last line that a script prints, as JSON; how it failed when it prints none. */
export const answerOf = (script: string, args: readonly string[]): { readonly json: unknown } | { readonly failed: string } => {
  const result = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', timeout: HANG_MS, maxBuffer: 2 ** 26 });
  if (result.error !== undefined) return { failed: `no answer: ${result.error.message}` };
  const line = result.stdout.trim().split('\n').at(-1) ?? '';
  if (result.status === 0 && line.startsWith('{')) return { json: JSON.parse(line) };
  return { failed: `exit status ${result.status ?? result.signal ?? '?'}: ${result.stderr.trim().slice(-300)}` };
};

const plantIn = <M extends Bug, C>(
  suite: PlantedSuite<M, C>,
  root: string,
  tree: string,
  chosen: readonly M[],
  tell: (outcome: Outcome<M, C>, index: number) => void,
): readonly Outcome<M, C>[] | Unchecked => {
  const sources = new Map(chosen.map((m) => [m.file, readFileSync(join(root, suite.folder, m.file), 'utf8')]));
  const stale = chosen.filter((m) => planted(sources.get(m.file) ?? '', m) === undefined);
  if (stale.length > 0) {
    const where = (m: M): string => `"${m.name}" no longer applies: its text does not stand exactly once in ${suite.folder}/${m.file}`;
    return { problems: stale.map(where) };
  }
  suite.copy(root, tree);
  const wrong = suite.failure(suite.check(root, tree, chosen));
  if (wrong !== undefined) return { problems: [`the sources fail without a planted bug: ${wrong}`] };
  return chosen.map((mutation, i) => {
    const path = `${suite.folder}/${mutation.file}`;
    const text = sources.get(mutation.file) ?? '';
    const started = Date.now();
    suite.write(tree, path, planted(text, mutation) ?? text);
    const caught = suite.check(root, tree, [mutation]);
    suite.write(tree, path, text);
    const outcome = { mutation, caught, ms: Date.now() - started };
    tell(outcome, i);
    return outcome;
  });
};

/** Plants each mutation by itself in a temporary copy below tmp/ and runs its checks. */
export const plantEach = <M extends Bug, C>(
  suite: PlantedSuite<M, C>,
  chosen: readonly M[],
  tell: (outcome: Outcome<M, C>, index: number) => void = () => undefined,
): readonly Outcome<M, C>[] | Unchecked => {
  const root = repositoryRoot();
  mkdirSync(join(root, 'tmp'), { recursive: true });
  const tree = mkdtempSync(join(root, 'tmp', `${suite.name}-`));
  try {
    return plantIn(suite, root, tree, chosen, tell);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
};
