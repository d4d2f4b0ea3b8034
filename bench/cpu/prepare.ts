import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomSamples, tensorDigest } from '../../src/cli/index.ts';
import { decodePackage } from '../../src/cvm-bytecode/index.ts';
import { identityHash, type Program, type Tensor } from '../../src/ir/index.ts';
import { at, unwrap } from '../../src/support/index.ts';
import { ROOT, runJson } from '../data.ts';
import { executableOn, readBytes } from '../models.ts';
import { providePeer } from './peers.ts';

/** What is made once and kept: models, packages, the peers' quantized forms, digests of the reference. */
const CACHE = join(ROOT, 'build', 'bench-cpu');
const MINUTES = 60_000;

const sha256 = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** A file of the cache, made by `make` under another name first, so that what is there is whole. */
const cached = (name: string, make: (path: string) => void): string => {
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(join(path, '..'), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  make(part);
  renameSync(part, path);
  return path;
};

/** Whether the cache has it. */
export const isCached = (name: string): boolean => existsSync(join(CACHE, name));

/** Digest of the code that turns a model into a package: another compiler makes another package. */
let compiler: string | undefined;
const compilerDigest = (): string => {
  const folders = ['support', 'ir', 'frontend', 'passes', 'cvm-bytecode'].map((f) => join(ROOT, 'dist', 'src', f));
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((e) => e.isFile() && e.name.endsWith('.js'))
      .map((e) => join(e.parentPath, e.name)),
  );
  compiler ??= sha256(...files.sort().map((f) => readFileSync(f)));
  return compiler;
};

/** The model file of that name, made by `bytes` the first time. */
export const modelFile = (name: string, bytes: () => Uint8Array): string => cached(name, (path) => writeFileSync(path, bytes()));

/** Why models have no package: many parts of the bench want the same one, and trying takes long. */
const failures = new Map<string, unknown>();

/** The package of a model, INT8, calibrated with one seeded sample. */
export const packageOf = (model: string): string => {
  if (failures.has(model)) throw failures.get(model);
  const key = sha256(readFileSync(model), compilerDigest()).slice(0, 16);
  try {
    return cached(join('packages', `${key}.cvm`), (path) => {
      runJson(['compile', model, '-o', path, '--random-calibration', '1', '--quiet']);
    });
  } catch (error) {
    failures.set(model, error);
    throw error;
  }
};

export const programOf = (path: string): Program => unwrap(decodePackage(readBytes(path))).program;

/** INT8 forms by the static quantizer of onnxruntime, by the names of its ways (bench/peers/cpu/onnxruntime_quantize.py). */
export const quantizedByOnnxruntime = (model: string, ways: readonly string[]): ReadonlyMap<string, string> => {
  const folder = join(CACHE, 'onnxruntime', sha256(readFileSync(model)).slice(0, 16));
  mkdirSync(folder, { recursive: true });
  const missing = ways.filter((way) => !existsSync(join(folder, `${way}.onnx`)));
  if (missing.length > 0) {
    const quantizer = providePeer('quantizer');
    if ('missing' in quantizer) throw new Error(quantizer.missing);
    const [python = '', ...words] = quantizer.words;
    const ran = spawnSync(python, [...words, model, folder, ...missing], { encoding: 'utf8', timeout: 20 * MINUTES });
    if (ran.status !== 0) throw new Error(`quantize_static: ${ran.stderr.trim().split('\n').at(-1) ?? ''}`);
  }
  return new Map(ways.map((way) => [way, join(folder, `${way}.onnx`)]));
};

/** Noise of the shape [count, ...] as a file of float32, the same for every peer. */
export const inputFile = (elements: number): string =>
  cached(join('inputs', `${elements}.f32`), (path) => {
    // a golden-ratio sequence: spread evenly over [-1, 1), the same on every machine
    const data = Float32Array.from({ length: elements }, (_, i) => 2 * ((i * 0.618033988749895) % 1) - 1);
    writeFileSync(path, new Uint8Array(data.buffer));
  });

/** Inputs of eight runs; the first is what the reference ran on. */
export const samplesOf = (program: Program): readonly (readonly Tensor[])[] => randomSamples(program, 8);

export const digestOf = (results: readonly Tensor[]): string => sha256(...results.map((t) => tensorDigest(t)));

const referenceName = (program: Program): string => join('reference', `${identityHash(program)}.txt`);

/** Whether the reference ran this program before. */
export const knowsReference = (program: Program): boolean => isCached(referenceName(program));

/** Digest of what the reference interpreter gives for the first sample; it runs once for each program, which takes minutes for big ones. */
export const referenceDigest = async (program: Program): Promise<string> => {
  const name = referenceName(program);
  if (!isCached(name)) {
    const reference = await executableOn('reference', program);
    const digest = digestOf(reference.run(at(samplesOf(program), 0)));
    cached(name, (path) => writeFileSync(path, digest));
  }
  return readFileSync(join(CACHE, name), 'utf8');
};
