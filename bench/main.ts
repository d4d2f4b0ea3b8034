import { attempt, type Bench, formatRow, type Row, ROW_HEADER, summarize } from './rows.ts';
import { dataFolder } from './data.ts';
import { SUITES } from './suites/index.ts';

const words = process.argv.slice(2);
const flags = words.filter((w) => w.startsWith('--'));
const names = words.filter((w) => !w.startsWith('--'));
const only = flags.filter((f) => f.startsWith('--only=')).map((f) => f.slice('--only='.length));
const known = (flag: string): boolean => ['--quick', '--json', '--prepare'].includes(flag) || flag.startsWith('--only=');
const unknown = [...names.filter((n) => !SUITES.some((s) => s.name === n)), ...flags.filter((f) => !known(f))];
const json = flags.includes('--json');

/** Rows so far. */
const rows: Row[] = [];

/** Prints a row at once: a run takes minutes, and one that ends early has told what it found. */
const print = (row: Row): void => {
  rows.push(row);
  process.stdout.write(json ? `${rows.length === 1 ? '[\n' : ',\n'}${JSON.stringify(row)}` : formatRow(row));
};

const finish = (): void => {
  process.stdout.write(json ? `${rows.length === 0 ? '[' : ''}\n]\n` : summarize(rows));
};

const main = async (): Promise<void> => {
  const data = dataFolder();
  if (data === undefined) process.stderr.write('CORTEXC_DATA names no data folder: what needs it is skipped.\n');
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      finish();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    });
  if (!json) process.stdout.write(ROW_HEADER);
  for (const suite of SUITES.filter((s) => names.includes(s.name))) {
    const bench: Bench = {
      quick: flags.includes('--quick'),
      onlyPrepare: flags.includes('--prepare'),
      wants: (name) => only.length === 0 || only.some((text) => name.includes(text)),
      data,
      row: (row) => print({ bench: suite.name, ...row }),
      say: (text) => process.stderr.write(`${suite.name}: ${text}\n`),
    };
    await attempt(bench, suite.name, () => suite.run(bench));
  }
  finish();
};

if (names.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) process.stderr.write(`there is no bench or option ${unknown.join(', ')}\n`);
  process.stderr.write('usage: npm run bench -- NAME... [--quick] [--json] [--only=MODEL] [--prepare]\n');
  for (const suite of SUITES) process.stderr.write(`  ${suite.name.padEnd(11)}  ${suite.summary}\n`);
  process.exitCode = 2;
} else await main();
