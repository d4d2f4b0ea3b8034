import type { WebGpuPort, WebGpuProgram } from '../program.ts';
import type { Gpu } from './api.ts';
import { openDevice, openProgram, testDevice } from './runtime.ts';

/** A run whose results are known: from the reference interpreter, which is the definition. */
export interface Vector {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** The file model.json of an emitted folder. */
export interface Folder {
  readonly program: WebGpuProgram;
  /** Files of the buffers 1, 2, … */
  readonly parameters: readonly string[];
  readonly vectors: readonly Vector[];
}

/** A model on this page's device. */
export interface Model {
  readonly name: string;
  readonly device: string;
  readonly inputs: readonly WebGpuPort[];
  readonly outputs: readonly WebGpuPort[];
  /** Elements of each input, row-major, to those of each output. */
  run(inputs: readonly Uint8Array[]): Promise<readonly Uint8Array<ArrayBuffer>[]>;
  /** Runs the vectors of the folder; what differs, nothing when all bytes are right. */
  check(): Promise<readonly string[]>;
  close(): void;
}

const get = async (url: URL): Promise<Response> => {
  const response = await fetch(url);
  if (!response.ok) throw new TypeError(`${url.href} answers ${response.status} ${response.statusText}`);
  return response;
};
const bytesOf = async (name: string, base: URL): Promise<Uint8Array> =>
  new Uint8Array(await (await get(new URL(name, base))).arrayBuffer());
const all = (names: readonly string[], base: URL): Promise<Uint8Array[]> => Promise.all(names.map((name) => bytesOf(name, base)));
const folderOf = async (base: URL): Promise<Folder> => (await (await get(new URL('model.json', base))).json()) as Folder;

const runTest = async (base: URL, device: Awaited<ReturnType<typeof openDevice>>): Promise<void> => {
  const { program, parameters, vectors } = await folderOf(base);
  for (const { inputs, outputs } of vectors)
    await testDevice(device, {
      program,
      parameters: await all(parameters, base),
      inputs: await all(inputs, base),
      outputs: await all(outputs, base),
    });
};

/**
 * Opens the folder at an address on the device of this page, after the device has passed the self-test. The form of the products of bytes
 * is the packed one where the device has it, unless `dot` says otherwise.
 * @throws {WebGpuError} GPU0002, GPU0006, GPU0007, BKD0005; {TypeError} for what cannot be fetched
 */
export const load = async (address: string | URL, options: { readonly dot?: 'packed' | 'plain' } = {}): Promise<Model> => {
  const base = new URL(address, (globalThis as { readonly location?: { readonly href: string } }).location?.href);
  const { navigator } = globalThis as { readonly navigator?: { readonly gpu?: Gpu } };
  const device = await openDevice(navigator?.gpu, options.dot);
  await runTest(new URL('self-test/', base), device);
  const { program, parameters, vectors } = await folderOf(base);
  const files = await all(parameters, base);
  const model = await openProgram(device, program, (n) => files[n] ?? new Uint8Array(0));
  return {
    ...model,
    name: program.name,
    device: `${device.name} (${device.dot} products)`,
    check: async () => {
      const problems: string[] = [];
      for (const [v, { inputs, outputs }] of vectors.entries()) {
        const [given, expected] = [await all(inputs, base), await all(outputs, base)];
        const found = await model.run(given);
        for (const [i, bytes] of expected.entries()) {
          const at = bytes.findIndex((b, k) => b !== found[i]?.[k]);
          if (at >= 0) problems.push(`vector ${v}, output ${program.outputs[i]?.name}: byte ${at} is ${found[i]?.[at]}, not ${bytes[at]}`);
        }
      }
      return problems;
    },
  };
};
