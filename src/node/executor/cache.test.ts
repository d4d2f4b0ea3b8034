import { describe, expect, test } from '@jest/globals';
import { ModelCache } from './model-cache.ts';
import { type CachePolicy, fifo, gdsf, lfu, lru } from './policy.ts';

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

describe('ModelCache under pressure', () => {
  test('least frequently used, and what was popular once grows old', async () => {
    const { gone, use } = cacheOf(20, lfu());
    for (const key of ['a', 'a', 'a', 'b', 'c']) await use(key);
    expect(gone).toEqual(['b']);
    // a was used three times, and goes when others come and go for long enough
    for (let i = 0; i < 8 && !gone.includes('a'); i++) await use(`d${i}`);
    expect(gone).toContain('a');
  });

  test('what was in use when room was needed keeps its price', async () => {
    const { cache, gone, use } = cacheOf(30, gdsf());
    await use('dear', 10, 1000);
    await use('cheap', 10, 1);
    await cache.use('dear', () => Promise.reject(new Error('it is there')), async () => {
      // everything but this one goes, since it is in use
      await use('large', 25, 500);
    }); // biome-ignore format: short
    expect(gone).toEqual(['cheap', 'large']);
    for (const key of ['other', 'another']) await use(key, 15, 5);
    expect(gone).toEqual(['cheap', 'large', 'other']);
  });

  test('what was just made is not pushed out before those who wait for it have it', async () => {
    const gone: string[] = [];
    const cache = new ModelCache<string>(10, lru(), (v) => gone.push(v), () => 0); // biome-ignore format: short
    const use = (key: string): Promise<boolean> =>
      cache.use(
        key,
        () => Promise.resolve({ value: key, bytes: 10 }),
        (v) => !gone.includes(v),
      );
    expect(await Promise.all(['a', 'b', 'c', 'a', 'b'].map(use))).toEqual([true, true, true, true, true]);
    expect(cache.counts()).toMatchObject({ entries: 1, bytes: 10 });
  });

  test('all that a worker had is forgotten', async () => {
    const { cache, gone, made, use } = cacheOf(100, lru());
    for (const key of ['a', 'b']) await use(key);
    cache.forget((value) => value === 'a');
    expect(gone).toEqual(['a']);
    for (const key of ['a', 'b']) await use(key);
    expect(made).toEqual(['a', 'b', 'a']);
    expect(cache.counts()).toMatchObject({ evictions: 0, bytes: 20 });
  });
});
