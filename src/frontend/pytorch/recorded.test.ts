import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { at } from '../../support/index.ts';
import { bytesOf, difference, examined, type RecordedRun, runRecorded } from '../testing/recorded.ts';
import { writeZip } from '../zip.ts';
import { pytorch } from './index.ts';
import { ATEN_OPS } from './ops/index.ts';

interface RecordedCase extends RecordedRun {
  /** Text of tables, or base64 of tensors, by path. */
  readonly members: Readonly<Record<string, string>>;
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
}
const read = (name: string): Buffer => readFileSync(new URL(`testing/${name}`, import.meta.url));
const cases = JSON.parse(read('recorded.json').toString()) as readonly RecordedCase[];

const archiveOf = (c: RecordedCase): Uint8Array =>
  writeZip(
    Object.entries(c.members).map(([path, text]) => ({
      name: `archive/${path}`,
      data: path.endsWith('.json') ? new TextEncoder().encode(text) : bytesOf(text),
    })),
    { compress: true },
  );

const far = (outputs: ReturnType<typeof runRecorded>, run: RecordedRun): readonly string[] =>
  run.outputs.flatMap((wanted, k) => {
    const d = difference(at(outputs, k), wanted);
    return d <= 3e-6 ? [] : [`${wanted[0]}: ${d}`];
  });

describe('as PyTorch computes it', () => {
  test.each(cases.map((c) => [c.name, c] as const))('%s', async (_, c) => {
    const report = await examined(pytorch, archiveOf(c), { shapes: new Map(Object.entries(c.shapes ?? {})) });
    const outputs = runRecorded(report, c);
    expect(outputs.length).toBe(c.outputs.length);
    expect(far(outputs, c)).toEqual([]);
  });
});

test('every operator of the table is recorded', () => {
  const seen = new Set(
    cases.flatMap((c) =>
      [...(c.members['models/model.json'] ?? '').matchAll(/"target":"(?:torch\.ops\.)?([a-z_]+\.[A-Za-z0-9_]+)/g)].map((m) => m[1] ?? ''),
    ),
  );
  const unseen = Object.entries(ATEN_OPS).flatMap(([op, row]) => ('refused' in row || seen.has(op) ? [] : [op]));
  expect(unseen).toEqual([]);
});

describe('whole archives', () => {
  const run = JSON.parse(read('network.json').toString()) as RecordedRun;
  test.each(['network-2.9.pt2', 'network-2.7.pt2'])('%s', async (file) => {
    const bytes = new Uint8Array(read(file));
    expect(pytorch.detect(bytes.subarray(0, 4096), file)).toBe(true);
    expect(pytorch.detect(bytes.subarray(0, 4096), 'model')).toBe(true);
    const report = await examined(pytorch, bytes, { file });
    expect(far(runRecorded(report, run), run)).toEqual([]);
    expect(report.producer).toMatch(/^PyTorch 2\.9/);
    expect(report.nodes.slice(0, 3).map((n) => [n.name, n.op, n.becomes.join()])).toEqual([
      ['stem.0', 'aten.conv2d', 'conv'],
      ['stem.1', 'aten.batch_norm', 'batch_norm'],
      ['stem.2', 'aten.relu', 'relu'],
    ]);
    expect(report.program?.params.map((p) => p.name).slice(0, 6)).toEqual([
      'stem.0.weight',
      'stem.1.weight',
      'stem.1.bias',
      'stem.1.running_mean',
      'stem.1.running_var',
      'layers.0.0.weight',
    ]);
    // tied weights are one parameter
    expect(report.program?.params.filter((p) => p.tensor.shape.join() === '6,6').length).toBe(1);
  });
});
