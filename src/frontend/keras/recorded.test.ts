import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { elementCount, isStaticShape, type Program, runProgram, type Tensor, type TensorType, verifyProgram } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { examined } from './testing/open.ts';

/** Models with an output for each layer, and what Keras 2 and 3 make of them: testing/record.py writes them. */
const FOLDER = join(import.meta.dirname, 'testing', 'recorded');
const unpacked = (name: string): Uint8Array => new Uint8Array(gunzipSync(readFileSync(join(FOLDER, name))));
const outputs = Object.fromEntries(
  [2, 3].map((v) => [v, JSON.parse(new TextDecoder().decode(unpacked(`outputs${v}.json.gz`))) as Record<string, number[][]>]),
);

/** The inputs of record.py. */
const inputOf = ({ dtype, shape }: TensorType, i: number): Tensor => {
  const sizes = isStaticShape(shape) ? shape : [];
  const numbers = Array.from({ length: elementCount(sizes) }, (_, k) => k);
  if (dtype === 'i32') return { dtype, shape: sizes, data: Int32Array.from(numbers, (k) => (k * 3) % 10) };
  if (dtype === 'bool') return { dtype, shape: sizes, data: Uint8Array.from(numbers, (k) => (k % 3 === 0 ? 0 : 1)) };
  const part = (k: number): number => (((k * 7919 + (500 + i) * 104_729 + 12_345) % 1021) / 1024) * 4 - 2;
  return { dtype: 'f32', shape: sizes, data: Float32Array.from(numbers, part) };
};

/** Greatest difference of two lists, relative to numbers above 1. */
const distance = (got: ArrayLike<number>, wanted: readonly number[]): number =>
  wanted.reduce((most, w, i) => Math.max(most, Math.abs((got[i] ?? Number.NaN) - w) / Math.max(1, Math.abs(w))), 0);

const files = readdirSync(FOLDER).filter((f) => /\.(h5|keras)\.gz$/.test(f));

describe('what Keras makes of its layers', () => {
  test.each(files)('%s', (file) => {
    const [, name = '', version = ''] = /^(\w+)([23])\./.exec(file) ?? [];
    const report = examined(unpacked(file), file.replace(/\.gz$/, ''));
    expect(report.problems).toEqual([]);
    const program = report.program as Program;
    expect(verifyProgram(program)).toMatchObject({ ok: true });
    const got = runProgram(
      program,
      report.inputs.map(({ type }, i) => inputOf(type, i)),
    );
    const wanted = outputs[version]?.[name] ?? [];
    expect(got).toHaveLength(wanted.length);
    const far = got.flatMap((tensor, i) => {
      const d = tensor.data.length === at(wanted, i).length ? distance(tensor.data, at(wanted, i)) : Number.POSITIVE_INFINITY;
      return d <= 2e-6 ? [] : [`${at(report.outputs, i).name} [${tensor.shape.join(', ')}]: ${d}`];
    });
    expect(far).toEqual([]);
  });
});
