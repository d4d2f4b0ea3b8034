import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { loadBackend } from '../src/backends/index.ts';
import { ok, unwrap } from '../src/support/index.ts';
import { listCases, runCase, tableOf } from './onnx-suite.ts';

jest.setTimeout(300_000);

const ROOT = resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../shared/data'));
const DATA = join(ROOT, 'onnx-suites');
const present = existsSync(DATA);
if (!present) console.warn(`ONNX suites on backends are skipped: ${DATA} does not exist (set CORTEXC_DATA)`);

(present ? test : test.skip).each(['pytorch-operator', 'pytorch-converted'])(
  '%s: WebAssembly gives the bytes of the reference',
  async (suite) => {
    const backend = unwrap(await loadBackend('wasm'));
    const results = listCases(join(DATA, suite)).map((name) =>
      runCase(join(DATA, suite, name), name, { execute: (program, inputs) => ok(unwrap(backend.compile(program)).run(inputs)) }),
    );
    expect(results.length).toBeGreaterThan(20);
    expect(results.filter((r) => r.status !== 'passed')).toEqual([]);
  },
);

const NODE_TESTS = join(ROOT, 'onnx-node/onnx-node-open.tar.zst');
const unpacks = existsSync(NODE_TESTS) && spawnSync('zstd', ['--version']).status === 0;
if (!unpacks) console.warn(`The ONNX node tests are skipped: they need ${NODE_TESTS} (set CORTEXC_DATA) and the zstd command`);

(unpacks ? test : test.skip)(
  'node tests: none fails, and each passes or is refused as docs/onnx-node-tests.tsv says, on both backends',
  async () => {
    const backend = unwrap(await loadBackend('wasm'));
    const dir = mkdtempSync(join(tmpdir(), 'node-tests-'));
    try {
      expect(spawnSync('tar', ['--zstd', '-xf', NODE_TESTS, '-C', dir]).status).toBe(0);
      const results = listCases(dir).map((name) =>
        runCase(join(dir, name), name, { execute: (program, inputs) => ok(unwrap(backend.compile(program)).run(inputs)) }),
      );
      expect(results.filter((r) => r.status === 'failed')).toEqual([]);
      // npm run onnx-node-tests -- --dir DIR --table docs/onnx-node-tests.tsv
      expect(tableOf(results).split('\n')).toEqual(
        readFileSync(join(import.meta.dirname, '../docs/onnx-node-tests.tsv'), 'utf8').split('\n'),
      );
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
);
