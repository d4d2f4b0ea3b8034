import type koffi from 'koffi';
import { type Code, type Diagnostic, diagnostic, fail, MrlError, ok, type Result } from '../../../support/index.ts';
import { loadKoffi } from '../../cpu/native/host-koffi.ts';
import type { Environment } from '../../programs.ts';
import { FUNCTIONS, type FunctionName, INVALID_DEVICE, NO_DEVICE, OUT_OF_MEMORY, type Platform, PLATFORMS } from './functions.ts';

/** Handles and addresses of the driver. */
export type Handle = bigint;

type Argument = Handle | number | string | ArrayBufferView | null;

type Library = ReturnType<typeof koffi.load>;
type Call = (...args: readonly Argument[]) => number;

/** Not by class: tests have classes of their own. */
export const messageOf = (error: unknown): string => (String(error).split('\n')[0] ?? '').replace(/^Error: /, '');

/** What is used of koffi besides loading. */
type DriverTools = Pick<typeof koffi, 'address' | 'decode' | 'view'>;

const NAMES = Object.keys(FUNCTIONS) as readonly FunctionName[];

/** A text that a driver has for a status; undefined when it has none. */
type StatusText = (status: number) => string | undefined;

/** CUDA's functions store the address of a text, HIP's return it. */
const statusTexts = (
  platform: Platform,
  library: Library,
  tools: DriverTools,
): { readonly name: StatusText; readonly text: StatusText } => {
  if (platform === 'hip') {
    const ask = (name: string): StatusText => library.func(`const char *${name}(int)`) as StatusText;
    return { name: ask('hipGetErrorName'), text: ask('hipGetErrorString') };
  }
  const ask = (name: string): StatusText => {
    const call = library.func(`int ${name}(int, void *)`) as (status: number, out: BigUint64Array) => number;
    return (status) => {
      const out = new BigUint64Array(1);
      return call(status, out) === 0 && out[0] !== undefined && out[0] !== 0n ? (tools.decode(out[0], 'char', -1) as string) : undefined;
    };
  };
  return { name: ask('cuGetErrorName'), text: ask('cuGetErrorString') };
};

/** A driver library in this process. */
export class Driver {
  readonly platform: Platform;
  readonly path: string;
  /** Whether it runs kernels on the CPU: the driver of src/backends/gpu/shim. */
  readonly isFake: boolean;
  private readonly library: Library;
  private readonly functions: ReadonlyMap<FunctionName, Call>;
  private readonly texts: ReturnType<typeof statusTexts>;
  readonly addressOf: (view: ArrayBufferView) => bigint;
  readonly viewOf: (address: bigint, bytes: number) => Uint8Array;

  constructor(platform: Platform, path: string, library: Library, tools: DriverTools) {
    this.platform = platform;
    this.path = path;
    this.library = library;
    this.functions = new Map(
      NAMES.flatMap((key) => {
        const { [platform]: name, types } = FUNCTIONS[key];
        return name === undefined ? [] : [[key, library.func(`int ${name}(${types.join(', ')})`) as Call] as const];
      }),
    );
    this.texts = statusTexts(platform, library, tools);
    this.addressOf = (view) => tools.address(view);
    this.viewOf = (address, bytes) => new Uint8Array(tools.view(address, bytes));
    this.isFake = this.bind('const char *cxg_fake_last_message()') !== undefined;
  }

  /** A function by its C declaration; undefined where the library has none of that name. */
  bind(declaration: string): Call | undefined {
    try {
      return this.library.func(declaration) as Call;
    } catch {
      return undefined;
    }
  }

  /** Whether the platform has this function. */
  has(name: FunctionName): boolean {
    return this.functions.has(name);
  }

  /** Calls a function. @returns its status */
  status(name: FunctionName, ...args: readonly Argument[]): number {
    return this.functions.get(name)?.(...args) ?? -1;
  }

  /** `CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory access was encountered` */
  describe(status: number): string {
    return `${this.texts.name(status) ?? 'unknown error'} (${status}): ${this.texts.text(status) ?? 'no text'}`;
  }

  /** @throws {MrlError} GPU0007, or GPU0006 for a lack of memory, when the status is not 0 */
  call(name: FunctionName, ...args: readonly Argument[]): void {
    const status = this.status(name, ...args);
    if (status !== 0) throw this.error(name, status);
  }

  error(name: FunctionName, status: number, more: readonly string[] = []): MrlError {
    const code: Code = status === OUT_OF_MEMORY ? 'GPU0006' : 'GPU0007';
    return new MrlError([
      diagnostic(code, `${FUNCTIONS[name][this.platform] ?? name} gives ${this.describe(status)}`, {
        where: this.path,
        notes: [...more, 'The wasm backend gives the same bytes.'],
      }),
    ]);
  }

  /** Calls a function whose first argument receives a handle, an address or a number of up to 8 bytes. */
  make(name: FunctionName, ...args: readonly Argument[]): bigint {
    const out = new BigUint64Array(1);
    this.call(name, out, ...args);
    return out[0] ?? 0n;
  }

  /** The same for a 32-bit number. */
  number(name: FunctionName, ...args: readonly Argument[]): number {
    const out = new Int32Array(1);
    this.call(name, out, ...args);
    return out[0] ?? 0;
  }

  /** Gives up all that this process has on a device, whoever made it. */
  resetDevice(device: number, context: Handle): void {
    if (this.has('contextReset')) {
      this.status('contextReset', device);
      return;
    }
    this.status('contextSet', context);
    this.bind('int hipDeviceReset()')?.();
  }
}

const drivers = new Map<string, Driver>();

/** The environment's library, else the first that loads under the names that the platform gives it. */
const loadLibrary = (platform: Platform, tools: typeof koffi, env: Environment): { readonly path: string; readonly library: Library } => {
  const { libraryVariable, libraries } = PLATFORMS[platform];
  const named = env[libraryVariable] ?? '';
  let problem: unknown;
  for (const path of named === '' ? libraries : [named]) {
    try {
      return { path, library: tools.load(path) };
    } catch (error) {
      // the first name is the newest: what is wrong with it tells most
      problem ??= error;
    }
  }
  throw problem;
};

/** What is wrong with a driver that loaded. */
const problemOf = (driver: Driver): Diagnostic | undefined => {
  const { leastVersion, versionText, remedy, driver: what } = PLATFORMS[driver.platform];
  const where = driver.path;
  const status = driver.status('init', 0);
  if (status !== 0) {
    const call = FUNCTIONS.init[driver.platform];
    // HIP says that there is no device as it says that a number is none of one
    const isMissing = status === NO_DEVICE || (driver.platform === 'hip' && status === INVALID_DEVICE);
    return diagnostic(isMissing ? 'GPU0002' : 'GPU0001', `${call} gives ${driver.describe(status)}`, { where, notes: [remedy] });
  }
  const version = driver.number('driverVersion');
  if (version >= leastVersion) return undefined;
  return diagnostic('GPU0012', `${what} is of version ${versionText(version)}; programs need ${versionText(leastVersion)} or newer`, {
    where,
    notes: [remedy.replace('Install', 'Update:')],
  });
};

/**
 * Loads a driver: the library that the environment names (CORTEXC_CUDA_DRIVER, CORTEXC_HIP_DRIVER), else the one of the system.
 * Errors: NAT0003 without koffi, GPU0001, GPU0002, GPU0012.
 */
export const loadDriver = (env: Environment = process.env, platform: Platform = 'cuda'): Result<Driver> => {
  const loaded = loadKoffi();
  if (!loaded.ok) return loaded;
  const { driver: what, libraryVariable, libraries, remedy } = PLATFORMS[platform];
  const key = `${platform} ${env[libraryVariable] ?? ''}`;
  const known = drivers.get(key);
  if (known !== undefined) return ok(known);
  // the whole of koffi: what compiled programs need of it is less
  const tools = loaded.value as typeof koffi;
  try {
    const { path, library } = loadLibrary(platform, tools, env);
    const driver = new Driver(platform, path, library, tools);
    const problem = problemOf(driver);
    if (problem !== undefined) return fail(problem);
    drivers.set(key, driver);
    return ok(driver);
  } catch (error) {
    const named = env[libraryVariable] ?? '';
    const where = named === '' ? libraries.join(', ') : named;
    return fail(diagnostic('GPU0001', `${what} does not load: ${messageOf(error)}`, { where, notes: [remedy] }));
  }
};

/** Version as people write it: 13.0. */
export const versionOf = (driver: Driver): string => PLATFORMS[driver.platform].versionText(driver.number('driverVersion'));
