import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { diagnostic, fail, ok, type Result } from '../../../../support/index.ts';
import { findGpu } from '../../webgpu/host/find.ts';
import type { GpuJs } from './api.ts';

const PACKAGE = 'gpu.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the package is installed. */
export interface GpuJsFolder {
  readonly folder: string;
  readonly version: string;
  /** The module to load, relative to the folder. */
  readonly main: string;
}

/** The package, loaded. */
export interface FoundGpuJs extends GpuJsFolder {
  readonly module: GpuJs;
}

const isGpuJs = (module: unknown): module is GpuJs =>
  typeof module === 'object' && module !== null && 'GPU' in module && typeof module.GPU === 'function';

const missing = (why: string): Result<never> =>
  fail(
    diagnostic('GPU0020', `gpu.js is not here: ${why}`, {
      notes: [
        'It is an optional package: npm install gpu.js@2.24.1 --ignore-scripts --omit=optional in this folder, or CORTEXC_GPUJS names the folder of one that is installed elsewhere. The wasm backend needs nothing and gives the same bytes.',
      ],
    }),
  );

const reasonOf = (error: unknown): string => (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));

/**
 * Looks for gpu.js in CORTEXC_GPUJS (a folder like node_modules/gpu.js), beside this program and in the working directory. It is no dependency that is
 * installed: 90 MB of engines that few machines use, one of which is compiled for minutes. Errors: GPU0020.
 */
export const findGpuJsFolder = (env: Environment = process.env): Result<GpuJsFolder> => {
  const named = env['CORTEXC_GPUJS'] ?? '';
  const places = named === '' ? [import.meta.url, join(process.cwd(), 'any.js')] : [join(resolve(named), 'any.js')];
  let why = '';
  for (const place of places) {
    try {
      const require = createRequire(place);
      const description = require.resolve(`${named === '' ? PACKAGE : '.'}/package.json`);
      const { name, version, main } = require(description) as { readonly name: string; readonly version: string; readonly main: string };
      if (name === PACKAGE) return ok({ folder: dirname(description), version, main });
      why = `${dirname(description)} is ${name}`;
    } catch (error) {
      why = reasonOf(error);
    }
  }
  return missing(why);
};

/** The same, loaded. Errors: GPU0020. */
export const findGpuJs = async (env: Environment = process.env): Promise<Result<FoundGpuJs>> => {
  const found = findGpuJsFolder(env);
  if (!found.ok) return found;
  const { folder, main } = found.value;
  try {
    const loaded: unknown = await import(pathToFileURL(join(folder, main)).href);
    const module = isGpuJs(loaded) ? loaded : (loaded as { readonly default?: unknown }).default;
    return isGpuJs(module) ? ok({ ...found.value, module }) : missing(`${folder} has no class GPU`);
  } catch (error) {
    return missing(reasonOf(error));
  }
};

/** Names of adapters that compute on the processor: webasm is faster there. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software/i;

/**
 * Puts WebGPU where gpu.js looks for it, `navigator.gpu`: engines without one get the package webgpu's.
 * @returns whether there is an adapter, and whether it is hardware; undefined without one
 */
export const provideWebGpu = async (env: Environment = process.env): Promise<'hardware' | 'software' | undefined> => {
  const gpu = await findGpu(env);
  if (!gpu.ok) return undefined;
  const adapter = await gpu.value.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return undefined;
  const own = (globalThis as { readonly navigator?: object }).navigator;
  if (own === undefined) Object.defineProperty(globalThis, 'navigator', { value: { gpu: gpu.value }, configurable: true });
  else if (!('gpu' in own)) Object.defineProperty(own, 'gpu', { value: gpu.value, configurable: true });
  const { vendor, architecture, device, description } = adapter.info ?? { vendor: '', architecture: '', device: '', description: '' };
  return SOFTWARE.test([vendor, architecture, device, description].join(' ')) ? 'software' : 'hardware';
};
