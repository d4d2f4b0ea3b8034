import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ImportReport } from '../contract.ts';
import { tfjsLayers } from '../keras/index.ts';
import { farOutputs, filesOf, optionsFor } from '../keras/testing/open.ts';
import { tfjs } from './index.ts';

/** A graph that the converter of TensorFlow.js made: keras/testing/record_tfjs.py writes it. */
const { files, outputs } = filesOf(readFileSync(join(import.meta.dirname, 'testing', 'graph-sequential.json.gz')));
const model = files.get('model.json') ?? new Uint8Array();
const text = new TextDecoder().decode(model);
const examine = async (json: string, beside = files): Promise<ImportReport> =>
  tfjs.examine(new TextEncoder().encode(json), optionsFor('model.json', beside));

describe('graph models of TensorFlow.js', () => {
  test('a network with its weights in shards', async () => {
    expect(tfjs.detect(model.subarray(0, 4096), 'model.json')).toBe(true);
    expect(tfjsLayers.detect(model.subarray(0, 4096), 'model.json')).toBe(false);
    const report = await examine(text);
    expect(farOutputs(report, outputs)).toEqual([]);
    expect([...files.keys()].filter((f) => f.endsWith('.bin')).length).toBeGreaterThan(1);
  });

  test('outputs have the names of the signature', async () => {
    const report = await examine(text);
    expect(report.outputs.map((o) => o.name)).toEqual(['d']);
  });

  test('without a shard nothing is made up', async () => {
    const report = await examine(text, new Map([['model.json', model]]));
    expect(report.problems.map((p) => p.code)).toContain('IMP1011');
  });

  test('cut off, changed, and of other types', async () => {
    for (let n = 0; n < text.length; n += 211) expect((await examine(text.slice(0, n))).problems.map((p) => p.code)).toEqual(['IMP1001']);
    for (const json of ['{}', '{"modelTopology": []}', '{"modelTopology": {"node": 3}}', '{"modelTopology": {"node": [null]}}'])
      expect((await examine(json)).problems.length).toBeGreaterThan(0);
    const deep = `{"modelTopology": {"node": [{"attr": ${'{"a": {"func": {"attr": '.repeat(100_000)}{}${'}}}'.repeat(100_000)}}]}}`;
    expect((await examine(deep)).problems.map((p) => p.code)).toEqual(['IMP1007']);
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.constantFrom('0', '"', '[', '}', '9', '-', ' '), async (at, character) => {
        await examine(`${text.slice(0, at)}${character}${text.slice(at + 1)}`);
      }),
      { numRuns: 150, seed: 8 },
    );
  });
});
