// npm run test:frameworks [-- --exporter NAME …] [--only REGEXP] [--models] [--keep DIR]: exports every op sample (and, with --models, the
// models of the data folder) and runs what comes out in the frameworks themselves, in a Python environment that tests/frameworks/venv.sh
// makes. ONNX alone if no exporter is named: the others need gigabytes of packages. Exit 1 when a result differs from the reference interpreter; without Python or the packages it says so and does nothing.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EXPORTERS, type Exporter } from '../../src/exporters/index.ts';
import { importOnnx } from '../../src/frontend/onnx/index.ts';
import { programCost } from '../../src/ir/index.ts';
import { type Case, opCases, writeCase } from './cases.ts';
import { modelCases, MOST_COST } from './models.ts';
import { differenceOf } from './round-trip.ts';

const { values } = parseArgs({
  options: {
    exporter: { type: 'string', multiple: true, default: ['onnx'] },
    only: { type: 'string' },
    models: { type: 'boolean', default: false },
    keep: { type: 'string' },
  },
});

const root = ((folder: string): string => {
  let at = folder;
  while (!existsSync(join(at, 'package.json'))) at = dirname(at);
  return at;
})(dirname(fileURLToPath(import.meta.url)));

const data = process.env['CORTEXC_DATA'] ?? join(root, '..', 'shared', 'data');

/** Greatest difference of float outputs over the greatest output (at least 1). */
const TOLERANCE = 1e-5;

/** The Python that has the packages of an exporter; undefined where it cannot be had. */
const pythonFor = (exporter: Exporter): string | undefined => {
  const given = process.env['PYTHON'];
  if (given !== undefined) return given;
  const made = spawnSync('sh', [join(root, 'tests', 'frameworks', 'venv.sh'), exporter.name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return made.status === 0 ? made.stdout.trim() : undefined;
};

interface Outcome {
  readonly folder: string;
  readonly difference?: number;
  readonly error?: string;
}

const runAll = (python: string, folders: readonly string[]): readonly Outcome[] => {
  const script = join(root, 'tests', 'frameworks', 'run_cases.py');
  const ran = spawnSync(python, ['-B', script], {
    input: folders.join('\n'),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return ran.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Outcome);
};

/** Whether our importer reads back what was exported: level 3 of iso. */
const roundTrip = (exporter: Exporter, c: Case): string | undefined => {
  if (exporter.name !== 'onnx') return undefined;
  const exported = exporter.export(c.program);
  const content = exported.ok ? exported.value.files.find((f) => f.name === 'model.onnx')?.content : undefined;
  if (!(content instanceof Uint8Array)) return undefined;
  const back = importOnnx(content);
  if (!back.ok) return back.diagnostics.map((d) => `${d.code} ${d.message}`).join('; ');
  return differenceOf(c.program, back.value.program);
};

function* wantedCases(): Generator<Case> {
  const only = values.only === undefined ? undefined : new RegExp(values.only);
  const wanted = (name: string): boolean => only?.test(name) ?? true;
  if (!values.models) {
    for (const c of opCases()) if (wanted(c.name)) yield c;
  } else for (const c of modelCases(data, wanted)) if (programCost(c.program) <= MOST_COST) yield c;
}

/** @returns how many results differ */
const test = (exporter: Exporter, folder: string): number => {
  const python = pythonFor(exporter);
  if (python === undefined) {
    process.stdout.write(`SKIPPED for want of Python packages: ${exporter.title}\n`);
    return 0;
  }
  const folders: string[] = [];
  const refused = new Map<string, number>();
  const notBack: string[] = [];
  for (const c of wantedCases()) {
    const target = join(folder, exporter.name, c.name);
    const problems = writeCase(exporter, c, target);
    if (problems.length === 0) folders.push(target);
    for (const { code, message } of problems) refused.set(`${code} ${message}`, (refused.get(`${code} ${message}`) ?? 0) + 1);
    const difference = problems.length > 0 ? undefined : roundTrip(exporter, c);
    if (difference !== undefined) notBack.push(`${c.name}: ${difference}`);
  }
  const outcomes = runAll(python, folders);
  const bad = outcomes.filter((o) => o.error !== undefined || !(Number(o.difference) <= TOLERANCE));
  const worst = Math.max(0, ...outcomes.map((o) => o.difference ?? 0));
  for (const o of bad) process.stdout.write(`DIFFERS ${o.folder}: ${o.error ?? String(o.difference)}\n`);
  for (const text of notBack) process.stdout.write(`NOT READ BACK ${text}\n`);
  for (const [reason, n] of refused) process.stdout.write(`refused ${n} times: ${reason}\n`);
  process.stdout.write(
    `${exporter.title}: ${folders.length} exported, ${outcomes.length - bad.length} run and equal (greatest relative difference ${worst.toExponential(1)}), ` +
      `${bad.length + folders.length - outcomes.length} not; ${[...refused.values()].reduce((a, n) => a + n, 0)} refusals; ${notBack.length} not read back as level 3\n`,
  );
  return bad.length + folders.length - outcomes.length;
};

const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'cortexc-frameworks-'));
try {
  const chosen = EXPORTERS.filter((e) => values.exporter.includes(e.name));
  process.exitCode = chosen.reduce((n, e) => n + test(e, folder), 0) > 0 ? 1 : 0;
} finally {
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}
