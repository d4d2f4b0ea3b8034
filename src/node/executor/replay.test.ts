import { describe, expect, test } from '@jest/globals';
import { createModelTrace, readModelTrace } from './model-trace.ts';
import { fifo, lru, POLICIES } from './policy.ts';
import { hitBound, replay, replayOffline, type SizedRequest } from './replay.ts';

const traceOf = (models: string): SizedRequest[] => Array.from(models).map((model) => ({ model, bytes: 10, cost: 1 }));

describe('traces of models', () => {
  test('are read as they were written; what a killed node left half is left out', () => {
    let text = '';
    let clock = 1000.25;
    const record = createModelTrace((line) => (text += line), () => clock); // biome-ignore format: short
    record('aa', undefined);
    clock += 12;
    record('bb', 4096);
    expect(text).toBe('{"t":0,"model":"aa"}\n{"t":12,"model":"bb","bytes":4096}\n');
    const expected = [{ t: 0, model: 'aa' }, { t: 12, model: 'bb', bytes: 4096 }]; // biome-ignore format: short
    expect(readModelTrace(text)).toEqual(expected);
    expect(readModelTrace(`${text}{"t":13,"mod`)).toEqual(expected);
    expect(readModelTrace('{"t":0,"model":"aa"}\n{"t":-1,"model":"bb"}\n')).toBe('line 2 has no t (milliseconds) and model (text)');
    expect(readModelTrace('what\n')).toBe('line 1 is no JSON');
    expect(readModelTrace('what')).toBe('there is no whole line');
    expect(readModelTrace('')).toEqual([]);
  });

  test('a scan leaves nothing to LRU, and something to one who knows the future', async () => {
    const scan = traceOf('abcabcabcabc');
    expect(await replay(scan, 20, lru())).toEqual({ requests: 12, hits: 0, loadedBytes: 120, evictions: 10 });
    // a and b stay, c comes and goes
    expect(replayOffline(scan, 20).hits).toBe(6);
    expect(replayOffline(scan, 30).hits).toBe(9);
  });

  test('of models of one size nobody has more hits than Belady', async () => {
    const worked = traceOf('abcdabeabcde');
    // the textbook's trace: 3 places give 9 faults with FIFO and 7 at best
    expect((await replay(worked, 30, fifo())).hits).toBe(3);
    expect(replayOffline(worked, 30).hits).toBe(5);
  });

  test('models of many sizes: no policy passes the bound', async () => {
    const sizes = [3, 5, 8, 13, 21, 34];
    let state = 7;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647); // biome-ignore format: short
    const trace = Array.from({ length: 2000 }, () => {
      const i = random() % sizes.length;
      return { model: `m${i}`, bytes: sizes[i] ?? 1, cost: 1 };
    });
    for (const limit of [20, 40, 60]) {
      const bound = hitBound(trace, limit);
      const hits = [replayOffline(trace, limit).hits];
      for (const make of Object.values(POLICIES)) hits.push((await replay(trace, limit, make())).hits);
      expect(Math.max(...hits)).toBeLessThanOrEqual(bound);
      expect(bound).toBeLessThan(trace.length);
    }
  });

  test('what is larger than the cache is used and not kept', async () => {
    const large = [{ model: 'a', bytes: 50, cost: 1 }, { model: 'a', bytes: 50, cost: 1 }]; // biome-ignore format: short
    expect(await replay(large, 20, lru())).toMatchObject({ hits: 0, loadedBytes: 100 });
    expect(replayOffline(large, 20)).toMatchObject({ hits: 0, loadedBytes: 100 });
  });
});
