// npm run onnx-node-tests -- --dir DIR [--json]: runs the ONNX backend node tests (folders with model.onnx and data sets).
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compareCodeUnits } from '../src/support/index.ts';
import { type CaseResult, listCases, runCase } from './onnx-suite.ts';

const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

const report = (cases: readonly CaseResult[]) => {
  const count = (status: CaseResult['status']): number => cases.filter((c) => c.status === status).length;
  return { passed: count('passed'), refused: count('refused'), failed: count('failed'), cases };
};

if (values.dir === undefined) {
  process.stderr.write('usage: npm run onnx-node-tests -- --dir DIR [--only TEXT] [--json]\n');
  process.exitCode = 2;
} else {
  const { dir, only } = values;
  const names = listCases(dir).filter((name) => only === undefined || name.includes(only));
  const result = report(names.map((name) => runCase(join(dir, name), name)));
  if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else {
    for (const c of result.cases.filter((x) => x.status === 'failed')) process.stdout.write(`FAILED ${c.name}: ${c.detail}\n`);
    const codes = new Map<string, number>();
    for (const c of result.cases) for (const code of c.codes) codes.set(code, (codes.get(code) ?? 0) + 1);
    for (const [code, n] of [...codes].sort(([a], [b]) => compareCodeUnits(a, b))) process.stdout.write(`refused with ${code}: ${n}\n`);
    process.stdout.write(`${result.passed} passed, ${result.refused} refused, ${result.failed} failed\n`);
  }
  process.exitCode = result.failed === 0 ? 0 : 1;
}
