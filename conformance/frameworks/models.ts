import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { importOnnx } from '../../src/frontend/onnx/index.ts';
import { importTflite } from '../../src/frontend/tflite/index.ts';
import { bindDims, isStaticType, isSymbolic, Philox, type Program, randomTensor, typeOf } from '../../src/ir/index.ts';
import { invariant, unwrap } from '../../src/support/index.ts';
import type { Case } from './cases.ts';

/** Folders of the data set (MANIFEST.md) with models that are imported whole, without help of the command line. */
const FOLDERS = ['onnx-trained', 'onnx-int-deeploy', 'onnx-quant', 'tflite'];

/** Reference results of larger files take minutes. */
const MOST_BYTES = 8 * 2 ** 20;
/** Multiply-accumulates and the like of one run. */
export const MOST_COST = 300_000_000;

const batched = (program: Program): Program => {
  const symbols = program.inputs.flatMap(({ value }) => typeOf(program, value).shape.filter(isSymbolic));
  return unwrap(bindDims(program, new Map(symbols.map((s) => [s, 1]))));
};

/** The program of a file with batches of 1; undefined where it cannot be imported. */
const programOf = (path: string): Program | undefined => {
  const bytes = new Uint8Array(readFileSync(path));
  const imported = path.endsWith('.onnx') ? importOnnx(bytes) : importTflite(bytes);
  if (!imported.ok) return undefined;
  try {
    return batched(imported.value.program);
  } catch {
    return undefined;
  }
};

const inputsOf = (program: Program): Case['inputs'] => {
  const random = new Philox(1);
  return program.inputs.map(({ value }) => {
    const type = typeOf(program, value);
    invariant(isStaticType(type), 'the program is bound');
    return type.dtype === 'f32' ? randomTensor(type, random, -1, 1) : randomTensor(type, random);
  });
};

/** Models below a folder of the data set. */
export function* modelCases(data: string, wanted: (name: string) => boolean): Generator<Case> {
  for (const folder of FOLDERS) {
    const root = join(data, folder);
    if (!existsSync(root)) continue;
    const files = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /[.](onnx|tflite)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    for (const path of files) {
      const name = relative(data, path);
      if (!wanted(name) || readFileSync(path).length > MOST_BYTES) continue;
      const program = programOf(path);
      if (program !== undefined) yield { name: name.replaceAll('/', '_'), program, inputs: inputsOf(program) };
    }
  }
}
