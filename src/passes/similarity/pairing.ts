import { at } from '../../support/index.ts';
import { assign } from './assignment.ts';
import type { ScaledLayer } from './canonical.ts';
import { sketchDistance, sketchOf } from './sketch.ts';
import { bonesColored, type Skeleton } from './skeleton.ts';

/** Two layers that stand at the same place, by index. */
export type LayerPair = readonly [number, number];

export interface Body {
  readonly skeleton: Skeleton;
  readonly layers: readonly ScaledLayer[];
}

const ROUNDS = 12;

const fits = (a: ScaledLayer, b: ScaledLayer, widths: boolean): boolean =>
  a.area === b.area && (!widths || (a.rows === b.rows && a.perGroup === b.perGroup && a.groups === b.groups));

/** Larger groups of like layers are paired in order. */
const MAX_TIED = 512;

/** Pairs layers that structure cannot tell apart: by what their weights have in common in any order, else in order. */
const tied = (a: readonly number[], b: readonly number[], sides: readonly [Body, Body]): readonly LayerPair[] => {
  const [x, y] = sides;
  if (a.length === 1 && b.length === 1) return [[at(a, 0), at(b, 0)]];
  if (Math.max(a.length, b.length) > MAX_TIED) return a.slice(0, b.length).map((i, k) => [i, at(b, k)]);
  const sketches = [a.map((i) => sketchOf(at(x.layers, i))), b.map((j) => sketchOf(at(y.layers, j)))] as const;
  const gain = new Float32Array(a.length * b.length);
  sketches[0].forEach((s, i) => {
    sketches[1].forEach((t, j) => {
      // of equals, the one at the same place in the order
      gain[i * b.length + j] = -sketchDistance(s, t) - 1e-6 * Math.abs(i - j);
    });
  });
  const shifted = gain.map((g) => g + 100);
  return [...assign(shifted, a.length, b.length)].flatMap((j, i): LayerPair[] => (j < 0 ? [] : [[at(a, i), at(b, j)]]));
};

/**
 * The layers of two networks that stand at the same place: those whose surroundings are the same the farthest, down to layers that only have
 * their own form in common; at last without regard to widths. In order of execution of A.
 */
export const pairLayers = (a: Body, b: Body): readonly LayerPair[] => {
  const pairs: LayerPair[] = [];
  const [freeA, freeB] = [new Set(a.layers.keys()), new Set(b.layers.keys())];
  for (const widths of [true, false]) {
    const numbers = new Map<string, number>();
    const [ca, cb] = [a, b].map((s) => bonesColored(s.skeleton, numbers, widths, ROUNDS)) as [readonly Int32Array[], readonly Int32Array[]];
    for (let round = ROUNDS; round >= 0; round--) {
      const groups = new Map<string, readonly [number[], number[]]>();
      const put = (side: 0 | 1, body: Body, colors: readonly Int32Array[], free: ReadonlySet<number>): void => {
        for (const i of free) {
          const layer = at(body.layers, i);
          const color = at(at(colors, round), body.skeleton.boneOf.get(layer.term) ?? 0);
          const size = widths ? `${layer.rows} ${layer.perGroup} ${layer.groups} ${layer.area}` : String(layer.area);
          const key = `${color} ${size}`;
          const group = groups.get(key) ?? [[], []];
          group[side].push(i);
          groups.set(key, group);
        }
      };
      put(0, a, ca, freeA);
      put(1, b, cb, freeB);
      for (const [some, others] of groups.values()) {
        if (some.length === 0 || others.length === 0) continue;
        for (const [i, j] of tied(some, others, [a, b])) {
          if (!fits(at(a.layers, i), at(b.layers, j), widths)) continue;
          pairs.push([i, j]);
          freeA.delete(i);
          freeB.delete(j);
        }
      }
    }
  }
  return pairs.sort(([i], [j]) => i - j);
};
