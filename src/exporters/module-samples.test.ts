import { expect, test } from '@jest/globals';
import { OP_NAMES, opOf } from '../ir/index.ts';
import { exporterByName } from './index.ts';
import { hasPython, syntaxErrors, textOf } from './testing/python.ts';
import { samplePrograms } from './testing/samples.ts';

const python = hasPython();
if (!python) console.warn('SKIPPED for want of python3: whether generated code parses');

test.each(['pytorch', 'keras'])('%s: every sample of every op is written, or refused with its name', (target) => {
  const exporter = exporterByName(target);
  if (exporter === undefined) throw new Error(`there is no exporter ${target}`);
  const texts: Record<string, string> = {};
  const ops = new Map(OP_NAMES.map((op) => [op, 0]));
  for (const { name: sample, op, program } of samplePrograms()) {
    const result = exporter.export(program);
    if (result.ok) {
      texts[sample] = textOf(result.value.files, 'model.py');
      ops.set(op, (ops.get(op) ?? 0) + 1);
    } else for (const d of result.diagnostics) expect(d.code).toMatch(/^EXP000[12]$/);
  }
  for (const op of OP_NAMES) {
    const refused = exporter.refusal(op) !== undefined;
    // a composite may be refused for the dtypes of its samples alone
    if (!refused && opOf(op).kind === 'primitive') expect([op, (ops.get(op) ?? 0) > 0]).toEqual([op, true]);
    expect(exporter.support(op) === 'refused').toBe(refused);
    if (exporter.support(op) === 'primitive') expect(opOf(op).kind).toBe('primitive');
  }
  if (python) expect(syntaxErrors(texts)).toEqual([]);
});
