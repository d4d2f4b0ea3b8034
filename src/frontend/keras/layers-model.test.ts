import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { keras, tfjsLayers } from './index.ts';
import { examineLayersModel } from './layers-model.ts';
import { farOutputs, filesOf, optionsFor } from './testing/open.ts';

/** Models that the converter of TensorFlow.js made of those of record.py: testing/record_tfjs.py writes them. */
const FOLDER = join(import.meta.dirname, 'testing', 'tfjs');
const recorded = (name: string): ReturnType<typeof filesOf> => filesOf(readFileSync(join(FOLDER, name)));
const { files } = recorded('layers-sequential.json.gz');
const model = files.get('model.json') ?? new Uint8Array();
const text = new TextDecoder().decode(model);
const examine = (json: string, beside = files, more = {}): ReturnType<typeof examineLayersModel> =>
  examineLayersModel(new TextEncoder().encode(json), optionsFor('model.json', beside, more));
const codes = (report: ReturnType<typeof examine>): readonly string[] => [...new Set(report.problems.map((p) => p.code))];

describe('layers models of TensorFlow.js', () => {
  test.each(readdirSync(FOLDER))('%s', (name) => {
    const given = recorded(name);
    const bytes = given.files.get('model.json') ?? new Uint8Array();
    expect(tfjsLayers.detect(bytes.subarray(0, 4096), 'model.json')).toBe(true);
    expect(keras.detect(bytes.subarray(0, 4096), 'model.json')).toBe(false);
    const report = examineLayersModel(bytes, optionsFor('model.json', given.files));
    expect(farOutputs(report, given.outputs)).toEqual([]);
    expect(report.producer).toMatch(/^TensorFlow.js Converter/);
  });

  test('a shard that is missing or cut off', () => {
    const shard = [...files.keys()].find((f) => f.endsWith('.bin')) ?? '';
    const without = new Map([...files].filter(([f]) => f !== shard));
    expect(codes(examine(text, without))).toContain('IMP1011');
    expect(codes(examine(text, without, { randomParams: true }))).toEqual([]);
    const cut = new Map([...files].map(([f, b]) => [f, f === shard ? b.subarray(0, b.length - 4) : b]));
    expect(codes(examine(text, cut))).toContain('IMP1001');
  });

  test('weights of another layer are not taken', () => {
    expect(codes(examine(text.replace('"name": "c1/kernel"', '"name": "c9/kernel"')))).toEqual(['IMP1011']);
    expect(codes(examine(text.replace('"name": "c1/kernel"', '"name": "c2/kernel"')))).toContain('IMP1003');
    expect(codes(examine(text.replace('"shape": [3, 3, 3, 4]', '"shape": [3, 3, 4, 3]')))).toEqual(['IMP1005']);
  });

  test('bytes that are no model', () => {
    for (let n = 0; n < text.length; n += 101) expect(codes(examine(text.slice(0, n)))).toEqual(['IMP1001']);
    for (const json of ['[]', '{}', '{"modelTopology": 3}', '{"modelTopology": {"class_name": "Sequential"}}'])
      expect(codes(examine(json))).toEqual(['IMP1001']);
    const manifest = (entry: string): string =>
      text.replace(/"weightsManifest": .*$/s, `"weightsManifest": [{"paths": [], "weights": [${entry}]}]}`);
    for (const entry of [
      '3',
      '{"name": "c1/kernel"}',
      '{"name": "c1/kernel", "shape": [1e30], "dtype": "float32"}',
      '{"name": "a", "shape": [2], "dtype": "string"}',
    ])
      expect(codes(examine(manifest(entry)))).toContain('IMP1005');
  });
});
