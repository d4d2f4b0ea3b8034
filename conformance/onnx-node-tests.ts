// npm run onnx-node-tests -- --dir DIR [--backend NAME] [--json] [--table FILE]: runs the ONNX backend node tests (folders with model.onnx and
// data sets) on the reference interpreter and, when one is named, on a backend, whose bytes must be the same.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadBackend } from '../src/backends/index.ts';
import { compareCodeUnits, MrlError, ok, renderDiagnostic, unwrap } from '../src/support/index.ts';
import { type CaseOptions, type CaseResult, listCases, runCase, tableOf } from './onnx-suite.ts';

const { values } = parseArgs({
  options: {
    backend: { type: 'string' },
    dir: { type: 'string' },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    table: { type: 'string' },
  },
});

const report = (cases: readonly CaseResult[]) => {
  const count = (status: CaseResult['status']): number => cases.filter((c) => c.status === status).length;
  return { passed: count('passed'), refused: count('refused'), failed: count('failed'), cases };
};

/** The backend as `runCase` wants it; undefined when none is named. @throws {MrlError} BKD0001 when there is no such backend */
const executeOn = async (name: string | undefined): Promise<CaseOptions['execute']> => {
  if (name === undefined) return undefined;
  const backend = unwrap(await loadBackend(name));
  return (program, inputs) => {
    const compiled = backend.compile(program);
    return compiled.ok ? ok(compiled.value.run(inputs)) : compiled;
  };
};

const main = async (): Promise<number> => {
  const { dir, only } = values;
  if (dir === undefined) {
    process.stderr.write('usage: npm run onnx-node-tests -- --dir DIR [--backend NAME] [--only TEXT] [--json] [--table FILE]\n');
    return 2;
  }
  const execute = await executeOn(values.backend);
  const names = listCases(dir).filter((name) => only === undefined || name.includes(only));
  const result = report(names.map((name) => runCase(join(dir, name), name, { execute })));
  if (values.table !== undefined) writeFileSync(values.table, tableOf(result.cases));
  if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else {
    for (const c of result.cases.filter((x) => x.status === 'failed')) process.stdout.write(`FAILED ${c.name}: ${c.detail}\n`);
    const codes = new Map<string, number>();
    for (const c of result.cases) for (const code of c.codes) codes.set(code, (codes.get(code) ?? 0) + 1);
    for (const [code, n] of [...codes].sort(([a], [b]) => compareCodeUnits(a, b))) process.stdout.write(`refused with ${code}: ${n}\n`);
    process.stdout.write(`${result.passed} passed, ${result.refused} refused, ${result.failed} failed\n`);
  }
  return result.failed === 0 ? 0 : 1;
};

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof MrlError)) throw error;
  for (const d of error.diagnostics) process.stderr.write(`${renderDiagnostic(d, { color: false })}\n`);
  process.exitCode = 2;
}
