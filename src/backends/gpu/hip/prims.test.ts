import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { findCxx } from '../shim/index.ts';
import { FakeDevice, type KernelRun } from '../shim/testing/fake-device.ts';

// The bodies that the primitives have for HIP, on the CPU: what they take of the compiler for AMD is made of the shim's primitives, for
// waves of 32 and of 64 lanes. Each case of bench/gpu/prims has to give the bytes that it gives with the shim's own bodies.

const has = findCxx().ok;
if (!has) console.warn("HIP's primitives are not tested on the CPU: there is no C++ compiler.");

const cases = fileURLToPath(new URL('../../../../bench/gpu/prims', import.meta.url));

/** Functions of HIP and of clang for AMD's processors (HIP programming guide; LLVM, "User guide for AMDGPU backend"). */
const hipText = (wave: 32 | 64): string => `#include "cxg_prims.cuh"
static const int warpSize = ${wave};
template <typename T> CXG_DEVICE T __shfl(T v, int lane, int) { return cxg_shfl(v, lane & 31); }
template <typename T> CXG_DEVICE T __shfl_xor(T v, int mask, int) { return cxg_shfl_xor(v, mask); }
template <typename T> CXG_DEVICE T __shfl_down(T v, int n, int) { return cxg_shfl_down(v, n); }
template <typename T> CXG_DEVICE T __shfl_up(T v, int n, int) { return cxg_shfl_up(v, n); }
/* a wave of 64 gives the lanes of both warps: those of the other are all ones here */
CXG_DEVICE uint64_t __ballot(bool v) {
  const uint64_t own = cxg_ballot(v), other = warpSize == 64 ? 0xffffffffu : 0;
  return warpSize == 64 && (threadIdx.x & 32) != 0 ? own << 32 | other : other << 32 | own;
}
/* v_perm_b32: bytes 0 to 3 are those of the second operand */
CXG_DEVICE uint32_t __builtin_amdgcn_perm(uint32_t high, uint32_t low, uint32_t selector) {
  const uint64_t bytes = uint64_t(high) << 32 | low;
  uint32_t all = 0;
  for (int i = 0; i < 32; i += 8) all |= uint32_t(uint8_t(bytes >> (selector >> i & 7) * 8)) << i;
  return all;
}
CXG_DEVICE int __mulhi(int a, int b) { return int(int64_t(a) * b >> 32); }
CXG_DEVICE int atomicAdd(int *p, int v) { return cxg_atomic_add(p, v); }
CXG_DEVICE int atomicMin(int *p, int v) { return cxg_atomic_min(p, v); }
CXG_DEVICE int atomicMax(int *p, int v) { return cxg_atomic_max(p, v); }
#define __syncthreads() ::cxg_syncthreads()
#define __threadfence() ::cxg_threadfence()
#define __builtin_amdgcn_fence(order, scope) ::cxg_syncwarp()
#define __builtin_amdgcn_wave_barrier() ::cxg_syncwarp()
#define __HIP_MEMORY_SCOPE_AGENT 0
#define __hip_atomic_load(p, order, scope) ::cxg_load_l2(p)
#define cxg_shared_bytes (::cxg_dynamic_shared())
#undef cxg_assume
namespace hip_bodies {
#include "cxg_prims_hip.cuh"
#define __HIP__ 1
#include "cases.cuh"
}
`;

const SHIM = '#include "cases.cuh"\n';
const [INPUT, MEMORY] = [1 << 16, (1 << 16) + (1 << 17)];

const CASES: readonly (readonly [string, Pick<KernelRun, 'grid' | 'block' | 'sharedBytes'>])[] = [
  ['scalar', { grid: [16, 1, 1], block: 256 }],
  ['mma', { grid: [8, 1, 1], block: 128 }],
  ['ldmatrix', { grid: [4, 1, 1], block: 64, sharedBytes: 4096 }],
  ['cp_async4', { grid: [4, 1, 1], block: 128, sharedBytes: 1024 }],
  ['cp_async8', { grid: [4, 1, 1], block: 128, sharedBytes: 2048 }],
  ['cp_async16', { grid: [4, 1, 1], block: 128, sharedBytes: 4096 }],
  ['shuffle', { grid: [8, 1, 1], block: 128 }],
  ['atomic', { grid: [32, 1, 1], block: 256, sharedBytes: 32 }],
];

/** Bytes at random, and extremes. */
const memoryOf = (extremes: boolean): Uint8Array => {
  const of = [0x80, 0x7f, 0x00, 0xff, 0x81, 0x01, 0x80, 0x7f];
  let state = 12345;
  return Uint8Array.from({ length: MEMORY }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return i >= INPUT ? 0 : extremes ? (of[state >>> 29] ?? 0) : state >>> 24;
  });
};

(has ? describe : describe.skip)("HIP's bodies of the primitives", () => {
  const device = has ? new FakeDevice() : undefined;
  const run = (text: string, name: string, options: KernelRun): readonly [number, string, Uint8Array] => {
    const result = device?.run({ text, include: [cases] }, `prim_${name}`, options);
    return [result?.status ?? -1, result?.message ?? '', result?.memory ?? new Uint8Array(0)];
  };

  test.each([32, 64] as const)(
    'in waves of %d lanes they give what those of the shim give',
    (wave) => {
      const hip = hipText(wave);
      for (const extremes of [false, true])
        for (const [name, shape] of CASES) {
          const options = { ...shape, memory: memoryOf(extremes) };
          const [status, message, expected] = run(SHIM, name, options);
          expect([name, status, message]).toEqual([name, 0, '']);
          // some order in which every thread gets as far as it can, and one by chance
          for (const order of [0, 2]) {
            const [hipStatus, hipMessage, bytes] = run(hip, name, { ...options, order });
            expect([name, hipStatus, hipMessage]).toEqual([name, 0, '']);
            expect([name, Buffer.compare(bytes, expected)]).toEqual([name, 0]);
          }
          expect(expected.subarray(INPUT).some((byte) => byte !== 0)).toBe(true);
        }
    },
    120_000,
  );
});
