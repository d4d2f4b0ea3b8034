import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runProgram, type Tensor, verifyProgram } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { ImportReport } from '../contract.ts';
import { importTflite } from '../tflite/index.ts';
import { examineKeras } from './examine.ts';
import { keras } from './index.ts';
import { optionsFor } from './testing/open.ts';

/** Real models, not part of the repository: CORTEXC_DATA, else ../shared/data. */
const DATA = resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'));
const hasData = existsSync(join(DATA, 'tflite/mlperf-tiny/pretrainedResnet.h5'));
if (!hasData) console.warn(`Keras suites are skipped: ${DATA} has no tflite/mlperf-tiny/pretrainedResnet.h5 (set CORTEXC_DATA)`);
const withData = hasData ? describe : describe.skip;

const bytesOf = (file: string): Uint8Array => new Uint8Array(readFileSync(join(DATA, file)));
const examine = (file: string): ImportReport => {
  const folder = join(DATA, dirname(file));
  const files = new Map(
    readdirSync(folder).flatMap((f) => (f.endsWith('.h5') ? [[f, new Uint8Array(readFileSync(join(folder, f)))] as const] : [])),
  );
  return examineKeras(bytesOf(file), optionsFor(file.split('/').at(-1) ?? '', files));
};
const numbers = (shape: readonly number[], salt: number): Tensor => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from({ length: shape.reduce((p, d) => p * d, 1) }, (_, i) => ((i * 7919 + salt * 104_729) % 1021) / 1021),
});
const ops = ({ program }: ImportReport): readonly string[] => program?.nodes.map((n) => n.op) ?? [];

withData('models of others', () => {
  test.each([
    ['tflite/mlperf-tiny/pretrainedResnet.h5', 29],
    ['tflite/mlperf-tiny/str_ww_ref_model.h5', 22],
    ['pairs/hls4ml/KERAS_3layer.json', 4],
    ['pairs/hls4ml/KERAS_conv1d_small.json', 6],
    ['pairs/hls4ml/KERAS_conv2d_model.json', 4],
  ])('%s', (file, layers) => {
    expect(keras.detect(bytesOf(file).subarray(0, 4096), file)).toBe(true);
    const report = examine(file);
    expect(report.problems).toEqual([]);
    expect(report.nodes).toHaveLength(layers);
    expect(report.nodes.filter((n) => n.verdict !== 'ok')).toEqual([]);
    expect(report.program === undefined ? undefined : verifyProgram(report.program)).toMatchObject({ ok: true });
  });

  test('images stand channels first between layers: one transpose at each end', () => {
    const report = examine('tflite/mlperf-tiny/pretrainedResnet.h5');
    expect(ops(report).filter((op) => op === 'transpose').length).toBeLessThanOrEqual(2);
    expect(ops(report).filter((op) => op === 'conv')).toHaveLength(9);
  });

  test('ResNet8 computes what its TensorFlow Lite twin does', () => {
    const report = examine('tflite/mlperf-tiny/pretrainedResnet.h5');
    const twin = importTflite(bytesOf('tflite/mlperf-tiny/pretrainedResnet.tflite'));
    if (!twin.ok || report.program === undefined) throw new Error('not imported');
    for (const salt of [1, 2, 3]) {
      const x = numbers([1, 32, 32, 3], salt);
      const image = { ...x, data: Float32Array.from(x.data, (v) => Math.floor(v * 256)) };
      const [a, b] = [at(runProgram(report.program, [image]), 0), at(runProgram(twin.value.program, [image]), 0)];
      Array.from(a.data).forEach((v, i) => expect(Math.abs(v - at(b.data, i))).toBeLessThan(1e-4));
    }
  });
});
