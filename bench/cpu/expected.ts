import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { randomSamples } from '../../src/cli/index.ts';
import { DTYPE_INFO, elementCount, identityHash, isStaticType, type Program, type Tensor, typeOf } from '../../src/ir/index.ts';
import { invariant } from '../../src/support/index.ts';
import { ROOT } from '../data.ts';
import { CACHE, cached } from './prepare.ts';

/** Bytes of each output of one run. */
export type SampleBytes = readonly Uint8Array[];

/** A program with what it runs on and what has to come out. */
export interface Checked {
  readonly program: Program;
  readonly samples: readonly (readonly Tensor[])[];
  /** What the reference interpreter gives for each sample. */
  readonly expected: readonly SampleBytes[];
}

/** Samples of a batch of eight, all different. */
export const SAMPLES = 8;

export const bytesOf = ({ data }: Tensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Inputs of some runs, the same on every machine. */
export const samplesOf = (program: Program, count: number): readonly (readonly Tensor[])[] => randomSamples(program, count);

const fileName = (hash: string, sample: number): string => join('reference', `${hash}.${sample}.bin`);

/** Writes what the reference gives for a sample into the cache: its outputs behind each other. */
export const keepReference = (program: Program, sample: number, results: readonly Tensor[]): void => {
  cached(fileName(identityHash(program), sample), (path) => writeFileSync(path, Buffer.concat(results.map(bytesOf))));
};

const outputBytes = (program: Program): readonly number[] =>
  program.outputs.map(({ value }) => {
    const type = typeOf(program, value);
    invariant(isStaticType(type), 'an output has symbolic dimensions');
    return elementCount(type.shape) * DTYPE_INFO[type.dtype].bytes;
  });

/** The samples of a program that the cache has no reference results for. */
const missingSamples = (hash: string, count: number): readonly number[] =>
  Array.from({ length: count }, (_, k) => k).filter((k) => !existsSync(join(CACHE, fileName(hash, k))));

const runChild = (path: string, samples: readonly number[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'dist', 'bench', 'cpu', 'reference-child.js'), path, ...samples.map(String)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaint = '';
    child.stderr.on('data', (data: Buffer) => {
      complaint = (complaint + data.toString()).slice(-2000);
    });
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`the reference: ${complaint.trim().split('\n').at(-1) ?? code}`)),
    );
  });

/**
 * What the reference interpreter gives for the first samples of a package, by as many processes as there are cores where the cache
 * lacks it: big networks take it minutes.
 */
export const expectedResults = async (path: string, program: Program, count: number): Promise<readonly SampleBytes[]> => {
  const hash = identityHash(program);
  const missing = missingSamples(hash, count);
  const workers = Math.min(missing.length, availableParallelism());
  await Promise.all(
    Array.from({ length: workers }, (_, w) =>
      runChild(
        path,
        missing.filter((_, i) => i % workers === w),
      ),
    ),
  );
  const sizes = outputBytes(program);
  return Array.from({ length: count }, (_, sample) => {
    const bytes = readFileSync(join(CACHE, fileName(hash, sample)));
    let at = 0;
    return sizes.map((size) => bytes.subarray(at, (at += size)));
  });
};

/** Whether no sample of the program has to run on the reference any more. */
export const knowsReference = (program: Program, count: number): boolean => missingSamples(identityHash(program), count).length === 0;
