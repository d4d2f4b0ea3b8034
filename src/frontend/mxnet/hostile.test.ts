import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { params, paramsOf, rowSparse, symbol, type TestNode } from './testing/build.ts';
import { examined } from './testing/data.ts';

const NODES: readonly TestNode[] = [
  { op: 'null', name: 'data' },
  { op: 'null', name: 'c_weight' },
  {
    op: 'Convolution',
    name: 'c',
    attrs: { kernel: '(2, 2)', num_filter: '2', no_bias: 'True' },
    inputs: [
      [0, 0],
      [1, 0],
    ],
  },
  { op: 'SliceChannel', name: 's', attrs: { num_outputs: '2' }, inputs: [[2, 0]] },
  {
    op: 'broadcast_add',
    name: 'a',
    inputs: [
      [3, 0],
      [3, 1],
    ],
  },
];
const WEIGHT = { name: 'arg:c_weight', shape: [2, 1, 2, 2], values: [1, 2, 3, 4, 5, 6, 7, 8] } as const;
const shapes = { data: [1, 1, 3, 3] } as const;
const SYMBOL = symbol(NODES, [[4, 0]], 10900);
const PARAMS = params(2, [WEIGHT]);

/** Whatever the bytes, there is a report, and a program with no problems only where nothing was damaged. */
const survives = (bytes: Uint8Array, given: Uint8Array): boolean => {
  const { problems, program } = examined(bytes, { shapes, params: given });
  for (const p of problems) expect(p.code).toMatch(/^(IMP\d{4}|IR\d{4}|[a-z_0-9]+_c\d+)$/);
  return problems.length === 0 && program !== undefined;
};

test('the whole model is imported', () => expect(survives(SYMBOL, PARAMS)).toBe(true));

test('cut off anywhere, it is refused', () => {
  for (let n = 0; n < SYMBOL.length; n++) expect(survives(SYMBOL.subarray(0, n), PARAMS)).toBe(false);
  for (let n = 0; n < PARAMS.length; n++) expect(survives(SYMBOL, PARAMS.subarray(0, n))).toBe(false);
});

test('flipped bytes give reports', () => {
  const flip = (bytes: Uint8Array, at: number, with_: number): Uint8Array => bytes.map((b, i) => (i === at % bytes.length ? b ^ with_ : b));
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, mask, inSymbol) => {
      survives(inSymbol ? flip(SYMBOL, at, mask) : SYMBOL, inSymbol ? PARAMS : flip(PARAMS, at, mask));
    }),
    { numRuns: 1500, seed: 5 },
  );
});

const huge = (offset: number): Uint8Array => {
  const bytes = PARAMS.slice();
  bytes.fill(0x7f, offset, offset + 8);
  return bytes;
};
test.each([
  ['count of arrays', huge(16)],
  ['dimension', huge(36)],
  ['a sparse array of a billion rows', paramsOf([{ name: 'c_weight', bytes: rowSparse([2 ** 30, 1], [0], [1]) }])],
  ['rows outside', paramsOf([{ name: 'c_weight', bytes: rowSparse([2, 1], [7], [1]) }])],
  ['the same name twice', params(2, [WEIGHT, { ...WEIGHT, name: 'aux:c_weight' }])],
  ['no bytes', new Uint8Array()],
  ['a zip', Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0)],
])('%s', (_, bytes) => expect(survives(SYMBOL, bytes)).toBe(false));

const refused = (bytes: Uint8Array): readonly string[] => examined(bytes, { shapes, params: PARAMS }).problems.map((p) => p.code);
const node = (more: object): Uint8Array => symbol([...NODES.slice(0, 2), { ...NODES[2], ...more } as TestNode], [[2, 0]], 10900);

test.each([
  ['no JSON', new TextEncoder().encode('{"nodes": [')],
  ['deep nesting', new TextEncoder().encode(`{"nodes": ${'['.repeat(100_000)}`)],
  ['nodes that are no list', new TextEncoder().encode('{"nodes": {}, "heads": []}')],
  ['no heads', symbol(NODES, [])],
  ['a head that is not there', symbol(NODES, [[99, 0]])],
  ['an input that is not there', node({ inputs: [[77, 0]] })],
  [
    'an output that is not there',
    node({
      inputs: [
        [0, 3],
        [1, 0],
      ],
    }),
  ],
  ['a billion outputs', symbol(NODES, [[3, 1_000_000_000]])],
  ['attributes that are no texts', node({ attrs: { kernel: [2, 2] } })],
  ['a node without a name', node({ name: 7 })],
  ['a kernel of the whole memory', node({ attrs: { kernel: '(99999999999, 2)', num_filter: '2' } })],
  ['as many filters as there are numbers', node({ attrs: { kernel: '(2, 2)', num_filter: '2147483647', no_bias: '1' } })],
])('%s', (_, bytes) => expect(refused(bytes).length).toBeGreaterThan(0));

test('layers that read each other in a circle', () => {
  const circle = symbol(
    [
      { op: 'null', name: 'data' },
      {
        op: 'broadcast_add',
        name: 'a',
        inputs: [
          [0, 0],
          [2, 0],
        ],
      },
      { op: 'relu', name: 'b', inputs: [[1, 0]] },
    ],
    [[2, 0]],
    10900,
  );
  expect(refused(circle)).toContain('IMP1004');
});

test('constants that no file justifies are refused', () => {
  const nodes: readonly TestNode[] = [
    { op: 'null', name: 'data' },
    { op: '_zeros', name: 'z', attrs: { shape: '(40000, 50000)' } },
    {
      op: 'broadcast_add',
      name: 'a',
      inputs: [
        [0, 0],
        [1, 0],
      ],
    },
  ];
  expect(refused(symbol(nodes, [[2, 0]], 10900))).toEqual(['IMP2002']);
});
