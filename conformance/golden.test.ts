import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { IMMEDIATE_BACKENDS } from '../src/backends/index.ts';
import { CODES } from '../src/support/index.ts';
import { readGolden, runGolden, writeGolden } from './golden.ts';

const FOLDER = join(import.meta.dirname, 'golden');
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.mrl'))
  .toSorted();

/** Limits whose smallest example is larger than a file one reads; src/frontend/mrl/limits.test.ts has them. */
const ELSEWHERE = new Set(['MRL3001', 'MRL3004', 'MRL3005']);

describe('golden cases', () => {
  beforeAll(async () => {
    for (const backend of IMMEDIATE_BACKENDS) await backend.prepare?.();
  });

  test('are not rewritten in CI', () => {
    expect(UPDATE && process.env['CI'] !== undefined).toBe(false);
  });

  test.each(files)('%s', (file) => {
    const path = join(FOLDER, file);
    const golden = readGolden(readFileSync(path, 'utf8'));
    expect(golden.run).not.toBe('');
    const { output, problems } = runGolden(golden, IMMEDIATE_BACKENDS);
    expect(problems).toEqual([]);
    if (UPDATE && process.env['CI'] === undefined) writeFileSync(path, writeGolden(golden, output));
    else expect(output).toBe(golden.expected ?? '');
  });

  test('there is one for every code of the language', () => {
    const all = files.map((f) => readFileSync(join(FOLDER, f), 'utf8')).join('\n');
    const missing = Object.keys(CODES).filter((code) => code.startsWith('MRL') && !ELSEWHERE.has(code) && !all.includes(`: ${code}`));
    expect(missing).toEqual([]);
  });
});
