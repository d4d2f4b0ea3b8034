import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Philox, philoxFill } from '../../ir/index.ts';
import { CODES } from '../../support/index.ts';
import { parseMrl } from './index.ts';
import { MrlParser } from './parser.ts';

const codes = (text: string): string[] => {
  const result = parseMrl(text, { file: 'test.mrl', unboundParams: 'zeros' });
  return result.ok ? [] : result.diagnostics.map((d) => d.code);
};
const inModel = (body: string): string => `mrl 1; model m { input x: f32[2]; ${body} output y = x; }`;
const deep = (open: string, close: string, n: number): string => `${open.repeat(n)}1${close.repeat(n)}`;

test('the grammar has no ambiguity', () => {
  expect(() => new MrlParser({ validate: true })).not.toThrow();
});

describe('hostile text ends in a diagnostic', () => {
  test.each<[string, string, string[]]>([
    ['parentheses to the limit', inModel(`let a = ${deep('(', ')', 63)};`), []],
    ['parentheses beyond', inModel(`let a = ${deep('(', ')', 100_000)};`), ['MRL3001']],
    ['brackets beyond', inModel(`let a = ${deep('[', ']', 65)};`), ['MRL3001']],
    ['lists within lists', inModel(`let a = ${deep('[', ']', 9)};`), ['MRL3006']],
    ['a long row of signs', inModel(`let a = ${'-'.repeat(100_000)}1;`), ['MRL3001']],
    ['a long sum', inModel(`let a = ${'1+'.repeat(100_000)}1;`), ['MRL3001']],
    ['blocks beyond', inModel(`${'if true { '.repeat(70)}${'}'.repeat(70)}`), ['MRL3001']],
    ['else if, many', inModel(`if false { }${' else if false { }'.repeat(5000)}`), []],
    ['a loop without end', inModel('for i in 0..9007199254740991 { }'), ['MRL3003']],
    ['loops that multiply', inModel('for i in 0..100000 { for j in 0..100000 { let a = i; } }'), ['MRL3003']],
    ['too many nodes', inModel('for i in 0..300000 { x = relu(x); }'), ['MRL3002']],
    [
      'too many values',
      inModel('param w: f32[0]; let s = [0]; for i in 0..17 { s = s + s; } for i in 0..9 { let q = split(w, axis: 0, sizes: s); }'),
      ['MRL3002'],
    ],
    ['a list that doubles', inModel('let l = [1]; for i in 0..60 { l = l + l; }'), ['MRL3006']],
    ['a text that doubles', inModel('let t = "a"; for i in 0..60 { t = "{t}{t}"; }'), ['MRL3006']],
    ['a list that deepens', inModel('let l = [1]; for i in 0..100000 { l = [l]; }'), ['MRL3006']],
    ['a large parameter', inModel('param w: f32[2147483647] = fill(1);'), ['MRL3007']],
    ['a huge shape', inModel('param w: f32[65536, 65536] = fill(1);'), ['IR0007']],
    ['a rank beyond', inModel('param w: f32[1,1,1,1,1,1,1,1,1] = fill(1);'), ['IR0007']],
    ['an integer beyond', inModel('let a = 99999999999999999999;'), ['MRL1006']],
    ['a float beyond', inModel('let a = 1e999;'), ['MRL1006']],
    ['a comment without end', `mrl 1; //${'/'.repeat(5_000_000)}`, ['MRL2010']],
    ['a text without end', `mrl 1; meta { a: "${'a'.repeat(5_000_000)}`, ['MRL1002', 'MRL1004']],
    ['nothing', '', ['MRL1005']],
    ['zero bytes', '\0'.repeat(100_000), ['MRL1001', 'MRL1005']],
  ])('%s', (_what, text, wanted) => {
    const started = performance.now();
    const found = codes(text);
    expect([...new Set(found)].toSorted()).toEqual(wanted);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test('too many words', () => {
    expect(codes(`mrl 1; meta { a: [${'1,'.repeat(2_100_000)}1] }`)).toEqual(['MRL3006']);
  });

  test('a chain of functions', () => {
    const fns = Array.from({ length: 5000 }, (_, i) => `fn g${i}(x) { return g${i + 1}(x); }`).join('\n');
    expect(codes(`mrl 1; ${fns} fn g5000(x) { return x; } model m { input x: f32[1]; output y = g0(x); }`)).toEqual(['MRL3004']);
  });

  test('functions that double', () => {
    const fns = Array.from({ length: 40 }, (_, i) => `fn g${i}(x) { let a = g${i + 1}(x); return g${i + 1}(a); }`).join('\n');
    const found = codes(`mrl 1; ${fns} fn g40(x) { return relu(x); } model m { input x: f32[1]; output y = g0(x); }`);
    expect(found).toEqual(['MRL3003']);
  });

  test('many unknown names are listed up to the limit, and fast', () => {
    const body = Array.from({ length: 20_000 }, (_, i) => `let n${i} = unknown${i};`).join('\n');
    const started = performance.now();
    expect(codes(inModel(body))).toHaveLength(1000);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('every code of the language has a title and a remedy', () => {
    for (const [code, info] of Object.entries(CODES)) {
      if (code.startsWith('MRL')) expect([code, info.title.length > 5, info.explain.length > 10]).toEqual([code, true, true]);
    }
  });
});

describe('mutations', () => {
  const texts = [
    readFileSync('examples/resnet152.mrl', 'utf8').replace('[3, 8, 36, 3]', '[1, 2, 1, 1]').replace('width = 64', 'width = 2'),
    'mrl 1;\nmodel m {\n  input x: f32[N, 3, 4];\n  param w: f32[2, 4] = [[1, 2, -3.5, 4e-1], [1, 1, 1, 1]];\n  let a, b = split(x, axis: 1, sizes: [1, 2]);\n' +
      '  if rank(a) == 3 && !false { a = relu(a); } else if true { } else { }\n  for i in [1, 2] { b = leaky_relu(b, alpha: 0.5); }\n  output y = dense(b, w); // end\n  output `z 1` = a;\n}\n',
  ];
  const pieces = [
    '',
    ';',
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    ',',
    '=',
    '"',
    '`',
    '-',
    '0',
    '..',
    'let ',
    'for ',
    '\0',
    '\ud800',
    '\n',
    '//',
    'sha256:',
    '9'.repeat(30),
  ];

  test('random edits never crash and end soon', () => {
    let slowest = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(12), piece: fc.constantFrom(...pieces) }), {
          minLength: 1,
          maxLength: 6,
        }),
        (text, edits) => {
          let mutated = text;
          for (const { at, cut, piece } of edits) {
            const i = Math.floor(at * mutated.length);
            mutated = mutated.slice(0, i) + piece + mutated.slice(i + cut);
          }
          const started = performance.now();
          const result = parseMrl(mutated, { file: 'test.mrl', unboundParams: 'zeros' });
          slowest = Math.max(slowest, performance.now() - started);
          if (result.ok) return;
          expect(result.diagnostics.length).toBeGreaterThan(0);
          for (const d of result.diagnostics) {
            expect(d.code).not.toBe('INT0001');
            if (d.span !== undefined) expect([d.span.line >= 1, d.span.column >= 1, d.span.length >= 1]).toEqual([true, true, true]);
          }
        },
      ),
      { numRuns: 400, seed: 7 },
    );
    expect(slowest).toBeLessThan(10_000);
  });
});

test('whole tensors of random words are the words one gets one by one', () => {
  const key = [123456789, 77] as const;
  const words = new Uint32Array(64);
  philoxFill(key, 0, words);
  const random = new Philox(123456789 + 77 * 2 ** 32);
  expect(Array.from(words)).toEqual(Array.from(words, () => random.next()));
  const later = new Uint32Array(8);
  philoxFill(key, 3, later);
  expect(later).toEqual(words.subarray(12, 20));
});
