import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { at } from '../../support/index.ts';
import { nnef } from './index.ts';
import { dataFiles, examined, graphText, run } from './testing/build.ts';
import { CASES } from './testing/cases.ts';

interface Recorded {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** What Khronos' interpreter makes of the cases: testing/record.py. */
const RECORDED = JSON.parse(readFileSync(join(import.meta.dirname, 'testing/recorded.json'), 'utf8')) as Readonly<
  Record<string, readonly Recorded[]>
>;

test.each(CASES.map((c) => [c.name, c] as const))('%s', async (name, c) => {
  const wanted = RECORDED[name] ?? [];
  const got = run(await examined(graphText(c), { beside: dataFiles(c) }), c.inputs);
  expect(got.map((t) => t.shape)).toEqual(wanted.map((t) => t.shape));
  got.forEach((t, i) => {
    const { data } = at(wanted, i);
    const largest = Math.max(1, ...data.map(Math.abs));
    const worst = Math.max(...Array.from(t.data, (v, k) => Math.abs(v - at(data, k))));
    // float32 sums in another order, and functions of other libraries
    expect(worst).toBeLessThanOrEqual(2e-6 * largest);
  });
});

const folder = process.env['NNEF_CASES'];
if (folder !== undefined)
  test('cases are written for record.py', () => {
    expect(nnef.name).toBe('nnef');
    for (const c of CASES) {
      const dir = join(folder, c.name);
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, 'graph.nnef'), graphText(c));
      writeFileSync(join(dir, 'inputs.json'), JSON.stringify(c.inputs));
      for (const [file, bytes] of Object.entries(dataFiles(c))) writeFileSync(join(dir, file), bytes);
    }
  });
