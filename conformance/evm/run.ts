/**
 * State tests of Ethereum in an EVM with INFER: npm run evm-tests -- --dir FOLDER [--fork Istanbul,Cancun] [--match TEXT]. FOLDER holds
 * files of GeneralStateTests, at any depth. Exit status: 0 all have the root and the logs of Ethereum, 1 some have not, 2 wrong use.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Fork, FORKS, runCase, type StateTest } from './state-test.ts';

const MOST_TOLD = 40;
/** Files between two reports of progress. */
const FILES_EACH = 50;

const isFork = (name: string): name is Fork => Object.hasOwn(FORKS, name);

/** Files of state tests under a folder, in the order of their names. */
export const stateTestFiles = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json') && name.includes('GeneralStateTests'))
    .sort()
    .map((name) => join(folder, name));

export interface EvmTally {
  readonly passed: number;
  readonly problems: readonly string[];
}

/** Runs all cases of a file for some hard forks. */
export const runFile = async (path: string, forks: readonly Fork[]): Promise<EvmTally> => {
  const tests = JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, StateTest>>;
  const problems: string[] = [];
  let passed = 0;
  for (const [name, test] of Object.entries(tests))
    for (const fork of forks)
      for (const [i, post] of (test.post[fork] ?? []).entries()) {
        const problem = await runCase(test, fork, post);
        if (problem === undefined) passed++;
        else problems.push(`${name} ${fork} ${i}: ${problem}`);
      }
  return { passed, problems };
};

const main = async (): Promise<number> => {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { dir: text, fork: text, match: text } });
  const forks = (values.fork ?? 'Istanbul,Cancun').split(',').filter(isFork);
  if (values.dir === undefined || forks.length === 0) {
    process.stderr.write('use: npm run evm-tests -- --dir FOLDER [--fork Istanbul,Cancun] [--match TEXT]\n');
    return 2;
  }
  const files = stateTestFiles(values.dir).filter((f) => f.includes(values.match ?? ''));
  let passed = 0;
  const problems: string[] = [];
  for (const [i, file] of files.entries()) {
    const done = await runFile(file, forks);
    passed += done.passed;
    problems.push(...done.problems);
    if (i % FILES_EACH === FILES_EACH - 1) process.stderr.write(`${i + 1} of ${files.length} files, ${passed} cases passed\n`);
  }
  for (const p of problems.slice(0, MOST_TOLD)) process.stdout.write(`${p}\n`);
  process.stdout.write(`${passed} passed, ${problems.length} failed, hard forks ${forks.join(', ')}, ${files.length} files\n`);
  return problems.length > 0 || passed === 0 ? 1 : 0;
};

if (import.meta.filename === process.argv[1]) process.exitCode = await main();
