import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { decodePackage } from '../../src/cvm-bytecode/index.ts';
import type { Program } from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { ROOT, runJson } from '../data.ts';
import { readBytes } from '../models.ts';
import { providePeer } from './peers.ts';

/** What is made once and kept: models, packages, the peers' quantized forms, results of the reference, native libraries. */
export const CACHE = join(ROOT, 'build', 'bench-cpu');
/** Where native programs of the bench are kept (CORTEXC_CACHE). */
export const NATIVE_CACHE = join(CACHE, 'native');
const MINUTES = 60_000;

export const sha256 = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** A file of the cache, made by `make` under another name first, so that what is there is whole. */
export const cached = (name: string, make: (path: string) => void): string => {
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(join(path, '..'), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  make(part);
  renameSync(part, path);
  return path;
};

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

/** Digest of the code that writes the models: another architecture is another file. */
let writer: string | undefined;
const writerDigest = (): string => {
  const folder = join(ROOT, 'dist', 'bench', 'cpu', 'networks');
  const files = readdirSync(folder).filter((name) => name.endsWith('.js'));
  writer ??= sha256(...files.sort().map((name) => readFileSync(join(folder, name)))).slice(0, 8);
  return writer;
};

/** The model file of that name, made by `bytes` the first time. */
export const modelFile = (name: string, bytes: () => Uint8Array): string =>
  cached(join('models', writerDigest(), basename(name)), (path) => writeFileSync(path, bytes()));

/** Why models have no package: many parts of the bench want the same one, and trying takes long. */
const failures = new Map<string, unknown>();

/** One way of quantizing, nothing searched: which integers come out does not change the time of a run. One seeded sample calibrates. */
export const PLAIN: readonly string[] = ['--random-calibration', '1', '--method', 'mse', '--rounding', 'nearest', '--equalize', 'off'];

/** The package of a model, INT8 unless the options say otherwise; models that are quantized already need none. */
export const packageOf = (model: string, options: readonly string[] = PLAIN): string => {
  const name = [model, ...options].join(' ');
  if (failures.has(name)) throw failures.get(name);
  const key = sha256(readFileSync(model), compilerDigest(), options.join(' ')).slice(0, 16);
  try {
    return cached(join('packages', `${key}.cvm`), (path) => {
      runJson(['compile', model, '-o', path, ...options, '--quiet']);
    });
  } catch (error) {
    failures.set(name, error);
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
