import { describe, expect, test } from '@jest/globals';
import { decodeMemory, encodeMemory, readPreload } from './model-memory.ts';

const hash = (digit: string): string => digit.repeat(64);

describe('what is remembered of models', () => {
  test('comes back as it was; what is damaged is nothing, what is foreign is left out', () => {
    const memory = { runs: [[hash('a'), 5], [hash('b'), 2]] as const, ready: [hash('b')] }; // biome-ignore format: short
    expect(decodeMemory(encodeMemory(memory))).toEqual(memory);
    for (const text of ['', '{', 'null', '[]', '{"runs":1,"ready":[]}', encodeMemory(memory).slice(0, 40)])
      expect(decodeMemory(text)).toBeUndefined();
    const foreign = JSON.stringify({ runs: [[hash('a'), -1], [hash('c'), 1], 'x', ['../../etc', 1]], ready: ['../x', hash('d')] }); // biome-ignore format: short
    expect(decodeMemory(foreign)).toEqual({ runs: [[hash('c'), 1]], ready: [hash('d')] });
  });

  test('choices of what is made ready', () => {
    expect(['all', 'last', 'top:3', `0x${'A'.repeat(40)}`].map(readPreload)).toEqual([
      { kind: 'all' },
      { kind: 'last' },
      { kind: 'top', count: 3 },
      { kind: 'address', address: `0x${'a'.repeat(40)}` },
    ]);
    for (const text of ['', 'top:0', 'top:1e3', 'top:9999999', '0x12', 'ALL', `0x${'g'.repeat(40)}`])
      expect(readPreload(text)).toBeUndefined();
  });
});
