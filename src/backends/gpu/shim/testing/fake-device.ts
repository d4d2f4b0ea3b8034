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

type Koffi = Pick<typeof koffi, 'load' | 'address'>;
type Call = (...args: readonly unknown[]) => number;

/** The fake driver, called as a host calls libcuda. */
export class FakeDevice {
  private readonly library: ReturnType<Koffi['load']>;
  private readonly calls = new Map<string, Call>();

  constructor(path = unwrap(buildFakeDriver(testOptions()))) {
    const require = createRequire(import.meta.url);
    this.library = (require('koffi') as Koffi).load(path);
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
      return this.launch(path, kernel, { grid, block, sharedBytes, memory });
    } finally {
      this.close();
    }
  }

  private launch(path: string, kernel: string, run: Required<Pick<KernelRun, 'grid' | 'block' | 'sharedBytes' | 'memory'>>): KernelResult {
    const { grid, block, sharedBytes, memory } = run;
    const out = new Uint8Array(memory.length);
    const module = this.make('cuModuleLoadData', 'const char *', path).value;
    const found = this.make('cuModuleGetFunction', 'void *, const char *', module, kernel);
    const arena = this.make('cuMemAlloc_v2', 'size_t', memory.length).value;
    const parameters = new BigUint64Array([arena, arena]);
    const steps = [
      () => found.status,
      () => this.call('cuMemcpyHtoD_v2', 'uint64_t, void *, size_t', arena, memory, memory.length),
      () => this.call('cuFuncSetAttribute', 'void *, int, int', found.value, 8, Math.max(sharedBytes, 1)),
      () => this.call('cuLaunchKernel', LAUNCH, found.value, ...grid, block, 1, 1, sharedBytes, null, this.argumentList(parameters), null),
      () => this.call('cuCtxSynchronize', ''),
      () => this.call('cuMemcpyDtoH_v2', 'void *, uint64_t, size_t', out, arena, memory.length),
    ];
    for (const step of steps) {
      const status = step();
      if (status !== 0) return { status, message: this.message(), memory: out };
    }
    return { status: 0, message: '', memory: out };
  }

  /** void *parameters[] with one entry: the bytes of a cx_env. */
  private argumentList(env: BigUint64Array): BigUint64Array {
    const require = createRequire(import.meta.url);
    return new BigUint64Array([(require('koffi') as Koffi).address(env)]);
  }
}

const LAUNCH =
  'void *, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int, void *, void *, void *';
