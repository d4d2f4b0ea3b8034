import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { bytesSource } from '../../support/index.ts';
import { DataUnavailable, type InferenceRequest } from '../evm/engine.ts';
import type { ModelMeta } from '../evm/meta.ts';
import { EngineBusy, InferenceTooLong, ModelEndsWorkers } from './outcomes.ts';
import { createService, type InferenceService, type ServiceOptions } from './service.ts';

// Against a worker that ends, hangs and answers as it is told: testing/fake-worker.mjs.

const MAIN = pathToFileURL(join(import.meta.dirname, 'testing', 'fake-worker.mjs'));
const open: InferenceService[] = [];
afterEach(() => {
  for (const service of open.splice(0)) service.close();
});

const hashOf = (n: number): Uint8Array => new Uint8Array(32).fill(n);

/** Packages are [milliseconds of a load, bytes that it holds]; model 99 is not there. */
const serviceOf = (options: Partial<ServiceOptions> = {}, packages: Readonly<Record<number, readonly number[]>> = {}): InferenceService => {
  const service = createService({
    objects: {
      package: ([n = 0]) => Promise.resolve(n === 99 ? undefined : bytesSource(Uint8Array.from(packages[n] ?? [0, 10]))),
      input: () => Promise.resolve(undefined),
    },
    backend: 'fake',
    workers: 2,
    isolation: 'threads',
    main: MAIN,
    ...options,
  });
  open.push(service);
  return service;
};

const request = (model: number, input: readonly number[], call?: InferenceRequest['call']): InferenceRequest => ({
  meta: { hash: hashOf(model), inputs: [] } as unknown as ModelMeta,
  input: Uint8Array.from(input),
  seed: [0, 0],
  ...(call === undefined ? {} : { call }),
});
const call = { limitMs: undefined };

describe('execution service', () => {
  test('many requests for many models: each has its own answer, and one model is made ready once', async () => {
    const service = serviceOf();
    const asked = Array.from({ length: 60 }, (_, i) => [i % 5, i] as const);
    const got = await Promise.all(asked.map(([model, i]) => service.infer(request(model, [0, i]))));
    expect(got).toEqual(asked.map(([, i]) => Uint8Array.of(0, i)));
    expect(service.counts()).toMatchObject({ misses: 5, hits: 55, entries: 5, bytes: 50 });
    expect(service.runs()[0]).toEqual(['0'.repeat(64), 12]);
  });

  test('bytes that are kept ready are bounded', async () => {
    const service = serviceOf({ cacheBytes: 25 });
    for (const model of [1, 2, 3, 1]) await service.infer(request(model, [0, model]));
    expect(service.counts()).toMatchObject({ misses: 4, evictions: 2, bytes: 20 });
    expect(service.ready()).toHaveLength(2);
  });

  for (const isolation of ['threads', 'processes'] as const)
    test(`a worker that ends takes nothing along: what it was asked is asked again (${isolation})`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'cortexc-service-'));
      const flag = join(folder, 'once');
      writeFileSync(flag, '');
      try {
        const service = serviceOf({ isolation, workers: 1 });
        await service.infer(request(1, [0, 1]));
        const once = service.infer(request(1, [4, 7, ...new TextEncoder().encode(flag)]));
        const others = [1, 2, 3].map((n) => service.infer(request(n, [0, n])));
        expect(await once).toEqual(Uint8Array.of(4, 7));
        expect(existsSync(flag)).toBe(false);
        expect(await Promise.all(others)).toEqual([1, 2, 3].map((n) => Uint8Array.of(0, n)));
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

  test('a model that ends workers time and again is left alone, and says why; others go on', async () => {
    const service = serviceOf({ isolation: 'processes', limits: { crashes: 2 } });
    const bad = service.infer(request(1, [1, 0]));
    const good = service.infer(request(2, [0, 2]));
    await expect(bad).rejects.toThrow(ModelEndsWorkers);
    await expect(service.infer(request(1, [0, 0]))).rejects.toThrow(/01010101.* ended 2 workers of this node, the last by signal SIGSEGV/);
    expect(await good).toEqual(Uint8Array.of(0, 2));
    // never a result of the chain
    await expect(service.infer(request(1, [0, 0]))).rejects.toThrow(DataUnavailable);
  });

  test('after a while such a model is tried again', async () => {
    const service = serviceOf({ limits: { crashes: 1, restMs: 0 } });
    await expect(service.infer(request(1, [1, 0]))).rejects.toThrow(ModelEndsWorkers);
    await expect(service.infer(request(1, [0, 1]))).resolves.toEqual(Uint8Array.of(0, 1));
    const patient = serviceOf({ limits: { crashes: 1, restMs: 3_600_000 } });
    await expect(patient.infer(request(1, [1, 0]))).rejects.toThrow(ModelEndsWorkers);
    await expect(patient.infer(request(1, [0, 1]))).rejects.toThrow(ModelEndsWorkers);
  });

  test('calls are refused when too many wait, blocks never are', async () => {
    const service = serviceOf({ workers: 1, limits: { perModel: 2, all: 3 } });
    const kept = [service.infer(request(1, [2, 50], call)), service.infer(request(1, [0, 1], call))];
    await expect(service.infer(request(1, [0, 2], call))).rejects.toThrow(EngineBusy);
    await expect(service.infer(request(1, [0, 2], call))).rejects.toThrow('2 inferences of this model wait already: ask again later');
    kept.push(service.infer(request(2, [0, 3], call)));
    await expect(service.infer(request(3, [0, 2], call))).rejects.toThrow('3 inferences wait already: ask again later');
    const blocks = Array.from({ length: 20 }, (_, i) => service.infer(request(1, [0, i])));
    expect(await Promise.all(blocks)).toHaveLength(20);
    expect(await Promise.all(kept)).toHaveLength(3);
    expect(service.loads().inferences).toBe(0);
  });

  test('blocks go before calls', async () => {
    const service = serviceOf({ workers: 1 });
    await service.infer(request(1, [0, 0]));
    const order: string[] = [];
    const first = service.infer(request(1, [2, 30], call));
    const calls = [1, 2].map((n) => service.infer(request(1, [2, n], call)).then(() => order.push('call')));
    const block = service.infer(request(1, [2, 1])).then(() => order.push('block'));
    await Promise.all([first, ...calls, block]);
    expect(order).toEqual(['block', 'call', 'call']);
  });

  test('a call that takes too long is told so, and makes room for a block', async () => {
    const service = serviceOf({ workers: 1 });
    await service.infer(request(1, [0, 0]));
    const late = service.infer(request(1, [2, 250], { limitMs: 20 }));
    await expect(late).rejects.toThrow(InferenceTooLong);
    // the worker is busy with what nobody waits for
    expect(await service.infer(request(2, [0, 5]))).toEqual(Uint8Array.of(0, 5));
    expect(service.counts()).toMatchObject({ entries: 1, bytes: 10 });
  });

  test('a missing package, a device in trouble, a backend that does not start: this node has no result', async () => {
    const service = serviceOf();
    await expect(service.infer(request(99, [0, 0]))).rejects.toThrow(/^package 6363.* is not on this node$/);
    await expect(service.infer(request(1, [3, 0]))).rejects.toThrow(/the device says no/);
    await expect(serviceOf({ backend: 'none' }).infer(request(1, [0, 0]))).rejects.toThrow(/there is no backend none/);
    await expect(serviceOf({ backend: 'ends' }).infer(request(1, [0, 0]))).rejects.toThrow(/workers do not start: exit code 3/);
    await expect(serviceOf({ backend: 'ends' }).infer(request(1, [0, 0]))).rejects.toThrow(DataUnavailable);
  });

  test('packages that are made ready at a time are bounded', async () => {
    let inside = 0;
    let most = 0;
    const service = serviceOf({
      limits: { loadBytes: 4 },
      workers: 4,
      objects: {
        package: () => Promise.resolve(bytesSource(Uint8Array.of(5, 10))),
        packagePath: () => {
          most = Math.max(most, ++inside);
          setTimeout(() => inside--, 0);
          return Promise.resolve(undefined);
        },
        input: () => Promise.resolve(undefined),
      },
    });
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => service.infer(request(n, [0, n]))));
    expect(most).toBeLessThanOrEqual(2);
    expect(service.counts()).toMatchObject({ entries: 6, misses: 6 });
  });

  test('a model that many wait for is made ready on another worker, if there is room', async () => {
    const service = serviceOf({ workers: 2 });
    await service.infer(request(1, [2, 20]));
    await service.infer(request(1, [2, 20]));
    await Promise.all(Array.from({ length: 6 }, () => service.infer(request(1, [2, 20]))));
    expect(service.counts()).toMatchObject({ entries: 2, bytes: 20 });
    expect(service.ready()).toHaveLength(1);
  });
});
