/**
 * Mutation check: npm run mutations -- [--only TEXT] [--quick] [--json]. Plants one bug at a time in a copy of the sources
 * and shows which stage of the suite catches it: golden cases, op samples, conformance vectors, random programs.
 * Exit status: 0 all are caught by the golden cases, samples or vectors, 1 one survives, 2 wrong use or a mutation that no
 * longer applies.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { OpName } from '../../src/ir/index.ts';
import { type Mutation, MUTATIONS, QUICK } from './mutations.ts';
import { writeSource, writeTree } from './tree.ts';

const STAGES = ['golden', 'samples', 'vectors', 'fuzz'] as const;
type Stage = (typeof STAGES)[number];
/** What each stage caught; null for nothing. */
type Caught = Readonly<Record<Stage, string | null>>;

interface Outcome {
  readonly mutation: Mutation;
  readonly caught: Caught;
  readonly ms: number;
}

/** A check that takes longer hangs, which is caught too. */
const HANG_MS = 240_000;
const WASM = 'src/backends/cpu/wasm';
/** Only the fuzzer is not part of every test run. */
const SUITE: readonly Stage[] = ['golden', 'samples', 'vectors'];

/** The folder with package.json, above both sources and dist. */
const repositoryRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
};

/** The file with the bug; undefined when `find` does not stand there exactly once. */
const planted = (text: string, { find, replace }: Mutation): string | undefined => {
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

const survives = ({ caught }: Outcome): boolean => SUITE.every((stage) => caught[stage] === null);

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const table = (outcomes: readonly Outcome[]): string => {
  const width = outcomes.reduce((n, o) => Math.max(n, o.mutation.name.length), 0);
  const cells = (name: string, marks: readonly string[], rest: string): string =>
    `${name.padEnd(width)}  ${marks.map((m) => m.padEnd(8)).join('')}  ${rest}`;
  const rows = outcomes.map((o) => {
    const what = [...SUITE, 'fuzz' as const].map((stage) => o.caught[stage]).find((text) => text !== null);
    const marks = STAGES.map((stage) => (o.caught[stage] === null ? '-' : 'caught'));
    return cells(o.mutation.name, marks, survives(o) ? 'SURVIVES' : (what ?? '').slice(0, 90));
  });
  return [cells('planted bug', STAGES, 'first catch'), ...rows].join('\n');
};

const selectMutations = (args: readonly string[]): { readonly chosen: readonly Mutation[]; readonly json: boolean } | undefined => {
  try {
    const options = { only: { type: 'string' }, quick: { type: 'boolean' }, json: { type: 'boolean' } } as const;
    const { values } = parseArgs({ args: [...args], options });
    const chosen = MUTATIONS.filter(
      (m) => (values.quick !== true || QUICK.includes(m.name)) && (values.only === undefined || m.name.includes(values.only)),
    );
    return chosen.length === 0 ? undefined : { chosen, json: values.json === true };
  } catch {
    return undefined;
  }
};

const checkMutations = (root: string, tree: string, chosen: readonly Mutation[]): readonly Outcome[] | undefined => {
  const sources = new Map(chosen.map((m) => [m.file, readFileSync(join(root, WASM, m.file), 'utf8')]));
  const stale = chosen.filter((m) => planted(sources.get(m.file) ?? '', m) === undefined);
  for (const m of stale) say(`"${m.name}" no longer applies: its text does not stand exactly once in ${WASM}/${m.file}`);
  if (stale.length > 0) return undefined;
  writeTree(root, tree, ['src', 'conformance']);
  const sound = runCheck(root, tree, [...new Set(chosen.flatMap((m) => m.ops))]);
  const wrong = STAGES.find((stage) => sound[stage] !== null);
  if (wrong !== undefined) {
    say(`the sources fail without a planted bug (${wrong}): ${sound[wrong] ?? ''}`);
    return undefined;
  }
  return chosen.map((mutation, i) => {
    const path = `${WASM}/${mutation.file}`;
    const text = sources.get(mutation.file) ?? '';
    const started = Date.now();
    writeSource(tree, path, planted(text, mutation) ?? text);
    const caught = runCheck(root, tree, mutation.ops);
    writeSource(tree, path, text);
    const ms = Date.now() - started;
    say(
      `${i + 1}/${chosen.length} ${mutation.name}: ${STAGES.filter((s) => caught[s] !== null).join(', ') || 'not caught'} (${(ms / 1000).toFixed(1)} s)`,
    );
    return { mutation, caught, ms };
  });
};

const main = (): number => {
  const selected = selectMutations(process.argv.slice(2));
  if (selected === undefined) {
    say('usage: npm run mutations -- [--only TEXT] [--quick] [--json]');
    return 2;
  }
  const root = repositoryRoot();
  mkdirSync(join(root, 'tmp'), { recursive: true });
  const tree = mkdtempSync(join(root, 'tmp', 'mutations-'));
  try {
    const outcomes = checkMutations(root, tree, selected.chosen);
    if (outcomes === undefined) return 2;
    const left = outcomes.filter(survives);
    if (selected.json) {
      const rows = outcomes.map((o) => ({ name: o.mutation.name, file: o.mutation.file, ops: o.mutation.ops, caught: o.caught, ms: o.ms }));
      process.stdout.write(`${JSON.stringify({ mutations: rows, survivors: left.map((o) => o.mutation.name) })}\n`);
    } else process.stdout.write(`${table(outcomes)}\n\n${outcomes.length} planted, ${outcomes.length - left.length} caught\n`);
    return left.length === 0 ? 0 : 1;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
};

process.exitCode = main();
