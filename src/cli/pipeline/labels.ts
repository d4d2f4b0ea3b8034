import { decodeNpy } from '../../frontend/tensors/index.ts';
import { fail, ok, type Result } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { labelsMisfit } from '../diagnostics.ts';
import { sampleCount } from './samples.ts';

/** Class names from a text file, one a line, in order of the classes. */
export const readLabels = (context: Context, path: string): Result<readonly string[]> => {
  const file = context.read(path, 'labels');
  if (!file.ok) return file;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(file.value);
  } catch {
    return fail(labelsMisfit(path, 'the file is not UTF-8 text'));
  }
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const empty = lines.findIndex((line) => line.trim() === '');
  return empty < 0 ? ok(lines) : fail(labelsMisfit(path, `line ${empty + 1} is empty`));
};

/**
 * Class numbers of `count` evaluation samples, from 0 to `classes` - 1, from a .npy of whole numbers or a text file with one
 * number a line.
 */
export const readClassNumbers = (context: Context, path: string, count: number, classes: number): Result<readonly number[]> => {
  const file = context.read(path, 'labels');
  if (!file.ok) return file;
  let numbers: readonly number[];
  if (file.value[0] === 0x93) {
    const array = decodeNpy(file.value, { name: path });
    if (!array.ok) return array;
    numbers = Array.from(array.value.data);
  } else {
    numbers = new TextDecoder().decode(file.value).trim().split(/\s+/).map(Number);
  }
  const bad = numbers.findIndex((v) => !Number.isInteger(v) || v < 0);
  if (bad >= 0) return fail(labelsMisfit(path, `entry ${bad} is ${String(numbers[bad])}, which is no class number`));
  const beyond = numbers.findIndex((v) => v >= classes);
  if (beyond >= 0) {
    const range = `the model has ${classes} classes, 0 to ${classes - 1}`;
    const ones = numbers.includes(classes) && !numbers.includes(0) ? ' (do the numbers start at 1?)' : '';
    return fail(labelsMisfit(path, `entry ${beyond} is ${String(numbers[beyond])}, but ${range}${ones}`));
  }
  return numbers.length === count
    ? ok(numbers)
    : fail(labelsMisfit(path, `there are ${numbers.length} class numbers for ${count} samples`));
};

/** Expected outputs of `count` samples from a .npy: one output of the model's shape a sample along the first axis. */
export const readExpected = (context: Context, path: string, shape: readonly number[], count: number): Result<Float32Array> => {
  const file = context.read(path, 'tensor');
  if (!file.ok) return file;
  const array = decodeNpy(file.value, { name: path });
  if (!array.ok) return array;
  const samples = sampleCount(array.value.shape, shape, path);
  if (!samples.ok) return samples;
  if (samples.value !== count) return fail(labelsMisfit(path, `there are ${samples.value} expected outputs for ${count} samples`));
  const data = Float32Array.from(array.value.data);
  const bad = data.findIndex((v) => !Number.isFinite(v));
  return bad < 0 ? ok(data) : fail(labelsMisfit(path, `element ${bad} is ${String(data[bad])}, which nothing compares with`));
};
