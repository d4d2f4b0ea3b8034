import { filled, given, type NamedCase } from './named.ts';

const NEG_INF = -(2 ** 30);

/** K: probabilistic graphical models in Q12 nats. */
const logSum = (name: string, x: readonly number[], known: readonly number[]): NamedCase => ({
  name: `logsumexp-${name}`,
  op: 'logsumexp_fixed',
  operands: [given(`i32[${x.length}]`, x)],
  attrs: { axis: 0 },
  known: [known],
});

export const graphical: readonly NamedCase[] = [
  logSum(
    'all-impossible',
    filled(3, () => NEG_INF),
    [NEG_INF],
  ),
  logSum('one-possible', [NEG_INF, 77, NEG_INF], [77]),
  logSum('single', [-5], [-5]),
  logSum('two-equal', [100, 100], [100 + 2839]),
  logSum('four-equal', [100, 100, 100, 100], [100 + 5678]),
];
