import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { eliminationOrder } from './graphical-elimination.ts';

const order = (scopes: readonly (readonly number[])[], open: readonly number[]) => eliminationOrder(scopes, open, () => true);

/** Min-fill as its definition says, on an adjacency matrix. */
const byDefinition = (scopes: readonly (readonly number[])[], open: readonly number[], n: number) => {
  const adjacent = Array.from({ length: n }, () => new Array<boolean>(n).fill(false));
  const join = (ids: readonly number[]): void => {
    for (const a of ids)
      for (const b of ids) {
        const row = adjacent[a];
        if (row !== undefined && a !== b) row[b] = true;
      }
  };
  scopes.forEach(join);
  const left = new Set(open);
  const out: { variable: number; clique: number[] }[] = [];
  const around = (v: number): number[] => [...(adjacent[v]?.keys() ?? [])].filter((w) => adjacent[v]?.[w] === true);
  while (left.size > 0) {
    const fill = (v: number): number =>
      around(v).reduce((sum, a) => sum + around(v).filter((b) => b > a && adjacent[a]?.[b] !== true).length, 0);
    const [variable = 0] = [...left].toSorted((a, b) => fill(a) - fill(b) || a - b);
    const ids = around(variable);
    out.push({ variable, clique: [variable, ...ids].toSorted((a, b) => a - b) });
    join(ids);
    for (const row of adjacent) row[variable] = false;
    adjacent[variable]?.fill(false);
    left.delete(variable);
  }
  return out;
};

describe('min-fill', () => {
  test('a chain goes from its lower end, and from both ends towards a kept variable', () => {
    const chain = [
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 4],
    ];
    expect(order(chain, [0, 1, 2, 3])?.map((s) => s.variable)).toEqual([0, 1, 2, 3]);
    expect(order(chain, [0, 1, 3, 4])?.map((s) => s.variable)).toEqual([0, 1, 4, 3]);
  });

  test('a cycle: every variable adds one edge, ties go to the lowest', () => {
    expect(
      order(
        [
          [0, 1],
          [1, 2],
          [2, 3],
          [0, 3],
        ],
        [0, 1, 2, 3],
      ),
    ).toEqual([
      { variable: 0, clique: [0, 1, 3] },
      { variable: 1, clique: [1, 2, 3] },
      { variable: 2, clique: [2, 3] },
      { variable: 3, clique: [3] },
    ]);
  });

  test('a star goes from its leaves, so that the middle joins nothing', () => {
    const star = Array.from({ length: 2000 }, (_, i) => [0, i + 1]);
    expect(
      order(
        star,
        Array.from({ length: 2001 }, (_, i) => i),
      )?.at(1999)?.clique,
    ).toEqual([0, 2000]);
  });

  test('ends with the first table that does not fit', () => {
    expect(eliminationOrder([[0, 1, 2]], [0], (clique) => clique.length < 3)).toBeUndefined();
  });

  test('equals the definition on random networks', () => {
    const ids = fc.integer({ min: 0, max: 9 });
    const scopes = fc.array(fc.uniqueArray(ids, { minLength: 1, maxLength: 4 }), { maxLength: 14 });
    fc.assert(
      fc.property(scopes, fc.uniqueArray(ids), (s, open) => {
        expect(order(s, open)).toEqual(byDefinition(s, open, 10));
      }),
      { numRuns: 500, seed: 11 },
    );
  });
});
