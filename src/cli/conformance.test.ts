import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { cli, inFolder } from './testing/run.ts';

jest.setTimeout(180_000);

const FEW = ['--ops', 'reshape,relu6', '--sample', '40'] as const;
const SUBJECT = join(import.meta.dirname, '../../conformance/testing/subject.mjs');
const codesOf = (stdout: string): readonly string[] => (JSON.parse(stdout) as { error: { code: string }[] }).error.map((d) => d.code);

describe('cortexc conformance', () => {
  test('passes on the backends of cortexc, with all reports', () =>
    inFolder(async (cwd) => {
      const ran = await cli(['conformance', ...FEW, '--report', 'r.html', '--report', 'r.json', '--junit', 'r.xml', '--json'], { cwd });
      expect(ran.exit).toBe(0);
      const { summary } = JSON.parse(ran.stdout) as { summary: Record<string, number> };
      expect(summary).toMatchObject({ failed: 0, refused: 0, notRun: 0 });
      expect(summary['passed']).toBeGreaterThan(60);
      const html = readFileSync(join(cwd, 'r.html'), 'utf8');
      expect(html).toContain('CONFORMS in every case it takes');
      expect(html).not.toMatch(/<script|https?:|<img|<link|@import/);
      expect(readFileSync(join(cwd, 'r.xml'), 'utf8')).toContain('<testcase classname="wasm.reshape" name="sample"/>');
      expect(JSON.parse(readFileSync(join(cwd, 'r.json'), 'utf8'))).toMatchObject({
        format: 'cortexc-conformance-report',
        version: 1,
        summary,
      });
    }));

  test('tells a wrong result of a program, and writes what repeats it', () =>
    inFolder(async (cwd) => {
      const program = `"${process.execPath}" "${SUBJECT}" wrong-value`;
      const words = ['conformance', '--exec', program, '--ops', 'reshape', '--sample', '20', '--out-dir', 'out', '--report', 'r.html'];
      const ran = await cli(words, { cwd });
      expect(ran.exit).toBe(1);
      expect(ran.stderr).toMatch(/error\[CNF0008\]: results differ from the reference: result 0, element \d+: got .*, wanted /);
      expect(ran.stderr).toContain('subject: reshape/');
      const id = /subject: (reshape\/\S+)/.exec(ran.stderr)?.[1] ?? '';
      const repro = join('out', `${id.replace(/\//g, '_')}.mrl`);
      // a float that is written down keeps its bits, so the reference agrees with the eval line
      expect(readFileSync(join(cwd, repro), 'utf8')).toMatch(/^\/\/ eval: repro\(\[/m);
      const again = await cli(['run', repro, '--random-input', '1', '--verify'], { cwd });
      expect(again.exit).toBe(0);
      expect(readFileSync(join(cwd, 'r.html'), 'utf8')).toContain('DOES NOT CONFORM');
    }));

  test('bad options are told all at once', async () => {
    const ran = await cli([
      'conformance',
      '--sample',
      '0',
      '--backend',
      'wasm',
      '--exec',
      'x',
      '--report',
      'r.txt',
      '--sign',
      'k',
      '--json',
    ]);
    expect(ran.exit).toBe(2);
    expect(codesOf(ran.stdout)).toEqual(['CLI1005', 'CLI1003', 'CLI1003', 'CLI1005']);
    expect(codesOf((await cli(['conformance', '--ops', 'reshap', '--json'])).stdout)).toEqual(['CLI1003']);
    expect(codesOf((await cli(['conformance', ...FEW, '--backend', 'gpu', '--json'])).stdout)).toEqual(['BKD0001']);
  });
});

describe('signed reports', () => {
  const signed = async (cwd: string): Promise<void> => {
    expect((await cli(['conformance', '--keygen', 'key.pem'], { cwd })).exit).toBe(0);
    const ran = await cli(['conformance', ...FEW, '--report', 'r.json', '--sign', 'key.pem'], { cwd });
    expect(ran.exit).toBe(0);
  };
  const edit = (cwd: string, f: (text: string) => string): void =>
    writeFileSync(join(cwd, 'r.json'), f(readFileSync(join(cwd, 'r.json'), 'utf8')));

  test('verify, and do not when a byte of what they say is changed', () =>
    inFolder(async (cwd) => {
      await signed(cwd);
      const good = await cli(['conformance', '--verify', 'r.json', '--json'], { cwd });
      expect([good.exit, JSON.parse(good.stdout)]).toMatchObject([0, { valid: true }]);
      const original = readFileSync(join(cwd, 'r.json'), 'utf8');
      // another layout of the same JSON is the same report
      edit(cwd, (text) => JSON.stringify(JSON.parse(text)));
      expect((await cli(['conformance', '--verify', 'r.json'], { cwd })).exit).toBe(0);
      const changes: readonly ((text: string) => string)[] = [
        (text) => text.replace(/"failed": 0/, '"failed": 1'),
        (text) => text.replace(/"created": "2/, '"created": "3'),
        (text) => text.replace(/"value": "(.)/, (_, c: string) => `"value": "${c === 'A' ? 'B' : 'A'}`),
        (text) => text.replace('"signature"', '"unsigned"'),
      ];
      for (const change of changes) {
        expect(change(original)).not.toBe(original);
        edit(cwd, () => change(original));
        const ran = await cli(['conformance', '--verify', 'r.json', '--json'], { cwd });
        expect([ran.exit, codesOf(ran.stdout)]).toEqual([1, ['CNF0005']]);
      }
      edit(cwd, () => original.replace(/"vectors": "../, '"vectors": "zz'));
      expect(codesOf((await cli(['conformance', '--verify', 'r.json', '--json'], { cwd })).stdout)).toEqual(['CNF0005', 'CNF0006']);
    }));

  test('another key, no key and no report are told apart', () =>
    inFolder(async (cwd) => {
      await signed(cwd);
      await cli(['conformance', '--keygen', 'other.pem'], { cwd });
      const verify = async (...words: readonly string[]): Promise<readonly string[]> =>
        codesOf((await cli(['conformance', '--verify', ...words, '--json'], { cwd })).stdout);
      // a private key names its public one
      expect((await cli(['conformance', '--verify', 'r.json', '--public-key', 'key.pem'], { cwd })).exit).toBe(0);
      expect(await verify('r.json', '--public-key', 'other.pem')).toEqual(['CNF0005']);
      expect(await verify('r.json', '--public-key', 'r.json')).toEqual(['CNF0003']);
      expect(await verify('key.pem')).toEqual(['CNF0004']);
      expect(await verify('gone.json')).toEqual(['CLI2001']);
    }));
});
