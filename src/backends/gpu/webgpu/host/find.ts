import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { diagnostic, fail, ok, type Result } from '../../../../support/index.ts';
import type { Gpu } from './api.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the npm package `webgpu` (Dawn for Node) exports. */
interface DawnModule {
  create(flags: readonly string[]): Gpu;
}

const isDawn = (module: unknown): module is DawnModule =>
  typeof module === 'object' && module !== null && 'create' in module && typeof module.create === 'function';

const missing = (why: string): Result<Gpu> =>
  fail(
    diagnostic('GPU0001', `there is no WebGPU: ${why}`, {
      notes: [
        'In Node it comes with the optional package: npm install webgpu@0.6.2 in this folder, or CORTEXC_WEBGPU names its folder; a Vulkan driver is needed as well. The wasm backend needs neither and gives the same bytes.',
      ],
    }),
  );

/** An engine of the package keeps what was opened on it, so there is one of each file. */
const created = new Map<string, Gpu>();

/**
 * WebGPU of this process: the engine's own, else the npm package `webgpu`, which is looked for in CORTEXC_WEBGPU, beside this program and
 * in the working directory. It is no dependency: 130 MB, and few machines use it. Errors: GPU0001.
 */
export const findGpu = async (env: Environment = process.env): Promise<Result<Gpu>> => {
  const own = (globalThis as { readonly navigator?: { readonly gpu?: Gpu } }).navigator?.gpu;
  if (own !== undefined) return ok(own);
  const named = env['CORTEXC_WEBGPU'] ?? '';
  const places = named === '' ? [import.meta.url, join(process.cwd(), 'any.js')] : [import.meta.url];
  let why = '';
  for (const place of places) {
    try {
      const file = createRequire(place).resolve(named === '' ? 'webgpu' : named);
      const known = created.get(file);
      if (known !== undefined) return ok(known);
      const module: unknown = await import(pathToFileURL(file).href);
      if (isDawn(module)) {
        const gpu = module.create([]);
        created.set(file, gpu);
        return ok(gpu);
      }
      why = `${named} has no function create`;
    } catch (error) {
      why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    }
  }
  return missing(why);
};
