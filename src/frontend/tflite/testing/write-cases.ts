import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensorBytes } from '../../../ir/index.ts';
import { tensorOf, tflite } from './build.ts';
import { inputOf } from './case-parts.ts';
import { CASES } from './cases.ts';

/** Writes the cases as files for record.py: node dist/src/frontend/tflite/testing/write-cases.js FOLDER */
const folder = process.argv[2] ?? 'tmp/tflite-cases';
mkdirSync(folder, { recursive: true });
for (const { name, model } of CASES) {
  const file = join(folder, name.replaceAll(' ', '_'));
  writeFileSync(`${file}.tflite`, tflite(model));
  model.inputs.forEach((input, k) => {
    const t = model.tensors[input];
    if (t !== undefined) writeFileSync(`${file}.in${k}`, tensorBytes(tensorOf(t.elem, t.shape, inputOf(t, k))));
  });
}
