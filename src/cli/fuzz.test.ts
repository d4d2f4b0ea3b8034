import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { OP_NAMES } from '../ir/index.ts';
import { cli, inFolder } from './testing/run.ts';

test('fuzz: every byte is equal, and nothing is written', async () => {
  await inFolder(async (cwd) => {
    const ran = await cli(['fuzz', '--programs', '12', '--json'], { cwd });
    expect(ran.exit).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ seed: 1, programs: 12, backends: ['wasm'], findings: [] });
    expect(readdirSync(cwd)).toEqual([]);
  });
});

test('fuzz: ops, passes and backends can be chosen, time ends it', async () => {
  const ran = await cli(['fuzz', '--ops', 'abs,neg', '--pass', 'dce,cse', '--backend', 'reference', '--time', '0.02s', '--json']);
  expect(ran.exit).toBe(0);
  // the clock of the test goes one millisecond a look
  const report: unknown = JSON.parse(ran.stdout);
  expect(report).toMatchObject({ backends: ['reference'], passes: ['dce', 'cse'] });
  expect((report as { programs: number }).programs).toBeLessThan(21);
});

test('fuzz: wrong words are named all at once', async () => {
  const ran = await cli(['fuzz', '--ops', 'cnv', '--pass', 'dc', '--backend', 'wsm']);
  expect(ran.exit).toBe(2);
  for (const text of ['names cnv, which is no op', 'Did you mean conv?', 'there is no pass dc', 'there is no backend wsm'])
    expect(ran.stderr).toContain(text);
  expect((await cli(['fuzz', '--time', 'soon'])).stderr).toContain('--time is soon but takes a number with s, m or h');
  expect((await cli(['fuzz', '--nodes', '0'])).stderr).toContain('--nodes is 0 but takes a whole number from 1 to 1000');
});

test('selftest: every op passes on the reference; the machine is named', async () => {
  const ran = await cli(['selftest', '--backend', 'reference', '--json']);
  expect(ran.exit).toBe(0);
  expect(JSON.parse(ran.stdout)).toMatchObject({
    machine: expect.stringContaining(process.versions.v8),
    backends: [{ backend: 'reference', failed: 0, refused: 0, ops: OP_NAMES.map((op) => ({ op })) }],
  });
});

test('selftest: tells of relaxed SIMD', async () => {
  const ran = await cli(['selftest', '--backend', 'wasm', '--all']);
  expect(ran.exit).toBe(0);
  expect(ran.stdout).toMatch(/relaxed-simd dot product/);
  expect(ran.stdout).toMatch(/wasm +conv +passed/);
});
