import { describe, expect, jest, test } from '@jest/globals';
import { fastestCompile } from '../../src/cli/index.ts';
import { Philox, randomTensor } from '../../src/ir/index.ts';
import {
  encodeIndex,
  examineModel,
  IndexFile,
  measureSimilarity,
  nearestModels,
  type Similarity,
  type Subject,
} from '../../src/passes/index.ts';
import { at, bytesSource } from '../../src/support/index.ts';
import { ARCHITECTURES, type ArchitectureName } from '../train/small-net.ts';
import { DISGUISES, pruned, subjectOf } from './disguises.ts';
import { originalOf, SEEDS, smallProgram, trainedWeights } from './trained.ts';

jest.setTimeout(300_000);

const similarity = (a: Subject, b: Subject): Similarity => {
  const found = measureSimilarity(a, b);
  if (typeof found === 'string') throw new Error('both models have a normal form');
  return found;
};
const samples = Array.from({ length: 4 }, (_, i) => randomTensor({ dtype: 'f32', shape: [1, 1, 28, 28] }, new Philox(i), -0.5, 0.5));

/** Those that hide most; `npm run bench -- iso` tries all. */
const HARDEST = [
  'permuted, scaled, INT8',
  'trained on another task',
  'pruned by 90 %',
  'trained on, pruned by 50 %, permuted, scaled, batch norms unfolded, renamed, INT8',
];

describe.each<ArchitectureName>(['plain', 'residual'])('copies of a trained network: %s', (name) => {
  const original = originalOf(name, 1);
  const program = subjectOf(smallProgram(name, original.weights));

  test('independent networks of the same architecture stay below every disguise', async () => {
    const compile = await fastestCompile();
    const scores = HARDEST.map((disguise) => {
      const make = DISGUISES[disguise];
      if (make === undefined) throw new Error(`there is no disguise ${disguise}`);
      const { weights, finding, structure } = similarity(program, make(original, { compile, samples }));
      expect({ disguise, structure }).toEqual({ disguise, structure: 1 });
      expect(['same weights', 'derived']).toContain(finding.what);
      return { cosine: weights?.cosine ?? 0, support: weights?.support ?? 0 };
    });
    const others = SEEDS.slice(1, 4).flatMap((seed) => {
      const own = trainedWeights(`${name}-${seed}`);
      return [own, pruned(ARCHITECTURES[name], own, 0.9)].map((w) => {
        const { weights, finding } = similarity(program, subjectOf(smallProgram(name, w)));
        expect(finding.what).toBe('independent weights');
        return { cosine: weights?.cosine ?? 1, support: weights?.support ?? 1 };
      });
    });
    expect(Math.min(...scores.map((s) => s.cosine))).toBeGreaterThan(Math.max(...others.map((s) => s.cosine)) + 0.2);
    expect(Math.min(...scores.map((s) => s.support))).toBeGreaterThan(Math.max(...others.map((s) => s.support)) + 0.2);
  });

  test('an index of networks of one architecture names the original', async () => {
    const compile = await fastestCompile();
    const known = SEEDS.map((seed) => ({
      name: `${name}-${seed}`,
      identity: '0'.repeat(64),
      layers: examineModel(smallProgram(name, trainedWeights(`${name}-${seed}`))) ?? [],
    }));
    const index = new IndexFile(bytesSource(encodeIndex(known)));
    for (const disguise of ['permuted, scaled, INT8', 'trained on, permuted, scaled']) {
      const asked = examineModel((DISGUISES[disguise]?.(original, { compile, samples }) ?? program).program) ?? [];
      expect(at(nearestModels(index, asked, 3), 0).name).toBe(`${name}-1`);
    }
  });
});
