import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ImportReport } from '../contract.ts';
import { writeZip } from '../zip.ts';
import { examineKeras } from './examine.ts';
import { examined, optionsFor } from './testing/open.ts';

const recorded = (name: string): Uint8Array =>
  new Uint8Array(gunzipSync(readFileSync(join(import.meta.dirname, 'testing', 'recorded', `${name}.gz`))));
const [legacy, archive] = [recorded('sequential2.h5'), recorded('sequential3.keras')];
const codes = (report: ImportReport): readonly string[] => [...new Set(report.problems.map((p) => p.code))];
const latin = new TextDecoder('latin1');
const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
/** A text in the file put in place of another as long. */
const replaced = (bytes: Uint8Array, from: string, to: string): Uint8Array => {
  expect(to).toHaveLength(from.length);
  const text = latin.decode(bytes);
  expect(text).toContain(from);
  return bytesOf(text.replaceAll(from, to));
};

describe('files that are damaged', () => {
  test.each([
    ['legacy', legacy],
    ['archive', archive],
  ] as const)('%s: every tenth length has problems, none is thrown', (_, bytes) => {
    expect(codes(examined(bytes))).toEqual([]);
    for (let n = 0; n < bytes.length - 64; n += Math.floor(bytes.length / 120))
      expect(codes(examined(bytes.subarray(0, n), 'a.keras'))).not.toEqual([]);
  });

  test('changed bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(legacy, archive),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (bytes, changes) => {
          const bad = bytes.slice();
          for (const [at, value] of changes) bad[at % bad.length] = value;
          examined(bad);
        },
      ),
      { numRuns: 200, seed: 8 },
    );
  });

  test('archives without their parts', () => {
    const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
    expect(codes(examined(writeZip([{ name: 'metadata.json', data: text({ keras_version: '3.0.0' }) }])))).toEqual(['IMP1001']);
    expect(codes(examined(writeZip([{ name: 'config.json', data: text([1]) }])))).toEqual(['IMP1001']);
    const model = {
      module: 'keras',
      class_name: 'Sequential',
      config: { layers: [{ class_name: 'Dense', config: { name: 'd', units: 2, batch_input_shape: [null, 2] } }] },
    };
    const alone = writeZip([{ name: 'config.json', data: text(model) }]);
    expect(codes(examined(alone))).toEqual(['IMP1011']);
    expect(codes(examined(alone, 'm.keras', { randomParams: true }))).toEqual([]);
    const subclassed = writeZip([{ name: 'config.json', data: text({ ...model, class_name: 'MyModel', module: 'mine' }) }]);
    expect(examined(subclassed).problems[0]?.message).toMatch(/mine.MyModel/);
  });

  test('files of weights alone are said to be that', () => {
    const report = examined(replaced(legacy, 'model_config', 'other_config'));
    expect(codes(report)).toEqual(['IMP1001']);
    expect(report.problems[0]?.message).toMatch(/no attribute model_config/);
  });
});

describe('weights of another model', () => {
  test('a count or a shape that differs', () => {
    expect(codes(examined(replaced(legacy, '"use_bias": true', '"use_bias":false')))).toContain('IMP1005');
    expect(codes(examined(replaced(legacy, '"units": 5', '"units": 4')))).toContain('IMP1005');
  });
  test('a kernel where a bias is wanted', () => {
    const swapped = latin
      .decode(legacy)
      .replaceAll('d/kernel:0', 'd/xxxxxx:0')
      .replaceAll('d/bias:0\0\0', 'd/kernel:0')
      .replaceAll('d/xxxxxx:0', 'd/bias:0\0\0');
    expect(codes(examined(bytesOf(swapped)))).not.toEqual([]);
  });
  test('--params takes the place of the weights of the file', () => {
    const plain = examined(archive, 'm.keras');
    const other = examined(archive, 'm.keras', { params: recorded('sequential3.h5') });
    expect(codes(other)).toEqual([]);
    expect(other.program?.params.map((p) => p.name)).toEqual(plain.program?.params.map((p) => p.name));
    expect(codes(examined(archive, 'm.keras', { params: recorded('recurrent2.h5') }))).toEqual(['IMP1011']);
    expect(codes(examined(archive, 'm.keras', { params: Uint8Array.of(1, 2, 3) }))).toEqual(['IMP1001']);
  });
  test('archives whose layers have other names', () => {
    const model = new TextEncoder().encode(
      JSON.stringify({
        class_name: 'Sequential',
        keras_version: '3.0.0',
        config: {
          layers: [{ class_name: 'Conv2D', config: { name: 'other', filters: 4, kernel_size: 3, batch_input_shape: [null, 8, 8, 3] } }],
        },
      }),
    );
    const inside = latin.decode(archive).includes('model.weights.h5');
    expect(inside).toBe(true);
    const weights = recorded('sequential3.h5');
    expect(codes(examineKeras(model, optionsFor('m.json', new Map(), { params: weights })))).toEqual(['IMP1011']);
  });
});
