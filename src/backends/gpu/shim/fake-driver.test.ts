import { describe, expect, test } from '@jest/globals';
import { unwrap } from '../../../support/index.ts';
import { buildShimModule, findCxx } from './build.ts';
import { FakeDevice, testOptions } from './testing/fake-device.ts';

// The fake driver has to refuse what a driver refuses, and to fail when it is told to.

const has = findCxx().ok;
if (!has) console.warn('The driver without a GPU is not tested: there is no C++ compiler.');
const suite = has ? describe : describe.skip;
const device = has ? new FakeDevice() : undefined;

const driver = (): FakeDevice => {
  if (device === undefined) throw new RangeError('there is no device');
  return device;
};

/** Status of each call; a context is open around them. */
const within = <T>(settings: Readonly<Record<string, string | number>>, act: (d: FakeDevice) => T): T => {
  const d = driver();
  expect(d.open(settings)).toBe(0);
  try {
    return act(d);
  } finally {
    d.close();
  }
};

const INCREMENT = `#include "cxg_prims.cuh"
extern "C" __global__ void increment(cx_env e) { e.m[blockIdx.x * blockDim.x + threadIdx.x]++; }
`;
const modulePath = (): string => unwrap(buildShimModule({ text: INCREMENT, include: [] }, testOptions()));

const start = (d: FakeDevice, arena: bigint, block = 64): void =>
  d.launch(d.load(modulePath()), 'increment', { grid: [1, 1, 1], block, sharedBytes: 0, environment: [arena, arena] });

const LAUNCH_STATUS = (act: () => void): number => {
  try {
    act();
    return 0;
  } catch (error) {
    return (error as { readonly status?: number }).status ?? -1;
  }
};

suite('what a driver refuses', () => {
  test('calls before cuInit, without a context, with handles that it did not give', () => {
    const d = driver();
    expect(d.open()).toBe(0);
    d.close();
    expect(d.make('cuMemAlloc_v2', 'size_t', 64).status).toBe(201);
    within({}, () => {
      expect(d.call('cuStreamSynchronize', 'void *', 1234n)).toBe(400);
      expect(d.call('cuMemFree_v2', 'uint64_t', 1234n)).toBe(1);
      expect(d.call('cuGraphLaunch', 'void *, void *', 1234n, null)).toBe(400);
      expect(d.call('cuDeviceGet', 'void *, int', new Int32Array(1), 1)).toBe(101);
    });
  });

  test('copies past the end of an allocation, memory that is freed twice, no memory left', () => {
    within({ MEMORY: 1 << 20 }, (d) => {
      const arena = d.allocate(new Uint8Array(1000));
      expect(d.call('cuMemcpyHtoD_v2', 'uint64_t, void *, size_t', arena, new Uint8Array(1001), 1001)).toBe(1);
      expect(d.call('cuMemcpyDtoH_v2', 'void *, uint64_t, size_t', new Uint8Array(2), arena + 999n, 2)).toBe(1);
      expect(d.make('cuMemAlloc_v2', 'size_t', 1 << 20).status).toBe(2);
      expect([d.call('cuMemFree_v2', 'uint64_t', arena), d.call('cuMemFree_v2', 'uint64_t', arena)]).toEqual([0, 1]);
    });
  });

  test('modules that are none, kernels that are not there, starts that no device takes', () => {
    within({}, (d) => {
      expect(d.make('cuModuleLoadData', 'const char *', '/nonexistent/module.so').status).toBe(200);
      expect(d.make('cuModuleLoadData', 'void *', new Uint8Array(64)).status).toBe(200);
      const module = d.load(modulePath());
      expect(d.make('cuModuleGetFunction', 'void *, const char *', module, 'decrement').status).toBe(500);
      const arena = d.allocate(new Uint8Array(64));
      expect(LAUNCH_STATUS(() => start(d, arena, 2048))).toBe(1);
      const shared = { grid: [1, 1, 1], block: 64, environment: [arena, arena] } as const;
      expect(LAUNCH_STATUS(() => d.launch(module, 'increment', { ...shared, sharedBytes: 300_000 }))).toBe(1);
    });
  });
});

suite('what happens later', () => {
  test('work on a stream is done when it is awaited, in order', () => {
    within({}, (d) => {
      const arena = d.allocate(new Uint8Array(64));
      const stream = d.make('cuStreamCreate', 'unsigned int', 0).value;
      const pinned = d.make('cuMemHostAlloc', 'size_t, unsigned int', 64, 0);
      expect(pinned.status).toBe(0);
      expect(d.call('cuMemsetD8Async', 'uint64_t, unsigned char, size_t, void *', arena, 7, 64, stream)).toBe(0);
      expect(d.call('cuStreamQuery', 'void *', stream)).toBe(600);
      expect(d.call('cuStreamQuery', 'void *', stream)).toBe(0);
      expect(d.read(arena, 2)).toEqual(Uint8Array.of(7, 7));
    });
  });

  test('a captured graph does what was captured each time it is launched, and nothing before', () => {
    within({}, (d) => {
      const arena = d.allocate(new Uint8Array(64));
      const stream = d.make('cuStreamCreate', 'unsigned int', 0).value;
      expect(d.call('cuStreamBeginCapture_v2', 'void *, unsigned int', stream, 0)).toBe(0);
      expect(d.call('cuMemsetD8Async', 'uint64_t, unsigned char, size_t, void *', arena, 5, 64, stream)).toBe(0);
      const graph = new BigUint64Array(1);
      expect(d.call('cuStreamEndCapture', 'void *, void *', stream, graph)).toBe(0);
      const executable = d.make('cuGraphInstantiateWithFlags', 'void *, uint64_t', graph[0], 0);
      expect([executable.status, d.read(arena, 1)]).toEqual([0, Uint8Array.of(0)]);
      for (let i = 0; i < 2; i++) {
        d.write(arena, new Uint8Array(64));
        expect(d.call('cuGraphLaunch', 'void *, void *', executable.value, stream)).toBe(0);
        expect(d.call('cuStreamSynchronize', 'void *', stream)).toBe(0);
        expect(d.read(arena, 1)).toEqual(Uint8Array.of(5));
      }
    });
  });

  test('what a capture may not see breaks it', () => {
    within({}, (d) => {
      const stream = d.make('cuStreamCreate', 'unsigned int', 0).value;
      expect(d.call('cuStreamBeginCapture_v2', 'void *, unsigned int', stream, 0)).toBe(0);
      expect(d.call('cuStreamSynchronize', 'void *', stream)).toBe(900);
      expect(d.call('cuStreamEndCapture', 'void *, void *', stream, new BigUint64Array(1))).toBe(901);
    });
  });
});

suite('failures on request', () => {
  test('no device, an old driver, memory that runs out', () => {
    expect(driver().open({ DEVICES: 0 })).toBe(100);
    within({ DRIVER: 11040, OOM_AT: 2 }, (d) => {
      const version = new Int32Array(1);
      d.call('cuDriverGetVersion', 'void *', version);
      expect(version[0]).toBe(11040);
      const statuses = [0, 1].map(() => d.make('cuMemAlloc_v2', 'size_t', 64).status);
      expect(statuses).toEqual([0, 2]);
    });
  });

  test('an error of a kernel stays until the context is reset', () => {
    within({ FAIL_AT: 2 }, (d) => {
      const arena = d.allocate(new Uint8Array(64));
      start(d, arena);
      expect(d.call('cuCtxSynchronize', '')).toBe(0);
      start(d, arena);
      const statuses = ['cuCtxSynchronize', 'cuCtxSynchronize'].map((name) => d.call(name, ''));
      expect([...statuses, d.make('cuMemAlloc_v2', 'size_t', 64).status]).toEqual([700, 700, 700]);
      d.call('cuDevicePrimaryCtxReset_v2', 'int', 0);
      expect(d.make('cuMemAlloc_v2', 'size_t', 64).status).toBe(0);
    });
  });

  test('a device that computes wrong bytes, and one that takes no module', () => {
    within({ CORRUPT_AT: 1 }, (d) => {
      const arena = d.allocate(new Uint8Array(64));
      start(d, arena);
      d.synchronize();
      expect(d.read(arena, 2)).toEqual(Uint8Array.of(0, 1));
    });
    within({ IMAGE_AT: 1 }, (d) => expect(d.make('cuModuleLoadData', 'const char *', modulePath()).status).toBe(200));
  });

  test('what a kernel writes past the end of an allocation is found', () => {
    within({}, (d) => {
      const arena = d.allocate(new Uint8Array(60));
      start(d, arena);
      d.synchronize();
      expect(d.call('cuMemFree_v2', 'uint64_t', arena)).toBe(700);
      expect(d.message()).toContain('past the end of an allocation');
    });
  });
});
