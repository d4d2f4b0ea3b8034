import { given, type NamedCase } from './named.ts';

const hex = (text: string): number => Number.parseInt(text, 16) | 0;
const ZERO = given('i32[2]', [0]);
const ONES = given('i32[2]', [-1]);

/** H: random numbers. Words of Random123's kat_vectors where the counter is one that an op can have. */
export const randomness: readonly NamedCase[] = [
  {
    name: 'philox-zero',
    op: 'random_bits',
    operands: [ZERO],
    attrs: { shape: [4] },
    known: [['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8'].map(hex)],
  },
  { name: 'block-boundary', op: 'random_bits', operands: [ZERO], attrs: { shape: [9] } },
  { name: 'op-id', op: 'random_bits', operands: [ZERO], attrs: { shape: [5], op_id: 1 } },
  { name: 'stream', op: 'random_bits', operands: [ZERO], attrs: { shape: [5], stream: 1 } },
  { name: 'ones', op: 'random_bits', operands: [ONES], attrs: { shape: [5], op_id: -1, stream: -1 } },
  { name: 'below-1000', op: 'random_int', operands: [ZERO], attrs: { shape: [1], high: 1000 }, known: [[399]] },
  { name: 'uniform', op: 'random_uniform', operands: [ZERO], attrs: { shape: [1] }, known: [[0x6627e8 / 2 ** 24]] },
  ...['i8', 'u8', 'i16', 'bool'].map(
    (dtype): NamedCase => ({ name: `top-bits-${dtype}`, op: 'random_bits', operands: [ONES], attrs: { shape: [9], dtype } }),
  ),
  { name: 'bernoulli-halves', op: 'random_bernoulli', operands: [ZERO, given('i32[1]', [-(2 ** 31)])], attrs: { shape: [8] } },
  { name: 'normal', op: 'random_normal', operands: [ZERO], attrs: { shape: [9] } },
  { name: 'gumbel', op: 'random_gumbel', operands: [ZERO], attrs: { shape: [9] } },
];
