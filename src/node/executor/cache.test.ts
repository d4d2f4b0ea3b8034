import { describe, expect, test } from '@jest/globals';
import { ModelCache } from './model-cache.ts';
import { type CachePolicy, fifo, gdsf, lru } from './policy.ts';

const cacheOf = (limit: number, policy: CachePolicy) => {
  const made: string[] = [];
  const gone: string[] = [];
  let clock = 0;
  const cache = new ModelCache<string>(limit, policy, (v) => gone.push(v), () => clock); // biome-ignore format: short
  const use = (key: string, bytes = 10, cost = 0): Promise<string> =>
    cache.use(
      key,
      () => {
        made.push(key);
        clock += cost;
        return Promise.resolve({ value: key, bytes });
      },
      (v) => v,
    );
  return { cache, made, gone, use };
};

describe('ModelCache', () => {
  test('the least recently used goes first; first in, first out does not look at uses', async () => {
    for (const [policy, expected] of [
      [lru(), 'b'],
      [fifo(), 'a'],
    ] as const) {
      const { gone, use, cache } = cacheOf(20, policy);
      for (const key of ['a', 'b', 'a', 'c']) await use(key);
      expect(gone).toEqual([expected]);
      expect(cache.counts()).toMatchObject({ hits: 1, misses: 3, evictions: 1, bytes: 20, entries: 2 });
    }
  });

  test('greedy-dual-size-frequency gives up what is large, cheap and seldom used', async () => {
    const { gone, use } = cacheOf(100, gdsf());
    await use('small and dear', 10, 100);
    await use('large and cheap', 80, 1);
    await use('another', 30, 10);
    expect(gone).toEqual(['large and cheap']);
  });

  test('one is made once, however many ask at the same time', async () => {
    const { made, use } = cacheOf(100, lru());
    await Promise.all([use('a'), use('a'), use('b'), use('a')]);
    expect(made).toEqual(['a', 'b']);
  });

  test('what is in use is not given up, and is when its users are done', async () => {
    const { cache, gone, use } = cacheOf(10, lru());
    await cache.use('a', () => Promise.resolve({ value: 'a', bytes: 10 }), async () => {
      await use('b');
      // it was needed for a moment only
      expect(gone).toEqual(['b']);
    }); // biome-ignore format: short
    expect(cache.counts()).toMatchObject({ bytes: 10, entries: 1 });
    await use('c');
    expect(gone).toEqual(['b', 'a']);
  });

  test('a value above the limit is used once and not kept; a failure is told to all and tried again', async () => {
    const { cache, gone, use } = cacheOf(10, lru());
    expect(await use('big', 11)).toBe('big');
    expect(gone).toEqual(['big']);
    expect(cache.counts()).toMatchObject({ oversized: 1, entries: 0, bytes: 0 });
    const failing = () => cache.use('x', () => Promise.reject(new Error('no file')), (v) => v); // biome-ignore format: short
    await expect(Promise.all([failing(), failing()])).rejects.toThrow('no file');
    expect(await use('x')).toBe('x');
  });
});
