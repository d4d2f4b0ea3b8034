import { createRequire } from 'node:module';
import { join } from 'node:path';
import type koffi from 'koffi';
import { unwrap } from '../../../../support/index.ts';
import { buildFakeDriver, buildShimModule, type ShimOptions, type ShimUnit } from '../build.ts';

/** Where tests keep what they build. */
export const testOptions = (): ShimOptions => ({ folder: join(process.env['CORTEXC_CACHE'] ?? 'build', 'gpu-shim') });

export interface KernelRun {
  readonly grid?: readonly [number, number, number];
  readonly block: number;
  readonly sharedBytes?: number;
  readonly memory: Uint8Array;
  /** 0 forward, 1 reverse, 2 permuted. */
  readonly order?: number;
  /** 0 late, 1 early. */
  readonly timing?: number;
  readonly seed?: number;
}

export interface KernelResult {
  /** CUresult of the first call that fails, 0 when none does. */
  readonly status: number;
  readonly message: string;
  readonly memory: Uint8Array;
}

/** A start of a kernel; environment: the two addresses of cx_env. */
export interface KernelStart {
  readonly grid: readonly [number, number, number];
  readonly block: number;
  readonly sharedBytes: number;
  readonly environment: readonly [bigint, bigint];
}

/** A call of the driver that failed: CUresult, and what the shim says of a kernel. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Koffi = Pick<typeof koffi, 'load' | 'address'>;
type Call = (...args: readonly unknown[]) => number;

/** The fake driver, called as a host calls libcuda. */
export class FakeDevice {
  /** cx_env of the start that is made; it must not go while the driver reads it. */
  private readonly environment = new BigUint64Array(2);
  private readonly koffi: Koffi;
  private readonly library: ReturnType<Koffi['load']>;
  private readonly calls = new Map<string, Call>();

  constructor(path = unwrap(buildFakeDriver(testOptions()))) {
    this.koffi = createRequire(import.meta.url)('koffi') as Koffi;
    this.library = this.koffi.load(path);
  }

  /** @param signature - C parameters, for example 'void *, size_t' */
  call(name: string, signature: string, ...args: readonly unknown[]): number {
    const known = this.calls.get(name) ?? (this.library.func(`int ${name}(${signature})`) as Call);
    this.calls.set(name, known);
    return known(...args);
  }

  /** Calls with a place for a result of 8 bytes. */
  make(name: string, signature: string, ...args: readonly unknown[]): { readonly status: number; readonly value: bigint } {
    const out = new BigUint64Array(1);
    const status = this.call(name, `void *${signature === '' ? '' : `, ${signature}`}`, out, ...args);
    return { status, value: out[0] ?? 0n };
  }

  message(): string {
    return (this.library.func('const char *cxg_fake_last_message()') as () => string)();
  }

  /** Starts anew with these settings (c/cxg_fake.h). @returns the status of cuInit */
  open(settings: Readonly<Record<string, string | number>> = {}): number {
    const set = this.library.func('void cxg_fake_set(const char *, const char *)') as (name: string | null, value: string | null) => void;
    set(null, null);
    for (const [name, value] of Object.entries(settings)) set(`CXG_FAKE_${name}`, String(value));
    const status = this.call('cuInit', 'unsigned int', 0);
    if (status !== 0) return status;
    const context = this.make('cuDevicePrimaryCtxRetain', 'int', 0);
    this.call('cuCtxSetCurrent', 'void *', context.value);
    return context.status;
  }

  close(): void {
    this.call('cuDevicePrimaryCtxReset_v2', 'int', 0);
    this.call('cuDevicePrimaryCtxRelease_v2', 'int', 0);
  }

  /** Runs one kernel of a unit on memory of the device and reads that back. */
  run(unit: ShimUnit, kernel: string, run: KernelRun, options = testOptions()): KernelResult {
    const { grid = [1, 1, 1], block, sharedBytes = 0, memory, order = 0, timing = 0, seed = 1 } = run;
    const path = unwrap(buildShimModule(unit, options));
    this.open({ ORDER: order, TIMING: timing, SEED: seed });
    try {
      return this.runOpened(path, kernel, { grid, block, sharedBytes, memory });
    } finally {
      this.close();
    }
  }

  private runOpened(
    path: string,
    kernel: string,
    run: Required<Pick<KernelRun, 'grid' | 'block' | 'sharedBytes' | 'memory'>>,
  ): KernelResult {
    const { memory, ...shape } = run;
    try {
      const module = this.load(path);
      const arena = this.allocate(memory);
      this.launch(module, kernel, { ...shape, environment: [arena, arena] });
      this.synchronize();
      return { status: 0, message: '', memory: this.read(arena, memory.length) };
    } catch (error) {
      if (error instanceof DeviceError) return { status: error.status, message: error.message, memory: new Uint8Array(memory.length) };
      throw error;
    }
  }

  private check(status: number, what: string): void {
    if (status !== 0) throw new DeviceError(status, this.message() || what);
  }

  load(path: string): bigint {
    const { status, value } = this.make('cuModuleLoadData', 'const char *', path);
    this.check(status, `cuModuleLoadData ${path}`);
    return value;
  }

  /** Memory of the device with these bytes. */
  allocate(bytes: Uint8Array): bigint {
    const { status, value } = this.make('cuMemAlloc_v2', 'size_t', bytes.length);
    this.check(status, `cuMemAlloc ${bytes.length}`);
    this.write(value, bytes);
    return value;
  }

  write(to: bigint, bytes: Uint8Array): void {
    if (bytes.length > 0) this.check(this.call('cuMemcpyHtoD_v2', 'uint64_t, void *, size_t', to, bytes, bytes.length), 'cuMemcpyHtoD');
  }

  read(from: bigint, size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    if (size > 0) this.check(this.call('cuMemcpyDtoH_v2', 'void *, uint64_t, size_t', bytes, from, size), 'cuMemcpyDtoH');
    return bytes;
  }

  launch(module: bigint, kernel: string, run: KernelStart): void {
    const { grid, block, sharedBytes, environment } = run;
    const found = this.make('cuModuleGetFunction', 'void *, const char *', module, kernel);
    this.check(found.status, `cuModuleGetFunction ${kernel}`);
    this.environment.set(environment);
    const parameters = new BigUint64Array([this.koffi.address(this.environment)]);
    this.check(this.call('cuFuncSetAttribute', 'void *, int, int', found.value, 8, Math.max(sharedBytes, 1)), `shared memory of ${kernel}`);
    this.check(
      this.call('cuLaunchKernel', LAUNCH, found.value, ...grid, block, 1, 1, sharedBytes, null, parameters, null),
      `start of ${kernel}`,
    );
  }

  synchronize(): void {
    this.check(this.call('cuCtxSynchronize', ''), 'cuCtxSynchronize');
  }
}

const LAUNCH =
  'void *, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, void *, void *, void *';
