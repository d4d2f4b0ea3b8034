import { attempt, type Bench, formatRow, type Row, ROW_HEADER, summarize } from '../rows.ts';
import { gpu } from '../suites/gpu.ts';

// The gpu suite alone, for a machine that has a GPU and little else: bench/gpu/run.sh says which modules it needs.
// Usage: node dist/bench/gpu/device-main.js [--quick] [--only=NETWORK]

const words = process.argv.slice(2);
const only = words.filter((w) => w.startsWith('--only=')).map((w) => w.slice('--only='.length));
const rows: Row[] = [];

const bench: Bench = {
  quick: words.includes('--quick'),
  onlyPrepare: false,
  data: undefined,
  wants: (name) => only.length === 0 || only.some((text) => name.includes(text)),
  row: (row) => {
    rows.push({ bench: gpu.name, ...row });
    process.stdout.write(formatRow({ bench: gpu.name, ...row }));
  },
  say: (text) => process.stderr.write(`${gpu.name}: ${text}\n`),
};

// what is in hand ends with this process
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code));

process.stdout.write(ROW_HEADER);
await attempt(bench, gpu.name, () => gpu.run(bench));
process.stdout.write(summarize(rows));
