import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { at } from '../../support/index.ts';
import { bytesOf, difference, examined, type RecordedRun, runRecorded } from '../testing/recorded.ts';
import { decodeGraph } from '../tf-messages.ts';
import { TF_OPS } from '../tf-ops.ts';
import { tensorflow } from './index.ts';

interface RecordedCase extends RecordedRun {
  readonly graph: string;
}
const cases = JSON.parse(readFileSync(new URL('testing/recorded.json', import.meta.url), 'utf8')) as readonly RecordedCase[];

/** TensorFlow takes the weights of ResizeBicubic from a table of 1024 positions. */
const toleranceOf = (name: string): number => (name.startsWith('ResizeBicubic') ? 1e-3 : 2e-6);

describe('as TensorFlow computes it', () => {
  test.each(cases.map((c) => [c.name, c] as const))('%s', async (_, c) => {
    const report = await examined(tensorflow, bytesOf(c.graph));
    const outputs = runRecorded(report, c);
    expect(outputs.length).toBe(c.outputs.length);
    const far = c.outputs.flatMap((wanted) => {
      const k = report.outputs.findIndex((o) => o.name === wanted[0]);
      const d = difference(at(outputs, k), wanted);
      return d <= toleranceOf(c.name) ? [] : [`${wanted[0]}: ${d}`];
    });
    expect(far).toEqual([]);
  });
});

/** Operators that TensorFlow does not compute on a CPU, or that only TensorFlow.js has. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  'FusedDepthwiseConv2dNative',
  '_FusedDepthwiseConv2dNative',
  'Prelu',
  'Placeholder',
  'Const',
]);

test('every operator of the table is recorded', () => {
  const seen = new Set(
    cases.flatMap((c) => {
      const graph = decodeGraph(bytesOf(c.graph));
      return graph.ok ? [...graph.value.node, ...(graph.value.library?.function ?? []).flatMap((f) => f.nodeDef)].map((n) => n.op) : [];
    }),
  );
  const unseen = Object.entries(TF_OPS).flatMap(([op, row]) => ('refused' in row || seen.has(op) || ELSEWHERE.has(op) ? [] : [op]));
  expect(unseen).toEqual([]);
});
