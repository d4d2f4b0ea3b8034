import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readPickle } from './pickle.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('pickles', () => {
  const global = (module: string, name: string): readonly number[] => [0x63, ...utf8(`${module}\n${name}\n`)];
  const pickle = (...body: readonly number[]): Uint8Array => Uint8Array.of(0x80, 2, ...body, 0x2e);
  const fails = (bytes: Uint8Array): string => {
    try {
      readPickle(bytes);
      return 'read';
    } catch (error) {
      return (error as { readonly code?: string }).code ?? String(error);
    }
  };
  test('data is read', () => {
    expect(readPickle(pickle(0x7d, 0x58, 1, 0, 0, 0, 0x61, 0x4b, 7, 0x73))).toEqual(new Map([['a', 7]]));
    expect(readPickle(pickle(0x8a, 2, 0xff, 0xff))).toBe(-1);
  });
  test.each<readonly [string, string, Uint8Array]>([
    ['a call of a function', 'IMP2004', pickle(...global('os', 'system'), 0x58, 2, 0, 0, 0, 0x6c, 0x73, 0x85, 0x52)],
    ['an object', 'IMP2004', pickle(...global('builtins', 'eval'), 0x29, 0x81)],
    ['an instance', 'IMP2004', pickle(0x28, 0x69, ...utf8('os\nsystem\n'))],
    [
      'a storage of another module',
      'IMP2004',
      pickle(0x28, 0x58, 7, 0, 0, 0, ...utf8('storage'), ...global('evil', 'FloatStorage'), 0x58, 1, 0, 0, 0, 0x30, 0x74, 0x51),
    ],
    ['a state', 'IMP2004', pickle(...global('a', 'b'), 0x7d, 0x62)],
    ['a newer protocol', 'IMP2004', Uint8Array.of(0x80, 5, 0x2e)],
    ['an empty stack', 'IMP1001', pickle(0x52)],
    ['no mark', 'IMP1001', pickle(0x74)],
    ['a memory that is not there', 'IMP1001', pickle(0x68, 3)],
    ['a text of gigabytes', 'IMP1001', pickle(0x58, 0xff, 0xff, 0xff, 0x7f)],
    ['no end', 'IMP1001', Uint8Array.of(0x80, 2, 0x7d)],
    ['a line without an end', 'IMP1001', Uint8Array.of(0x80, 2, 0x63, 0x61)],
    ['an integer of many bytes', 'IMP1001', pickle(0x8a, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1)],
  ])('%s', (_, code, bytes) => {
    expect(fails(bytes)).toBe(code);
  });
  test('any bytes are read, or have a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
        expect(fails(Uint8Array.of(0x80, 2, ...body, 0x2e))).toMatch(/^(read|IMP)/);
      }),
      { numRuns: 3000, seed: 7 },
    );
  });
});
