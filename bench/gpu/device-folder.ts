import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalPieces, DTYPE_INFO, elementCount, type Tensor } from '../../src/ir/index.ts';
import type { GpuPort, GpuProgram } from '../../src/backends/gpu/index.ts';
import { at } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import type { NetworkName } from './networks/architectures.ts';

/** Where what is prepared lies. */
export const FOLDER = process.env['GPU_BENCH_FOLDER'] ?? join(ROOT, 'build', 'gpu-bench');

interface Named {
  readonly name: NetworkName;
}

export const builtFolder = ({ name, batch }: Named & { readonly batch: number }): string => join(FOLDER, `${name}-b${batch}`);
export const vectorFolder = ({ name }: Named): string => join(FOLDER, `${name}-vectors`);

export const isBuilt = (item: Named & { readonly batch: number }): boolean => existsSync(builtFolder(item));
export const hasVectors = (item: Named): boolean => existsSync(vectorFolder(item));

/** A program that was compiled for a device in another process, with its parameters. */
export interface Built {
  readonly program: GpuProgram;
  readonly images: readonly Uint8Array[];
}

/** A run with what has to come out, as bytes. */
export interface Vector {
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

const imageName = (i: number): string => `module_${i}.bin`;

const piecesOf = (content: Tensor | Uint8Array): readonly Uint8Array[] =>
  content instanceof Uint8Array ? [content] : [...canonicalPieces(content)];

/** Writes a folder under another name first: what has the name is whole. */
const whole = (folder: string, write: (draft: string) => void): void => {
  const draft = `${folder}.${process.pid}.part`;
  mkdirSync(draft, { recursive: true });
  write(draft);
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
};

/** Keeps a compiled program: its tables, its parameters, and its modules. */
export const writeBuilt = (folder: string, { program, images }: Built): void =>
  whole(folder, (draft) => {
    const file = new Uint8Array(program.fileBytes);
    for (const { offset, content } of program.file) {
      let next = offset;
      for (const piece of piecesOf(content)) {
        file.set(piece, next);
        next += piece.length;
      }
    }
    const parts = program.file.map(({ offset, bytes }) => ({ offset, bytes }));
    writeFileSync(join(draft, 'program.json'), JSON.stringify({ ...program, units: [], file: parts, images: images.length }));
    writeFileSync(join(draft, 'parameters.bin'), file);
    images.forEach((image, i) => writeFileSync(join(draft, imageName(i)), image));
  });

export const readBuilt = (folder: string): Built => {
  const { images, ...kept } = JSON.parse(readFileSync(join(folder, 'program.json'), 'utf8')) as GpuProgram & { images: number };
  const file = new Uint8Array(readFileSync(join(folder, 'parameters.bin')));
  const parts = kept.file.map(({ offset, bytes }) => ({ offset, bytes, content: file.subarray(offset, offset + bytes) }));
  return {
    program: { ...kept, file: parts },
    images: Array.from({ length: images }, (_, i) => new Uint8Array(readFileSync(join(folder, imageName(i))))),
  };
};

/** Keeps vectors of a program of one input and one output. */
export const writeVectors = (folder: string, vectors: readonly Vector[]): void =>
  whole(folder, (draft) => {
    vectors.forEach(({ inputs, outputs }, i) => {
      writeFileSync(join(draft, `input_${i}.bin`), at(inputs, 0));
      writeFileSync(join(draft, `output_${i}.bin`), at(outputs, 0));
    });
    writeFileSync(join(draft, 'count'), String(vectors.length));
  });

export const readVectors = (folder: string): readonly Vector[] =>
  Array.from({ length: Number(readFileSync(join(folder, 'count'), 'utf8')) }, (_, i) => ({
    inputs: [new Uint8Array(readFileSync(join(folder, `input_${i}.bin`)))],
    outputs: [new Uint8Array(readFileSync(join(folder, `output_${i}.bin`)))],
  }));

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let next = 0;
  for (const part of parts) {
    all.set(part, next);
    next += part.length;
  }
  return all;
};

/** Vectors of one image as one of a batch: the images take turns. */
export const batchVector = (vectors: readonly Vector[], batch: number): Vector => {
  const runs = Array.from({ length: batch }, (_, k) => at(vectors, k % vectors.length));
  const ports = (key: 'inputs' | 'outputs'): readonly Uint8Array[] =>
    at(vectors, 0)[key].map((_, i) => joined(runs.map((v) => at(v[key], i))));
  return { inputs: ports('inputs'), outputs: ports('outputs') };
};

/** The tensors of ports that have these bytes. */
export const tensorsOf = (ports: readonly GpuPort[], bytes: readonly Uint8Array[]): readonly Tensor[] =>
  ports.map(({ dtype, shape }, i) => {
    const own = at(bytes, i).slice();
    return { dtype, shape, data: DTYPE_INFO[dtype].view(own.buffer, 0, elementCount(shape)) };
  });
