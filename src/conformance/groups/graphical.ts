import { filled, given, type NamedCase } from './named.ts';

const NEG_INF = -(2 ** 30);

const logSum = (name: string, x: readonly number[], known: number): NamedCase => ({
  name: `lse-${name}`,
  op: 'lse_fixed',
  operands: [given(`i32[${x.length}]`, x)],
  attrs: { axes: [0] },
  known: [[known]],
});

/** K: probabilistic graphical models in Q12 nats. Equal entries, 2^k of them, add k ln 2. */
export const graphical: readonly NamedCase[] = [
  logSum(
    'all-impossible',
    filled(3, () => NEG_INF),
    NEG_INF,
  ),
  logSum('one-possible', [NEG_INF, 77, NEG_INF], 77),
  logSum('single', [-5], -5),
  logSum('none', [], NEG_INF),
  logSum('two-equal', [100, 100], 100 + 2839),
  logSum('four-equal', [100, 100, 100, 100], 100 + 5678),
  logSum(
    '10000-equal',
    filled(10_000, () => 0),
    Math.round(4096 * 9.210340371976184),
  ),
  {
    name: 'product-absorbs-zero',
    op: 'add_saturated',
    operands: [given('i32[5]', [NEG_INF, -(2 ** 29), -(2 ** 29) + 1, 2 ** 30, 5]), given('i32[5]', [7, 2 ** 29, -7, 1, -9])],
    known: [[NEG_INF, NEG_INF, -(2 ** 29) - 6, 2 ** 30, -4]],
  },
  { name: 'viterbi-ties', op: 'argmax', operands: [given('i32[2,3]', [5, 9, 9, -3, -3, -3])], attrs: { axis: 1 }, known: [[1, 0]] },
  { name: 'posterior-impossible', op: 'posterior_fixed', operands: [given('i32[3]', [NEG_INF])], attrs: { axes: [0] }, known: [[0, 0, 0]] },
];
