import type { GpuJsPort, GpuJsProgram } from '../program.ts';
import type { GpuConstructor, Mode } from './api.ts';
import { differences, type Engine, GpuJsError, openEngine, openProgram, testEngine } from './runtime.ts';

/** Where a parameter lies in parameters.bin: elements of a type from a byte on. */
export interface StoredArray {
  readonly array: number;
  readonly type: 'i8' | 'i16' | 'f32';
  readonly offset: number;
}

/** A run whose results are known: from the reference interpreter, which is the definition. */
export interface Vector {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** The file model.json of an emitted folder. */
export interface Folder {
  readonly program: GpuJsProgram;
  readonly parameters: readonly StoredArray[];
  readonly vectors: readonly Vector[];
}

/** A model on this page's device. */
export interface Model {
  readonly name: string;
  readonly mode: Mode;
  /** Modes that were tried before, and why they are not used. */
  readonly warnings: readonly string[];
  readonly inputs: readonly GpuJsPort[];
  readonly outputs: readonly GpuJsPort[];
  /** Elements of each input, row-major, to those of each output. */
  run(inputs: readonly Uint8Array[]): Promise<readonly Uint8Array<ArrayBuffer>[]>;
  /** Runs the vectors of the folder; what differs, nothing when all bytes are right. */
  check(): Promise<readonly string[]>;
  close(): void;
}

export interface LoadOptions {
  /** Only this mode, instead of the best that gives the right bytes. */
  readonly mode?: Mode;
  /** The class GPU of gpu.js, if the page has it already. */
  readonly GPU?: GpuConstructor;
}

const get = async (url: URL): Promise<Response> => {
  const response = await fetch(url);
  if (!response.ok) throw new TypeError(`${url.href} answers ${response.status} ${response.statusText}`);
  return response;
};
const bytesOf = async (name: string, base: URL): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await (await get(new URL(name, base))).arrayBuffer());
const all = (names: readonly string[], base: URL): Promise<Uint8Array[]> => Promise.all(names.map((name) => bytesOf(name, base)));

const TYPES = { i8: Int8Array, i16: Int16Array, f32: Float32Array } as const;

/** A folder with its parameters as floats. */
const open = async (base: URL): Promise<Folder & { readonly floats: (array: number) => Float32Array }> => {
  const folder = (await (await get(new URL('model.json', base))).json()) as Folder;
  const { buffer } = await bytesOf('parameters.bin', base);
  const stored = new Map(folder.parameters.map((p) => [p.array, p]));
  const floats = (array: number): Float32Array => {
    const { type, offset } = stored.get(array) ?? { type: 'f32', offset: 0 };
    return Float32Array.from(new TYPES[type](buffer, offset, folder.program.arrays[array] ?? 0));
  };
  return { ...folder, floats };
};

/** Best first. */
const ORDER: readonly Mode[] = ['webgpu', 'webgl2', 'webgl', 'webasm', 'cpu'];

const test = async (engine: Engine, base: URL): Promise<void> => {
  const { program, vectors, floats } = await open(new URL('self-test/', base));
  const at = new URL('self-test/', base);
  for (const { inputs, outputs } of vectors)
    await testEngine(engine, { program, parameters: floats, inputs: await all(inputs, at), outputs: await all(outputs, at) });
};

/** gpu.js of the folder; it puts its class in the global scope. */
const library = async (base: URL): Promise<GpuConstructor> => {
  await import(new URL('gpu-browser.min.js', base).href);
  const { GPU } = globalThis as { readonly GPU?: GpuConstructor };
  if (GPU === undefined) throw new TypeError('gpu-browser.min.js does not define GPU');
  return GPU;
};

/**
 * Opens the folder at an address in the best mode that gives the right bytes for extreme values (self-test/) and for the folder's first vector: modes that
 * are not there, do not compile a kernel or compute wrongly are left, with a warning.
 * @throws {GpuJsError} GPU0002, GPU0007, BKD0005 of the last mode; {TypeError} for what cannot be fetched
 */
export const load = async (address: string | URL, options: LoadOptions = {}): Promise<Model> => {
  const base = new URL(address, (globalThis as { readonly location?: { readonly href: string } }).location?.href);
  const GPU = options.GPU ?? (await library(base));
  const folder = await open(base);
  const { program, vectors, floats } = folder;
  const modes = options.mode === undefined ? ORDER : [options.mode];
  const warnings: string[] = [];
  for (const [i, mode] of modes.entries()) {
    try {
      const engine = await openEngine({ GPU }, mode);
      await test(engine, base);
      const model = await openProgram(engine, program, floats);
      const check = async (list: readonly Vector[]): Promise<readonly string[]> => {
        const problems: string[] = [];
        for (const [v, { inputs, outputs }] of list.entries()) {
          const results = await model.run(await all(inputs, base));
          problems.push(...differences(program, results, await all(outputs, base)).map((d) => `vector ${v}, ${d}`));
        }
        return problems;
      };
      // kernels are compiled when they first run
      if (options.mode === undefined) await check(vectors.slice(0, 1));
      return { ...model, name: program.name, mode, warnings, check: () => check(vectors) };
    } catch (error) {
      if (!(error instanceof GpuJsError) || i === modes.length - 1) throw error;
      warnings.push(`${mode}: ${error.message}`);
    }
  }
  throw new GpuJsError('GPU0002', 'there is no mode', 'Name one.');
};
