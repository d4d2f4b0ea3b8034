import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { writeTree } from '../../../../conformance/mutations/tree.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url)).replace(/[\\/]$/, '');
const IS_NODE_20 = process.versions.node.startsWith('20.');

let tree = '';

beforeAll(() => {
  mkdirSync(join(ROOT, 'tmp'), { recursive: true });
  tree = mkdtempSync(join(ROOT, 'tmp', 'relaxed-'));
  writeTree(ROOT, tree, ['src']);
  writeFileSync(
    join(tree, 'probe.js'),
    `import { loadTestedBackend } from './src/backends/index.js';
     const { value: wasm } = await loadTestedBackend('wasm');
     const ops = wasm.selfTest(['conv', 'dense', 'matmul', 'add', 'rescale']);
     console.log(JSON.stringify({ probes: wasm.probes(), failed: ops.filter((r) => r.status !== 'passed') }));`,
  );
});

afterAll(() => rmSync(tree, { recursive: true, force: true }));

const probe = (
  flags: readonly string[],
): { readonly probes: readonly { usable: boolean; reason?: string }[]; readonly failed: readonly unknown[] } => {
  const ran = spawnSync(process.execPath, [...flags, join(tree, 'probe.js')], { encoding: 'utf8' });
  expect(ran.stderr).toBe('');
  return JSON.parse(ran.stdout) as ReturnType<typeof probe>;
};

test('the relaxed dot product of an engine that has it is used only where both tiers are right', () => {
  // V8 11.3 of Node 20: the baseline tier doubles every product, so 1 * 1 four times is 8
  const { probes, failed } = probe(IS_NODE_20 ? ['--experimental-wasm-relaxed-simd'] : []);
  if (IS_NODE_20) expect(probes).toMatchObject([{ usable: false, reason: 'the first call gives 8, 8, 8, 8 where 4, 4, 4, 4 is right' }]);
  else expect(probes).toMatchObject([{ usable: true }]);
  // the default path is plain SIMD and passes all the same
  expect(failed).toEqual([]);
});

test('an engine without it says so', () => {
  if (!IS_NODE_20) return;
  const { probes, failed } = probe([]);
  expect(probes).toMatchObject([{ usable: false, reason: expect.stringContaining('the engine does not have it') }]);
  expect(failed).toEqual([]);
});

test('the optimizing tier of Node 20 alone is right: which tier runs decides the result', () => {
  if (!IS_NODE_20) return;
  // --no-liftoff: all code is optimized from the first call on
  const { probes } = probe(['--experimental-wasm-relaxed-simd', '--no-liftoff']);
  expect(probes).toMatchObject([{ usable: true }]);
});
