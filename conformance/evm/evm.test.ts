import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { runFile, stateTestFiles } from './run.ts';

jest.setTimeout(120_000);

const ARCHIVE = join(resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../../shared/data')), 'evm-tests.tar.zst');
const unpacks = existsSync(ARCHIVE) && spawnSync('zstd', ['--version']).status === 0;
if (!unpacks) console.warn(`State tests of Ethereum are skipped: they need ${ARCHIVE} (set CORTEXC_DATA) and the zstd command`);

/** A group that notices a wrong price of an opcode, and the one that runs 0xc0 and 0xc1 where no model is; all: npm run evm-tests. */
const GROUPS = ['stExample', 'stBadOpcode'];

(unpacks ? describe : describe.skip)('state tests of Ethereum with INFER and INFERARRAY active', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'evm-tests-'));
    expect(spawnSync('tar', ['--zstd', '-xf', ARCHIVE, '-C', folder]).status).toBe(0);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(GROUPS)('%s: roots and logs are those of Ethereum', async (group) => {
    const files = stateTestFiles(folder).filter((f) => f.includes(`/${group}/`));
    let passed = 0;
    for (const file of files) {
      const done = await runFile(file, ['Istanbul', 'Cancun']);
      expect(done.problems).toEqual([]);
      passed += done.passed;
    }
    expect(passed).toBeGreaterThan(10);
  });
});
