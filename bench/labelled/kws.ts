import { join } from 'node:path';
import type { Tensor } from '../../src/ir/index.ts';
import { at } from '../../src/support/index.ts';
import { readArchive } from '../data.ts';
import type { LabelledModel } from './model.ts';
import { tflite } from './tflite.ts';

/** Every seventh file calibrates. */
const CALIBRATION_STEP = 7;

/**
 * Keyword spotting of MLPerf Tiny (a DS-CNN, TensorFlow Lite) on its accuracy set: 49 x 10 MFCC features as the int8 codes of the quantized
 * reference model, 12 words. 600 of the 700 files of the data folder test, the other hundred, without their labels, calibrate.
 */
export const mlperfKws = (data: string): LabelledModel => {
  const folder = join(data, 'tflite', 'mlperf-tiny');
  const path = join(folder, 'kws_ref_model_float32.tflite');
  return {
    name: 'MLPerf Tiny keyword spotting',
    path,
    published: 'MLPerf Tiny: >= 90',
    quick: true,
    load: (most) => {
      const files = readArchive(join(data, 'datasets', 'kws01', 'kws01-open.tar.zst'));
      if (files === undefined) return undefined;
      const byName = new Map(files.map((f) => [f.name, f.bytes]));
      const rows = new TextDecoder()
        .decode(byName.get('y_labels.csv'))
        .trim()
        .split(/\r?\n/)
        .map((line) => line.split(','))
        .filter(([name = '']) => byName.has(name));
      const sample = ([name = '']: readonly string[]): Tensor => ({
        dtype: 'i8',
        shape: [1, 49, 10, 1],
        data: new Int8Array(byName.get(name) ?? []),
      });
      const tests = rows.filter((_, i) => i % CALIBRATION_STEP !== 0).slice(0, most);
      const twin = tflite(join(folder, 'kws_ref_model.tflite'));
      return {
        program: tflite(path).program,
        set: {
          samples: tests.map((r) => twin.toReals(sample(r))),
          labels: tests.map((r) => Number(at(r, 2))),
          calibration: rows.filter((_, i) => i % CALIBRATION_STEP === 0).map((r) => twin.toReals(sample(r))),
        },
        twin: { name: 'its int8 twin', program: twin.program, samples: tests.map(sample) },
      };
    },
  };
};
