import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CudaSourceOptions, emitCudaFolder, type TestVector } from '../../src/backends/gpu/index.ts';
import { batchProgram } from '../../src/passes/index.ts';
import { DTYPE_INFO, elementCount, isStaticType, type Program, type Tensor, typeOf } from '../../src/ir/index.ts';
import { at, invariant, sha256Hex, unwrap } from '../../src/support/index.ts';
import { ARCHITECTURES, type ArchitectureName, onnxOf } from '../cpu/networks/architectures.ts';
import { expectedResults, type SampleBytes, samplesOf } from '../cpu/expected.ts';
import { modelFile, packageOf, programOf } from '../cpu/prepare.ts';
import { ROOT } from '../data.ts';
import { samplePrograms } from './samples.ts';

// Folders for a machine with a GPU: build/gpu/NAME-bN, each with its own Makefile (make check, make bench), and build/gpu/samples-N,
// programs of one use of each op. Usage: node dist/bench/gpu/folders.js [NAME-bN | NAME-bN-wgmma | samples]...

const FOLDER = join(ROOT, 'build', 'gpu');
const DEFAULT = ['samples', 'squeezenet-b1', 'resnet50-b1', 'resnet50-b32', 'resnet50-b1-wgmma', 'resnet50-b32-wgmma'];

/** Different images in a batch; larger batches repeat them. */
const MOST_IMAGES = 2;

const stack = (tensors: readonly Tensor[]): Tensor => {
  const [first] = tensors;
  invariant(first !== undefined, 'a batch has an image');
  const [, ...rest] = first.shape;
  const shape = [tensors.reduce((n, t) => n + at(t.shape, 0), 0), ...rest];
  const data = DTYPE_INFO[first.dtype].make(elementCount(shape));
  let next = 0;
  for (const t of tensors) {
    data.set(t.data, next);
    next += t.data.length;
  }
  return { dtype: first.dtype, shape, data };
};

/** The outputs of one run as tensors. */
const outputsOf = (program: Program, bytes: SampleBytes): readonly Tensor[] =>
  program.outputs.map(({ value }, i) => {
    const type = typeOf(program, value);
    invariant(isStaticType(type), 'an output has symbolic dimensions');
    const own = new Uint8Array(at(bytes, i)).slice();
    return { dtype: type.dtype, shape: type.shape, data: DTYPE_INFO[type.dtype].view(own.buffer, 0, elementCount(type.shape)) };
  });

/** Which folder of this run has the parameters of a digest: folders travel, and a network has the same for all batch sizes. */
const parametersOf = new Map<string, string>();

const write = (name: string, program: Program, vectors: readonly TestVector[], options: CudaSourceOptions = {}): void => {
  const folder = join(FOLDER, name);
  rmSync(folder, { recursive: true, force: true });
  let bytes = 0;
  for (let file of unwrap(emitCudaFolder(program, vectors, options))) {
    if (file.name === 'parameters.bin') {
      const digest = sha256Hex(file.content);
      const owner = parametersOf.get(digest);
      if (owner === undefined) parametersOf.set(digest, name);
      else file = { name: 'parameters.from', content: `${owner}\n` };
    }
    const path = join(folder, file.name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.content);
    bytes += file.content.length;
  }
  process.stdout.write(`${folder}: ${(bytes / 2 ** 20).toFixed(1)} MiB\n`);
};

const writeNetwork = async (name: ArchitectureName, batch: number, engine: 'mma' | 'wgmma'): Promise<void> => {
  const path = packageOf(modelFile(`${name}.onnx`, () => onnxOf(name).bytes));
  const program = programOf(path);
  const count = Math.min(batch, MOST_IMAGES);
  const samples = samplesOf(program, count);
  const expected = (await expectedResults(path, program, count)).map((bytes) => outputsOf(program, bytes));
  const batched = batch === 1 ? program : batchProgram(program, batch);
  if ('reason' in batched) throw new Error(`${name} has no batch: ${batched.place}: ${batched.reason}`);
  const together = (runs: readonly (readonly Tensor[])[]): readonly Tensor[] =>
    at(runs, 0).map((_, i) => stack(Array.from({ length: batch }, (_unused, k) => at(at(runs, k % runs.length), i))));
  const folder = `${name}-b${batch}${engine === 'mma' ? '' : `-${engine}`}`;
  write(folder, batched, [{ inputs: together(samples), outputs: together(expected) }], { kernels: { engine } });
};

const isArchitecture = (name: string): name is ArchitectureName => Object.hasOwn(ARCHITECTURES, name);

for (const word of process.argv.length > 2 ? process.argv.slice(2) : DEFAULT) {
  const [, name = '', batch = '1', engine] = /^(.*?)(?:-b(\d+))?(-wgmma)?$/.exec(word) ?? [];
  if (word === 'samples') for (const [i, { program, vector }] of samplePrograms().entries()) write(`samples-${i}`, program, [vector]);
  else if (isArchitecture(name)) await writeNetwork(name, Number(batch), engine === undefined ? 'mma' : 'wgmma');
  else throw new Error(`there is no network ${name}; there are ${Object.keys(ARCHITECTURES).join(', ')}`);
}
