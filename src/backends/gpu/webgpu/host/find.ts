import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
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

const missing = (why: string): Result<FoundGpu> =>
  fail(
    diagnostic('GPU0001', `there is no WebGPU: ${why}`, {
      notes: [
        'In Node it comes with the optional package: npm install webgpu@0.6.2 in this folder, or CORTEXC_WEBGPU names its folder; a Vulkan driver is needed as well. The wasm backend needs neither and gives the same bytes.',
      ],
    }),
  );

/** WebGPU and where it comes from. */
export interface FoundGpu {
  readonly gpu: Gpu;
  /** The file of the package; absent for the engine's own. */
  readonly library?: string;
  /** Version of the package, where it tells one. */
  readonly version?: string;
}

/** The version in the package.json of a module's folder. */
const versionBeside = (file: string): string | undefined => {
  try {
    const facts: unknown = JSON.parse(readFileSync(join(dirname(file), 'package.json'), 'utf8'));
    return typeof facts === 'object' && facts !== null && 'version' in facts ? String(facts.version) : undefined;
  } catch {
    return undefined;
  }
};

/** An engine of the package keeps what was opened on it, so there is one of each file. */
const created = new Map<string, FoundGpu>();

const foundIn = (file: string, dawn: DawnModule): FoundGpu => {
  const version = versionBeside(file);
  const found = { gpu: dawn.create([]), library: file, ...(version === undefined ? {} : { version }) };
  created.set(file, found);
  return found;
};

/**
 * WebGPU of this process: the engine's own, else the npm package `webgpu`, which is looked for in CORTEXC_WEBGPU, beside this program and
 * in the working directory. It is no dependency: 130 MB, and few machines use it. Errors: GPU0001.
 */
export const locateGpu = async (env: Environment = process.env): Promise<Result<FoundGpu>> => {
  const own = (globalThis as { readonly navigator?: { readonly gpu?: Gpu } }).navigator?.gpu;
  if (own !== undefined) return ok({ gpu: own });
  const named = env['CORTEXC_WEBGPU'] ?? '';
  const places = named === '' ? [import.meta.url, join(process.cwd(), 'any.js')] : [import.meta.url];
  let why = '';
  for (const place of places) {
    try {
      const file = createRequire(place).resolve(named === '' ? 'webgpu' : named);
      const known = created.get(file);
      if (known !== undefined) return ok(known);
      const module: unknown = await import(pathToFileURL(file).href);
      if (isDawn(module)) return ok(foundIn(file, module));
      why = `${file} has no function create`;
    } catch (error) {
      why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    }
  }
  return missing(why);
};

/** The same without where it comes from. */
export const findGpu = async (env: Environment = process.env): Promise<Result<Gpu>> => {
  const found = await locateGpu(env);
  return found.ok ? ok(found.value.gpu) : found;
};
