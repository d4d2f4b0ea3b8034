import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { loadBackend } from '../src/backends/index.ts';
import { ok, unwrap } from '../src/support/index.ts';
import { listCases, runCase } from './onnx-suite.ts';

const DATA = resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../shared/data'), 'onnx-suites');
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
