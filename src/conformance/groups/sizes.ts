import { given, type NamedCase } from './named.ts';

const reduce = (op: string, type: string, known: readonly number[]): NamedCase => ({
  name: `${op}-empty-${type.slice(0, type.indexOf('['))}`,
  op,
  operands: [given(type, [])],
  attrs: { axes: [1] },
  known: [known],
});

/** E, apart from the operands of size 0 of every op, which derive from the samples. */
export const sizes: readonly NamedCase[] = [
  reduce('reduce_sum', 'i32[2,0]', [0, 0]),
  reduce('reduce_sum', 'f32[2,0]', [0, 0]),
  reduce('reduce_prod', 'f32[2,0]', [1, 1]),
  reduce('reduce_max', 'i8[2,0]', [-128, -128]),
  reduce('reduce_max', 'u8[2,0]', [0, 0]),
  reduce('reduce_max', 'f32[2,0]', [-Infinity, -Infinity]),
  reduce('reduce_min', 'i8[2,0]', [127, 127]),
  reduce('reduce_mean', 'i8[2,0]', [0, 0]),
  { name: 'argmax-empty', op: 'argmax', operands: [given('i8[2,0]', [])], attrs: { axis: 1 }, known: [[0, 0]] },
  { name: 'softmax-empty', op: 'softmax', operands: [given('f32[2,0]', [])], attrs: { axis: 1 }, known: [[]] },
  ...[0, 1, 2, 3, 4, 5, 6].map(
    (rank): NamedCase => ({
      name: `rank${rank}`,
      op: 'sub',
      operands: [`f32[${'2,'.repeat(rank).slice(0, -1)}]`, `f32[${rank === 0 ? '' : '1'}]`],
      data: ['uniform', 'edges'],
    }),
  ),
  ...[1, 2, 3, 5, 7, 9, 15, 17, 31, 33, 63, 65, 127, 129].flatMap((n): NamedCase[] => [
    { name: `tail-f32-${n}`, op: 'mul', operands: [`f32[${n}]`, `f32[${n}]`], data: ['uniform', 'edges'] },
    { name: `tail-i32-${n}`, op: 'maximum', operands: [`i32[${n}]`, `i32[${n}]`], data: ['uniform', 'edges'] },
    { name: `tail-table-${n}`, op: 'table', operands: [`i8[${n}]`, 'i8[256]'], data: ['uniform', 'edges'] },
  ]),
  {
    name: 'slice-backwards',
    op: 'slice',
    operands: [given('i8[5]', [1, 2, 3, 4, 5])],
    attrs: { starts: [4], sizes: [5], steps: [-1] },
    known: [[5, 4, 3, 2, 1]],
  },
  {
    name: 'slice-unaligned',
    op: 'slice',
    operands: ['f32[37]'],
    attrs: { starts: [3], sizes: [31], steps: [1] },
    data: ['uniform', 'wide'],
  },
  {
    name: 'concat-empty-part',
    op: 'concat',
    operands: [given('i8[2]', [1, 2]), given('i8[0]', []), given('i8[1]', [3])],
    attrs: { axis: 0 },
    known: [[1, 2, 3]],
  },
  { name: 'transpose-identity', op: 'transpose', operands: ['i8[2,3,4]'], attrs: { perm: [0, 1, 2] } },
  { name: 'transpose-reverse', op: 'transpose', operands: ['i8[2,3,4]'], attrs: { perm: [2, 1, 0] } },
  {
    name: 'gather-outside',
    op: 'gather',
    operands: [given('i8[3]', [7, 8, 9]), given('i32[4]', [-1, 3, -(2 ** 31), 2 ** 31 - 1])],
    known: [[7, 9, 7, 9]],
  },
];
