import { attempt, type Bench, formatRows, type Row } from './rows.ts';
import { dataFolder } from './data.ts';
import { SUITES } from './suites/index.ts';

const words = process.argv.slice(2);
const flags = words.filter((w) => w.startsWith('--'));
const names = words.filter((w) => !w.startsWith('--'));
const only = flags.filter((f) => f.startsWith('--only=')).map((f) => f.slice('--only='.length));
const known = (flag: string): boolean => flag === '--quick' || flag === '--json' || flag.startsWith('--only=');
const unknown = [...names.filter((n) => !SUITES.some((s) => s.name === n)), ...flags.filter((f) => !known(f))];

if (names.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) process.stderr.write(`there is no bench or option ${unknown.join(', ')}\n`);
  process.stderr.write('usage: npm run bench -- NAME... [--quick] [--json] [--only=MODEL]\n');
  for (const suite of SUITES) process.stderr.write(`  ${suite.name.padEnd(8)}  ${suite.summary}\n`);
  process.exitCode = 2;
} else {
  const rows: Row[] = [];
  const data = dataFolder();
  if (data === undefined) process.stderr.write('CORTEXC_DATA names no data folder: what needs it is skipped.\n');
  for (const suite of SUITES.filter((s) => names.includes(s.name))) {
    const bench: Bench = {
      quick: flags.includes('--quick'),
      wants: (name) => only.length === 0 || only.some((text) => name.includes(text)),
      data,
      row: (row) => rows.push({ bench: suite.name, ...row }),
      say: (text) => process.stderr.write(`${suite.name}: ${text}\n`),
    };
    await attempt(bench, suite.name, () => suite.run(bench));
  }
  process.stdout.write(flags.includes('--json') ? `${JSON.stringify(rows)}\n` : formatRows(rows));
}
