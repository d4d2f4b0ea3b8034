import type { Backend, CompileOptions } from '../../src/backends/backend.ts';
import { Cache, hostLevels, nativeBackend, referenceBackend, sharedCache } from '../../src/backends/cpu/index.ts';
import {
  buildModules,
  chooseDevice,
  cudaSource,
  type DeviceInfo,
  emitCudaFolder,
  engineOf,
  loadDriver,
} from '../../src/backends/gpu/index.ts';
import { isStaticType, Philox, type Program, type Tensor, tensorBytes, typeOf } from '../../src/ir/index.ts';
import { at, invariant, unwrap } from '../../src/support/index.ts';
import { timed } from '../rows.ts';
import { type Vector, writeBuilt, writeVectors } from './device-folder.ts';
import { type NetworkName, networkProgram, NETWORKS } from './networks/architectures.ts';

// One piece of preparation in a process of its own: many go side by side where there are cores.
//   compile NAME BATCH FOLDER    emits and compiles a network for the device of this machine (or, without one, for capability 9.0)
//   emit NAME BATCH              emits it only
//   expect NAME FOLDER           what the CPU gives for seeded images
// Prints a line of JSON with what it took.

export interface Compiled {
  readonly emissionMs: number;
  /** Absent when only emitted. */
  readonly compileSeconds?: number;
  readonly modules: number;
  readonly launches: number;
  readonly macs: number;
}

export interface Expected {
  readonly backend: string;
  readonly seconds: number;
  /** This machine's best instruction set, and whether it gives the same bytes. */
  readonly other?: { readonly backend: string; readonly same: boolean };
}

const SEEDED_IMAGES = 2;
const IMAGE_SEED = 11;
/** The reference interpreter takes seconds for each 10^9 multiply-accumulates. */
const MOST_REFERENCE_MACS = 1e9;

/** A device that is not here: what kernels are compiled for when there is none. */
const ABSENT: DeviceInfo = {
  platform: 'cuda',
  index: 0,
  name: 'none',
  capability: 90,
  architecture: '90',
  memoryBytes: 0,
  processors: 132,
};

const compile = (name: NetworkName, batch: number, folder: string | undefined, absent: boolean): Compiled => {
  const { program, macs } = networkProgram(name, batch);
  const driver = absent || folder === undefined ? undefined : unwrap(loadDriver());
  const device = driver === undefined ? ABSENT : unwrap(chooseDevice(driver));
  const source = { kernels: { engine: engineOf(device) } };
  const [, emissionMs] = timed(() => unwrap(emitCudaFolder(program, [], source)));
  const written = unwrap(cudaSource(program, source));
  const launches = written.steps.reduce((n, s) => n + s.launches.length, 0);
  const facts = { emissionMs, modules: written.units.length, launches, macs: macs * batch };
  if (folder === undefined) return facts;
  const fake = driver?.isFake ?? false;
  // a cache of its own: what nvcc takes is measured
  const options = { cache: fake ? sharedCache() : new Cache({ folder: `${folder}-cache` }), fake };
  const [images, ms] = timed(() => unwrap(buildModules(written, device, options)));
  writeBuilt(folder, { program: written, images });
  return { ...facts, compileSeconds: ms / 1000 };
};

const seededImages = (program: Program): readonly (readonly Tensor[])[] => {
  const random = new Philox(IMAGE_SEED);
  const type = typeOf(program, at(program.inputs, 0).value);
  invariant(isStaticType(type) && type.dtype === 'i8', 'a network takes bytes');
  const { shape } = type;
  const count = shape.reduce((n, d) => n * d, 1);
  return Array.from({ length: SEEDED_IMAGES }, () => [
    { dtype: 'i8' as const, shape, data: Int8Array.from({ length: count }, () => random.int(-128, 127)) },
  ]);
};

type Run = (inputs: readonly Tensor[]) => readonly Tensor[];

/** Compiles a program and hands its runs out. @returns false when the backend does not compile it */
const outputsBy = (backend: Backend, program: Program, options: CompileOptions, use: (run: Run) => void): boolean => {
  const compiled = backend.compile(program, options);
  if (!compiled.ok) return false;
  use((inputs) => compiled.value.run(inputs));
  compiled.value.close?.();
  return true;
};

/** The instruction set whose bytes count: the one that the project's own machines have. Others have to give the same. */
const USUAL = 'avx2';

const expect = (name: NetworkName, folder: string, threads: number): Expected => {
  const { program, macs } = networkProgram(name, 1);
  const images = seededImages(program);
  const started = performance.now();
  const vectors: Vector[] = [];
  const keep = (run: Run): void => {
    for (const inputs of images)
      vectors.push({ inputs: inputs.map((t) => tensorBytes(t).slice()), outputs: run(inputs).map((t) => tensorBytes(t).slice()) });
  };
  const best = hostLevels().at(-1) ?? 'portable';
  const level = hostLevels().includes(USUAL) ? USUAL : best;
  let backend = `native ${level}`;
  if (!outputsBy(nativeBackend, program, { threads, isa: level }, keep)) {
    backend = 'reference';
    if (macs > MOST_REFERENCE_MACS) unwrap(nativeBackend.compile(program, { threads, isa: level }));
    outputsBy(referenceBackend, program, {}, keep);
  }
  writeVectors(folder, vectors);
  const seconds = (performance.now() - started) / 1000;
  if (best === level || backend === 'reference') return { backend, seconds };
  let same = true;
  const compare = (run: Run): void =>
    images.forEach((inputs, i) => {
      same &&= run(inputs).every((t, k) => Buffer.compare(tensorBytes(t), at(at(vectors, i).outputs, k)) === 0);
    });
  return outputsBy(nativeBackend, program, { threads, isa: best }, compare)
    ? { backend, seconds, other: { backend: `native ${best}`, same } }
    : { backend, seconds };
};

const isNetwork = (name: string): name is NetworkName => Object.hasOwn(NETWORKS, name);

const main = (): void => {
  const [kind = '', name = '', ...rest] = process.argv.slice(2);
  if (!isNetwork(name)) throw new Error(`there is no network ${name}`);
  const [first = '', folder = ''] = rest;
  const print = (facts: Compiled | Expected): void => void process.stdout.write(`${JSON.stringify(facts)}\n`);
  switch (kind) {
    case 'compile':
      return print(compile(name, Number(first), folder, rest[2] === 'absent'));
    case 'emit':
      return print(compile(name, Number(first), undefined, true));
    case 'expect':
      return print(expect(name, first, Number(rest[1] ?? 1)));
    default:
      throw new Error(`there is nothing called ${kind}`);
  }
};

main();
