import { at } from '../../../support/index.ts';
import type { TfliteNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { TfliteOps } from './row.ts';

/**
 * The best boxes that do not overlap a better one: boxes [N, 4], scores [N], greatest number, overlap from which a box goes, score
 * that it has to exceed. Results have the greatest number of entries; those behind the count are 0.
 */
const nonMaxSuppression = (n: TfliteNode): { readonly indices: Made; readonly scores: Made; readonly count: Made } => {
  const size = n.hostInt(2, 'the greatest number of boxes');
  const [boxCount = 0, sides] = n.shapeOf(0);
  if (n.rank(0) !== 2 || sides !== 4 || n.rank(1) !== 1 || n.shapeOf(1)[0] !== boxCount || size < 1)
    return n.malformed(`boxes are [${n.shapeOf(0).join(', ')}], scores [${n.shapeOf(1).join(', ')}], at most ${size} are wanted`);
  const scores = n.real(1);
  const threshold = (i: number): number => n.hostNumber(i, 'a threshold');
  // no score exceeds an infinite one, and every score exceeds the least
  const least = Math.max(-3.4028234663852886e38, Math.min(3.4028234663852886e38, threshold(4)));
  const results = n.emitAll(
    'nms',
    [n.reshape(n.real(0), [1, boxCount, 4]), n.reshape(scores, [1, 1, boxCount]), n.scalar(threshold(3)), n.scalar(least)],
    { max_out: size, format: 'diagonal', inclusive: true },
  );
  const indices = n.reshape(at(results, 0), [size]);
  const kept = n.emit('less_equal', [n.ints('zero', [], [0]), indices], {});
  const filled = n.emit('maximum', [indices, n.ints('zero', [], [0])], {});
  const chosen = n.emit('select', [kept, n.emit('gather', [scores, filled], { axis: 0 }), n.scalar(0)], {});
  return { indices: filled, scores: chosen, count: n.reshape(at(results, 1), []) };
};

export const detection = {
  NON_MAX_SUPPRESSION_V4: {
    import: (n) => {
      const { indices, count } = nonMaxSuppression(n);
      return [indices, count];
    },
  },
  NON_MAX_SUPPRESSION_V5: {
    import: (n) => {
      const sigma = n.hostNumber(5, 'sigma');
      if (sigma !== 0) return n.refuse(`sigma is ${sigma}: soft suppression is not supported`);
      const { indices, scores, count } = nonMaxSuppression(n);
      return [indices, scores, count];
    },
  },
} as const satisfies TfliteOps;
