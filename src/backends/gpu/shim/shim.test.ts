import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { sha256Hex } from '../../../support/index.ts';
import { findCxx } from './build.ts';
import { FakeDevice, type KernelResult, type KernelRun, testOptions } from './testing/fake-device.ts';

// The shim has to run right kernels and to find what is wrong with wrong ones.

const has = findCxx().ok;
if (!has) console.warn('The shim of GPU kernels is not tested: there is no C++ compiler.');
const suite = has ? describe : describe.skip;
const device = has ? new FakeDevice() : undefined;

const ILLEGAL_ADDRESS = 700;
const MISALIGNED_ADDRESS = 716;
const LAUNCH_FAILED = 719;

const bytes = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 151 + (i >> 8) * 31 + 7) & 255);

/** Runs the body of a kernel on 64 KiB. */
const run = (body: string, options: Partial<KernelRun> = {}): KernelResult => {
  if (device === undefined) throw new RangeError('there is no device');
  const text = `#include "cxg_prims.cuh"\nextern "C" __global__ void k(cx_env e) {\n${body}\n}\n`;
  return device.run({ text, include: [] }, 'k', { block: 128, memory: bytes(65536), ...options });
};

const ORDERS = [0, 1, 2].flatMap((order) => [0, 1].map((timing) => ({ order, timing })));
/** What fails in some order or timing, and how. */
const failures = (body: string, options: Partial<KernelRun> = {}): readonly KernelResult[] =>
  ORDERS.map((o) => run(body, { ...o, ...options })).filter((r) => r.status !== 0);

suite('what several threads do together', () => {
  test('threads of a block exchange through shared memory, in every order the same', () => {
    const body = `int *s = (int *)cxg_dynamic_shared(); s[threadIdx.x] = (int)threadIdx.x; cxg_syncthreads();
      ((int *)e.m)[blockIdx.x * 128 + threadIdx.x] = s[127 - threadIdx.x] + (int)(blockIdx.x * 1000);`;
    const wanted = Array.from({ length: 512 }, (_, i) => 127 - (i % 128) + Math.floor(i / 128) * 1000);
    for (const order of [0, 1, 2]) {
      const { status, memory } = run(body, { order, sharedBytes: 512, grid: [4, 1, 1] });
      expect([status, Array.from(new Int32Array(memory.buffer, 0, 512))]).toEqual([0, wanted]);
    }
  });

  test('mma multiplies 16 x 32 by 32 x 8, wherever lanes hold them', () => {
    const memory = bytes(65536);
    const body = `const int g = cxg_lane() / 4, t = cxg_lane() % 4; uint32_t a[4], b[2]; int d[4] = {1, 2, 3, 4};
      for (int i = 0; i < 4; i++) memcpy(a + i, e.m + (g + i % 2 * 8) * 32 + t * 4 + i / 2 * 16, 4);
      for (int i = 0; i < 2; i++) memcpy(b + i, e.m + 512 + g * 32 + t * 4 + i * 16, 4);
      cxg_mma_m16n8k32_s8(d, a, b);
      for (int i = 0; i < 4; i++) ((int *)(e.m + 1024))[(g + i / 2 * 8) * 8 + t * 2 + i % 2] = d[i];`;
    const result = run(body, { block: 32, memory });
    const s8 = new Int8Array(memory.buffer);
    const wanted = Array.from({ length: 128 }, (_, i) => {
      const [row, column] = [i >> 3, i & 7];
      let sum = (row >> 3) * 2 + (column & 1) + 1;
      for (let k = 0; k < 32; k++) sum += (s8[row * 32 + k] ?? 0) * (s8[512 + column * 32 + k] ?? 0);
      return sum;
    });
    expect(result.status).toBe(0);
    expect(Array.from(new Int32Array(result.memory.buffer, 1024, 128))).toEqual(wanted);
  });

  test('the primitives give the same in all orders and timings', () => {
    const script = fileURLToPath(new URL('../../../../bench/gpu/prims/run.sh', import.meta.url));
    const ran = spawnSync('sh', [script, 'shim'], {
      encoding: 'utf8',
      env: { ...process.env, PRIMS_BUILD: join(testOptions().folder, 'prims') },
    });
    expect([ran.status, ran.stderr]).toEqual([0, '']);
  }, 120_000);
});

suite('what is wrong with threads', () => {
  test('a barrier that some threads do not reach', () => {
    const found = failures('if (threadIdx.x < 64) cxg_syncthreads();');
    expect(found.length).toBe(ORDERS.length);
    for (const { status } of found) expect(status).toBe(LAUNCH_FAILED);
    expect(found[0]?.message).toMatch(/^k: block \(0, 0, 0\), thread \(\d+, 0, 0\): /);
    expect(found[0]?.message).toContain('deadlock');
  });

  test('a barrier after others have returned', () => {
    expect(failures('if (threadIdx.x == 5) return; cxg_syncthreads();').length).toBe(ORDERS.length);
  });

  test('lanes that execute different instructions', () => {
    const found = failures('if (cxg_lane() < 16) cxg_syncwarp(); else cxg_ballot(true);');
    expect(found.length).toBe(ORDERS.length);
    expect(found[0]?.message).toContain('divergence');
  });

  test('a warp instruction in a block of 20 threads', () => {
    expect(run('cxg_shfl_xor(1, 2);', { block: 20 }).message).toContain('needs 32 threads, there are 20');
  });

  test('a named barrier of another number of threads than others wait for', () => {
    expect(failures('cxg_sync_some(3, threadIdx.x < 64 ? 64 : 96);').length).toBe(ORDERS.length);
  });

  test('a missing barrier gives other bytes in some order', () => {
    const body = `int *s = (int *)cxg_dynamic_shared(); s[threadIdx.x] = (int)threadIdx.x;
      ((int *)e.m)[threadIdx.x] = s[127 - threadIdx.x];`;
    const results = [0, 1, 2].map((order) => run(body, { order, sharedBytes: 512 }).memory);
    expect(new Set(results.map((r) => sha256Hex(r))).size).toBeGreaterThan(1);
  });
});

suite('what is wrong with memory', () => {
  test('shared memory after its end, by a store and by an instruction', () => {
    const store = run('cxg_dynamic_shared()[512 + threadIdx.x] = 1;', { sharedBytes: 512 });
    expect([store.status, store.message]).toEqual([
      ILLEGAL_ADDRESS,
      expect.stringContaining('writes byte 512 of 512 bytes of shared memory'),
    ]);
    const far = run('cxg_dynamic_shared()[4096] = 1;', { sharedBytes: 512 });
    expect([far.status, far.message]).toEqual([ILLEGAL_ADDRESS, expect.stringContaining('byte 4096 of 512 bytes of shared memory')]);
    const copy = run('cxg_cp_async<16>(cxg_dynamic_shared() + threadIdx.x * 16, e.m);', { sharedBytes: 1024 });
    expect([copy.status, copy.message]).toEqual([
      ILLEGAL_ADDRESS,
      expect.stringContaining('thread (64, 0, 0): cp.async of bytes 1024 to 1039'),
    ]);
  });

  test('global memory after its end, and what is misaligned', () => {
    const past = run('e.m[65536 + threadIdx.x] = 1;');
    expect([past.status, past.message]).toEqual([ILLEGAL_ADDRESS, expect.stringContaining('global memory at m +65536')]);
    expect(run('e.m[-1 - (int)threadIdx.x * 4096] = 1;').status).toBe(ILLEGAL_ADDRESS);
    const address = run('cxg_cp_async<16>(cxg_dynamic_shared(), e.m + 8);', { sharedBytes: 1024 });
    expect([address.status, address.message]).toEqual([MISALIGNED_ADDRESS, expect.stringContaining('cp.async of 16 bytes')]);
    const row = run('uint32_t r[4]; cxg_ldmatrix_x4(r, cxg_dynamic_shared() + 8);', { sharedBytes: 1024 });
    expect(row.status).toBe(MISALIGNED_ADDRESS);
  });

  test('memory that was never written is rubbish, in every block anew', () => {
    const body = 'e.m[blockIdx.x * 128 + threadIdx.x] = cxg_dynamic_shared()[threadIdx.x]; cxg_dynamic_shared()[threadIdx.x] = 1;';
    const { memory } = run(body, { sharedBytes: 128, grid: [3, 1, 1] });
    expect(new Set(memory.subarray(0, 384))).toEqual(new Set([0xcb]));
  });

  test('division by zero and a stack that is full', () => {
    expect(run('e.m[0] = (uint8_t)(1000 / (int)(threadIdx.x / 1000));').message).toContain('divides by zero');
    const deep =
      'struct r { static int f(volatile char *p, int n) { volatile char big[4096]; big[0] = p[0]; return n == 0 ? 0 : f(big, n - 1) + big[0]; } };';
    expect(run(`${deep} char c = 1; e.m[0] = (uint8_t)r::f(&c, 1000);`, { block: 32 }).message).toContain('its stack, which is full');
  });
});

/** Two warps copy 16 bytes a thread and read what the next thread copied. */
const copying = (wait: string, barrier: string): string => `uint8_t *s = cxg_dynamic_shared();
  cxg_cp_async<16>(s + threadIdx.x * 16, e.m + threadIdx.x * 16); cxg_cp_async_commit();
  ${wait} ${barrier}
  memcpy(e.m + 4096 + threadIdx.x * 16, s + (threadIdx.x + 1) % 128 * 16, 16);`;

/** One product of a warpgroup, its operands copied; each step can be left out. */
const multiplying = (without: string): string => {
  const steps: readonly (readonly [string, string])[] = [
    ['copy', 'for (int i = (int)threadIdx.x; i < 1024; i += 128) cxg_cp_async<16>(s + i * 16, e.m + i * 16); cxg_cp_async_commit();'],
    ['copied', 'cxg_cp_async_wait<0>();'],
    ['proxy', 'cxg_fence_proxy_async();'],
    ['barrier', 'cxg_syncthreads();'],
    ['fence', 'cxg_wgmma_fence();'],
    ['multiply', 'cxg_wgmma_m64k32_s8<64>(d, cxg_wgmma_descriptor(s), cxg_wgmma_descriptor(s + 8192)); cxg_wgmma_commit();'],
    ['wait', 'cxg_wgmma_wait<0>();'],
  ];
  const text = steps.map(([name, step]) => (name === without ? '' : step)).join('\n');
  return `uint8_t *s = cxg_dynamic_shared(); int d[32] = {};\n${text}
    for (int i = 0; i < 32; i++) ((int *)(e.m + 32768))[threadIdx.x * 32 + i] = d[i];`;
};

suite('what happens later', () => {
  const outcomes = (body: string, sharedBytes: number): ReadonlySet<string> =>
    new Set(
      ORDERS.map((o) => {
        const r = run(body, { ...o, sharedBytes });
        return r.status === 0 ? sha256Hex(r.memory) : `${r.status} ${r.message}`;
      }),
    );

  test('a copy is there after its wait and a barrier, not before', () => {
    const right = outcomes(copying('cxg_cp_async_wait<0>();', 'cxg_syncthreads();'), 2048);
    expect(right.size).toBe(1);
    expect(outcomes(copying('', 'cxg_syncthreads();'), 2048)).not.toEqual(right);
    expect(outcomes(copying('cxg_cp_async_wait<1>();', 'cxg_syncthreads();'), 2048)).not.toEqual(right);
    expect(outcomes(copying('cxg_cp_async_wait<0>();', ''), 2048)).not.toEqual(right);
  });

  const right = (): ReadonlySet<string> => outcomes(multiplying(''), 16384);
  test('wgmma: the right sequence gives one result', () => {
    expect([...right()].map((r) => r.includes(' '))).toEqual([false]);
  });

  test.each(['copied', 'proxy', 'barrier', 'fence', 'wait'])('wgmma without its %s is found', (without) => {
    expect(outcomes(multiplying(without), 16384)).not.toEqual(right());
  });

  test('wgmma of two threads with different operands', () => {
    const body = multiplying('').replace('cxg_wgmma_descriptor(s)', 'cxg_wgmma_descriptor(s + threadIdx.x / 64 * 1024)');
    expect([...outcomes(body, 16384)].every((r) => r.includes('descriptors that differ'))).toBe(true);
  });
});

/** With every access looked at, in one order. */
const checked = (body: string, options: Partial<KernelRun> = {}): KernelResult => {
  if (device === undefined) throw new RangeError('there is no device');
  const text = `#include "cxg_prims.cuh"\nextern "C" __global__ void k(cx_env e) {\n${body}\n}\n`;
  return device.run({ text, include: [] }, 'k', { block: 128, memory: bytes(65536), ...options }, { ...testOptions(), check: true });
};

suite('races, in whatever order threads run', () => {
  const exchange = (barrier: string): string => `int *s = (int *)cxg_dynamic_shared(); s[threadIdx.x] = 1; ${barrier}
    ((int *)e.m)[blockIdx.x * 128 + threadIdx.x] = s[threadIdx.x ^ 1];`;

  test('of a write and a read of shared memory', () => {
    expect(checked(exchange('cxg_syncthreads();'), { sharedBytes: 512, grid: [3, 1, 1] })).toMatchObject({ status: 0, message: '' });
    // neighbours of a warp may meet at syncwarp
    expect(checked(exchange('cxg_syncwarp();'), { sharedBytes: 512 }).status).toBe(0);
    const found = checked(exchange(''), { sharedBytes: 512 });
    expect([found.status, found.message]).toEqual([
      LAUNCH_FAILED,
      expect.stringMatching(/thread \(1, 0, 0\): race: writes byte 4 of 512 .*thread 0 read/),
    ]);
    expect(checked(exchange('cxg_syncwarp();').replace('^ 1', '^ 64'), { sharedBytes: 512 }).status).toBe(LAUNCH_FAILED);
  });

  test('of a read and a later write', () => {
    const body = (barrier: string): string => `int *s = (int *)cxg_dynamic_shared(); s[threadIdx.x] = 1; cxg_syncthreads();
      const int t = (int)threadIdx.x, v = t % 2 == 0 ? s[t + 1] : 0; ${barrier} if (t % 2 == 1) s[t] = 2; e.m[t] = (uint8_t)v;`;
    expect(checked(body('cxg_syncthreads();'), { sharedBytes: 512 })).toMatchObject({ status: 0, message: '' });
    expect(checked(body(''), { sharedBytes: 512 }).message).toMatch(/race: (writes byte 4 .* read|reads byte 4 .* wrote)/);
  });

  test('of blocks, but not by atomics', () => {
    expect(checked('e.m[threadIdx.x] = 1;').status).toBe(0);
    expect(checked('e.m[threadIdx.x] = 1;', { grid: [2, 1, 1] }).message).toMatch(/block \(1, 0, 0\).*race: writes global memory at m \+0/);
    expect(checked('((int *)e.m)[blockIdx.x] = ((int *)e.m)[blockIdx.x ^ 1];', { grid: [2, 1, 1], block: 1 }).message).toContain('race');
    expect(checked('cxg_atomic_add((int *)e.m, 1);', { grid: [2, 1, 1] }).status).toBe(0);
  });

  test('of a copy that is not awaited, and a stage that is filled too early', () => {
    expect(checked(copying('cxg_cp_async_wait<0>();', 'cxg_syncthreads();').replace('4096', '32768'), { sharedBytes: 2048 }).status).toBe(
      0,
    );
    const stages = `uint8_t *s = cxg_dynamic_shared() + threadIdx.x * 16; cxg_cp_async<16>(s, e.m); cxg_cp_async_commit();
      cxg_cp_async_wait<0>(); cxg_syncthreads(); e.m[32768 + threadIdx.x] = cxg_dynamic_shared()[(threadIdx.x + 40) % 128 * 16];
      BARRIER cxg_cp_async<16>(s, e.m + 16); cxg_cp_async_commit(); cxg_cp_async_wait<0>();`;
    expect(checked(stages.replace('BARRIER', 'cxg_syncthreads();'), { sharedBytes: 2048 }).status).toBe(0);
    expect(checked(stages.replace('BARRIER', ''), { sharedBytes: 2048 }).message).toContain('race: writes byte');
  });

  test('shared memory past its end is found to the byte', () => {
    const found = checked('cxg_dynamic_shared()[threadIdx.x] = 1;', { sharedBytes: 100 });
    expect([found.status, found.message]).toEqual([
      ILLEGAL_ADDRESS,
      expect.stringContaining('thread (100, 0, 0): writes bytes 100 to 100 of 100'),
    ]);
  });
});
