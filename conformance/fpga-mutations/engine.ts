import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from '../../src/backends/fpga/index.ts';
import { at } from '../../src/support/index.ts';
import { type Outcome as PlantedOutcome, repositoryRoot, type Unchecked } from '../mutations/plant.ts';
import { type Bench, BENCH_NAMES, BENCHES } from './benches.ts';
import type { Mutation } from './mutation.ts';
import { expressionAt, PLANTED, weave } from './weave.ts';

/** The tests that fail; null when none does. */
export type Caught = string | null;
export type Outcome = PlantedOutcome<Mutation, Caught>;

/** Where the Verilog lies, relative to the repository. */
export const FPGA = 'src/backends/fpga';
/** What the tests read. */
const COPIED = ['src', 'conformance/fpga', 'tests/support', 'jest.config.mjs', 'package.json'];
/** Seconds of the tests without a bug, which build the simulator. */
const BUILD_SECONDS = 900;
/** A test with a bug that takes longer hangs, which is caught too. */
const HANG_SECONDS = 240;
const DOES_NOT_BUILD = 'FPG0031';

/** Stands in for verilator: what one call has built is kept for the next one with the same sources. */
const keeping = (verilator: string, folder: string): string => `#!/bin/sh
[ "$1" = --cc ] || exec '${verilator}' "$@"
kept='${folder}'/$({ printf '%s\\n' "$@"; cat ./*.v ./*.vh; } | sha256sum | cut -c1-64)
if [ ! -d "$kept" ]; then
  '${verilator}' "$@" -Wno-lint -Wno-style -Wno-fatal && mkdir -p '${folder}' && cp -r build "$kept"
else
  cp -r "$kept" build
fi
`;

interface JestResults {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** A copy of the repository as far as the tests need it, below tmp/. */
class Tree {
  private readonly folder: string;
  private readonly verilator: string;

  constructor(root: string) {
    mkdirSync(join(root, 'tmp'), { recursive: true });
    this.folder = mkdtempSync(join(root, 'tmp', 'fpga-mutations-'));
    for (const path of COPIED) cpSync(join(root, path), join(this.folder, path), { recursive: true, dereference: true });
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'), 'junction');
    const tool = findTool('verilator');
    this.verilator = join(this.folder, 'verilator.sh');
    writeFileSync(this.verilator, keeping(tool.ok ? tool.value.path : 'verilator', join(this.folder, 'kept')));
    chmodSync(this.verilator, 0o755);
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, FPGA, file), text);
  }

  /** Runs a bench with a bug, or with none for 0. @returns what fails, with the first message of it */
  run({ test, names }: Bench, number = 0): { readonly failing: readonly string[]; readonly message: string } {
    const results = join(this.folder, 'results.json');
    rmSync(results, { force: true });
    const jest = join(this.folder, 'node_modules', 'jest', 'bin', 'jest.js');
    const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest];
    const options = ['--runInBand', '--silent', '--json', '--outputFile', results, '--runTestsByPath', test];
    const named = names === undefined ? [] : ['--testNamePattern', names];
    // ends the simulators that the tests have started, too
    const limit = String(number === 0 ? BUILD_SECONDS : HANG_SECONDS);
    const ran = spawnSync('timeout', [limit, process.execPath, ...node, ...options, ...named], {
      cwd: this.folder,
      env: { ...process.env, VERILATOR: this.verilator, CORTEXC_CACHE: join(this.folder, 'cache'), [PLANTED]: String(number) },
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    });
    if (!existsSync(results)) return { failing: [`no answer in ${limit} s`], message: ran.error?.message ?? ran.stderr.slice(-600) };
    const { testResults } = JSON.parse(readFileSync(results, 'utf8')) as JestResults;
    const cases = testResults.flatMap((r) => r.assertionResults);
    const failed = cases.filter((c) => c.status === 'failed');
    if (failed.length > 0) return { failing: failed.map((c) => c.fullName), message: failed.flatMap((c) => c.failureMessages).join('\n') };
    if (cases.some((c) => c.status === 'passed')) return { failing: [], message: '' };
    return { failing: ['no test ran'], message: testResults.map((r) => r.message).join('\n') };
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const check = (
  root: string,
  tree: Tree,
  chosen: readonly Mutation[],
  tell: (outcome: Outcome, index: number) => void,
): readonly Outcome[] | Unchecked => {
  const sources = new Map(chosen.map(({ file }) => [file, readFileSync(join(root, FPGA, file), 'utf8')]));
  const sourceOf = ({ file }: Mutation): string => sources.get(file) ?? '';
  const stale = chosen.filter((m) => expressionAt(sourceOf(m), m) === undefined);
  if (stale.length > 0) {
    const where = (m: Mutation): string => `"${m.name}" no longer applies: its text does not stand exactly once in ${FPGA}/${m.file}`;
    return { problems: stale.map(where) };
  }
  const isWoven = (m: Mutation): boolean => BENCHES[m.bench].woven;
  for (const [file, text] of sources) {
    const bugs = new Map(chosen.flatMap((m, i) => (m.file === file && isWoven(m) ? [[i + 1, m] as const] : [])));
    if (bugs.size > 0) tree.write(file, weave(text, bugs));
  }
  const order = BENCH_NAMES.flatMap((name) => {
    const bugs = chosen.flatMap((m, i) => (m.bench === name ? [i] : []));
    return bugs.length === 0 ? [] : [{ bench: BENCHES[name] as Bench, bugs }];
  });
  const outcomes: Outcome[] = [];
  for (const { bench, bugs } of order) {
    const { failing, message } = tree.run(bench);
    if (failing.length > 0) return { problems: [`the sources fail without a planted bug: ${failing.join('; ')}\n${message}`] };
    for (const i of bugs) {
      const mutation = at(chosen, i);
      const started = Date.now();
      const at0 = expressionAt(sourceOf(mutation), mutation) ?? 0;
      const text = sourceOf(mutation);
      if (!bench.woven) tree.write(mutation.file, `${text.slice(0, at0)}${mutation.replace}${text.slice(at0 + mutation.find.length)}`);
      const found = tree.run(bench, i + 1);
      if (!bench.woven) tree.write(mutation.file, text);
      // what does not build shows nothing
      const caught = found.failing.length === 0 || found.message.includes(DOES_NOT_BUILD) ? null : found.failing.join('; ');
      const outcome = { mutation, caught, ms: Date.now() - started };
      outcomes.push(outcome);
      tell(outcome, outcomes.length - 1);
    }
  }
  return outcomes;
};

/** Plants each bug by itself in a copy of the Verilog and runs the tests of its bench there. */
export const checkMutations = (
  chosen: readonly Mutation[],
  tell: (outcome: Outcome, index: number) => void = () => undefined,
): readonly Outcome[] | Unchecked => {
  const root = repositoryRoot();
  const tree = new Tree(root);
  try {
    return check(root, tree, chosen, tell);
  } finally {
    tree.close();
  }
};
