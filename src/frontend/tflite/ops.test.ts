import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runProgram, type Tensor, tensorBytes, verifyProgram } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import { importTflite } from './index.ts';
import { tensorOf, type TestModel, tflite } from './testing/build.ts';
import { inputOf } from './testing/case-parts.ts';
import { CASES } from './testing/cases.ts';

interface Recorded {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** What TensorFlow Lite makes of the cases: see testing/record.py. */
const RECORDED = JSON.parse(readFileSync(join(import.meta.dirname, 'testing/litert.json'), 'utf8')) as Readonly<
  Record<string, readonly Recorded[]>
>;

/** float32 sums in another order, and functions of other libraries. */
const FLOAT = 2e-6;

const inputsOf = (model: TestModel): readonly Tensor[] =>
  model.inputs.flatMap((name, k) => {
    const t = model.tensors[name];
    return t === undefined ? [] : [tensorOf(t.elem, t.shape, inputOf(t, k))];
  });

test.each(CASES.map((c) => [c.name, c] as const))('%s as TensorFlow Lite', (name, { model }) => {
  const { program } = unwrap(importTflite(tflite(model)));
  expect(verifyProgram(program)).toMatchObject({ ok: true });
  const wanted = RECORDED[name.replaceAll('_', ' ')] ?? [];
  const got = runProgram(program, inputsOf(model));
  expect(got.map((t) => t.shape)).toEqual(wanted.map((t) => t.shape));
  got.forEach((t, i) => {
    const { data } = at(wanted, i);
    const largest = Math.max(1, ...data.map(Math.abs));
    const quantized = model.tensors[at(model.outputs, i)]?.scales !== undefined;
    const allowed = t.dtype === 'f32' ? FLOAT * largest : quantized ? 1 : 0;
    const errors = Array.from(t.data, (v, k) => Math.abs(v - at(data, k)));
    expect(Math.max(0, ...errors)).toBeLessThanOrEqual(allowed);
    // a step where the runtime rounds a tie or a product the other way: seldom
    if (quantized) expect(errors.filter((e) => e > 0).length).toBeLessThanOrEqual(Math.ceil(errors.length / 4));
  });
});

const folder = process.env['TFLITE_CASES'];
if (folder !== undefined)
  test('cases are written for record.py', () => {
    mkdirSync(folder, { recursive: true });
    for (const { name, model } of CASES) {
      const file = join(folder, name.replaceAll(' ', '_'));
      writeFileSync(`${file}.tflite`, tflite(model));
      inputsOf(model).forEach((tensor, k) => writeFileSync(`${file}.in${k}`, tensorBytes(tensor)));
    }
  });
