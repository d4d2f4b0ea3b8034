import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { encodeNpy } from '../frontend/tensors/index.ts';
import { affinePackage } from './testing/models.ts';
import { onnxModel } from './testing/onnx.ts';
import { cli, inFolder, type Ran } from './testing/run.ts';

/** z = x + y, with both as inputs. */
const withSum = (use: (inspect: (...words: string[]) => Promise<Ran>) => Promise<void>): Promise<void> =>
  inFolder(async (folder) => {
    const node = { op: 'Add', name: 'sum', inputs: ['x', 'y'], outputs: ['z'] };
    writeFileSync(join(folder, 'm.onnx'), onnxModel([node], { x: [2], y: [1] }, { z: [2] }));
    writeFileSync(join(folder, 'm.cvm'), affinePackage());
    writeFileSync(join(folder, 'y.npy'), encodeNpy({ dtype: 'i32', shape: [1], data: Int32Array.of(3) }));
    await use((...words) => cli(['inspect', '--json', ...words], { cwd: folder }));
  });

const inputsOf = (ran: Ran): readonly string[] => (JSON.parse(ran.stdout) as { inputs: { name: string }[] }).inputs.map((i) => i.name);
const problemsOf = (ran: Ran): readonly string[] =>
  (JSON.parse(ran.stdout) as { error: { code: string; message: string }[] }).error.map((e) => `${e.code} ${e.message}`);

test('--const takes an input out of the program, by values or by a file', () =>
  withSum(async (inspect) => {
    expect(inputsOf(await inspect('m.onnx'))).toEqual(['x', 'y']);
    expect(inputsOf(await inspect('m.onnx', '--const', 'y=[2.5]'))).toEqual(['x']);
    expect(inputsOf(await inspect('m.onnx', '--const', 'y=7'))).toEqual(['x']);
    expect(inputsOf(await inspect('m.onnx', '--const', 'y=y.npy'))).toEqual(['x']);
    expect(inputsOf(await inspect('m.onnx', '--const', 'x=[1,2]', '--const', 'y=3'))).toEqual([]);
  }));

test('--const names what does not fit', () =>
  withSum(async (inspect) => {
    expect(problemsOf(await inspect('m.onnx', '--const', 'w=1'))).toEqual(['CLI1003 --const names w, which is no input of the model']);
    expect(problemsOf(await inspect('m.onnx', '--const', 'x=[1,2,3]'))).toEqual(['ONX1013 its constant has shape [3] but [2] is declared']);
    expect(problemsOf(await inspect('m.onnx', '--const', 'x'))[0]).toMatch(/^CLI1003 --const is x but takes NAME=VALUES/);
    expect(problemsOf(await inspect('m.onnx', '--const', 'x=none.npy'))[0]).toMatch(/^CLI2001/);
    expect(problemsOf(await inspect('m.cvm', '--const', 'x=1'))[0]).toMatch(/^CLI1005 --const is given/);
  }));
