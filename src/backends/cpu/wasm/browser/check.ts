// node check.mjs [threads ...]: runs the vectors of this folder and compares every byte; exit code 1 when one differs.
import { readFile } from 'node:fs/promises';
import { load } from './loader.ts';
import { checkVectors } from './vectors.ts';

const given = process.argv.slice(2).map(Number);
if (given.some((n) => !Number.isInteger(n) || n < 1)) {
  process.stderr.write('usage: node check.mjs [threads ...]\n');
  process.exit(2);
}

const read = async (name: string): Promise<Uint8Array> => new Uint8Array(await readFile(new URL(name, import.meta.url)));
let failed = false;
for (const threads of given.length === 0 ? [1, 2] : given) {
  const model = await load(new URL('.', import.meta.url), { threads });
  const results = await checkVectors(model, read);
  for (const { name, problems } of results) for (const problem of problems) process.stdout.write(`mismatch: vector ${name}, ${problem}\n`);
  for (const { code, message, help } of model.warnings) process.stderr.write(`warning[${code}]: ${message}\n = help: ${help}\n`);
  const passed = results.filter((r) => r.passed).length;
  process.stdout.write(`${passed} of ${results.length} vectors give the expected bytes (${model.threads} of ${threads} threads)\n`);
  failed ||= passed < results.length || results.length === 0;
  model.close();
}
process.exitCode = failed ? 1 : 0;
