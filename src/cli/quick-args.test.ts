import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { run } from './commands/run.ts';
import { parseArgs } from './parse-args.ts';
import { quickArgs } from './quick-args.ts';

const NAMES = [...Object.keys(run.options), 'json', 'quiet', 'help', 'color', 'unknown'];
const VALUES = [
  '1',
  '0',
  '007',
  '1.5',
  '-3',
  '1e3',
  'x.npy',
  'a=b.npy',
  'true',
  'false',
  '',
  'nchw',
  "it's",
  '"q"',
  '-',
  '--',
  '0x10',
  'wasm',
  ' 1',
  '1 ',
];

const word = fc.oneof(
  fc.constantFrom(...VALUES),
  fc.constantFrom(...NAMES).map((name) => `--${name}`),
  fc.constantFrom(...NAMES).map((name) => `--no-${name}`),
  fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES)).map(([name, value]) => `--${name}=${value}`),
  fc.constantFrom('-o', '-q', '-h', '-oy.npy', '-o=y.npy', '-qo', '-x', '--out', '--no-o'),
);

/** Lines with many plain pairs, so that most of them are of the quick kind until something odd comes. */
const line = fc
  .array(
    fc.oneof(
      { arbitrary: word.map((w) => [w]), weight: 1 },
      {
        arbitrary: fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('1', '12', 'x.npy', 'nchw')).map(([n, v]) => [`--${n}`, v]),
        weight: 2,
      },
      { arbitrary: fc.constantFrom('m.cvm', 'x.npy', '--json', '-q', '--raw', '--no-fallback').map((w) => [w]), weight: 4 },
    ),
    { maxLength: 6 },
  )
  .map((groups) => groups.flat());

describe('words that leave no doubt', () => {
  test('give what the parser gives', async () => {
    let quick = 0;
    await fc.assert(
      fc.asyncProperty(line, async (words) => {
        const args = quickArgs(run, words);
        if (args === undefined) return;
        quick++;
        expect(await parseArgs(run, words)).toEqual({ ok: true, value: args });
      }),
      { numRuns: 3000, seed: 7 },
    );
    expect(quick).toBeGreaterThan(500);
  });

  test.each([
    ['m.cvm x.npy'],
    ['m.cvm x.npy --backend native --threads 2 --isa avx2'],
    ['m.cvm --backend=native x.npy -o y.npy --raw --json -q --no-fallback'],
    ['m.cvm --input a=a.npy --input b=b.npy --top 3'],
  ])('%s', async (text) => {
    const args = quickArgs(run, text.split(' '));
    expect(args).toBeDefined();
    expect(await parseArgs(run, text.split(' '))).toEqual({ ok: true, value: args });
  });

  test.each([[''], ['--help'], ['m.cvm --top'], ['m.cvm --top 1 --top 2'], ['m.cvm -- x'], ['m.cvm --color always'], ['m.cvm --tpo 1']])(
    'others are left to the parser: %s',
    (text) => expect(quickArgs(run, text === '' ? [] : text.split(' '))).toBeUndefined(),
  );
});
