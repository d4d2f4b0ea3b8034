import { describe, expect, test } from '@jest/globals';
import { Philox } from '../../ir/index.ts';
import { at, bytesSource } from '../../support/index.ts';
import type { LayerPrint } from './fingerprint.ts';
import { DamagedIndex, encodeIndex, IndexFile, type KnownModel } from './index-file.ts';
import { nearestModels } from './nearest.ts';
import { SKETCH_LENGTH } from './sketch.ts';

const print = (seed: number, layer: number): LayerPrint => {
  const random = new Philox(seed, layer);
  const unit = (): number => random.next() / 2 ** 32;
  return {
    shape: layer,
    weights: 100 * (layer + 1),
    sketch: Float32Array.from({ length: SKETCH_LENGTH }, () => Math.round(4096 * unit()) / 4096),
    rows: Uint32Array.from({ length: 8 }, () => random.next()),
  };
};

const model = (seed: number): KnownModel => ({
  name: `model ${seed}`,
  identity: seed.toString(16).padStart(64, '0'),
  layers: [0, 1, 2].map((layer) => print(seed, layer)),
});

const models = Array.from({ length: 60 }, (_, i) => model(i + 1));
const bytes = encodeIndex(models);

/** The same weights once more, each number of a sketch off by a little. */
const near = (seed: number, off: number): readonly LayerPrint[] =>
  model(seed).layers.map((l) => ({ ...l, sketch: l.sketch.map((v, i) => v + (i % 2 === 0 ? off : -off)), rows: new Uint32Array(8) }));

describe('index of models', () => {
  test('gives back what was put in', () => {
    expect(new IndexFile(bytesSource(bytes)).all()).toEqual(models);
    expect(encodeIndex(new IndexFile(bytesSource(bytes)).all())).toEqual(bytes);
  });

  test('names the model itself first, and one whose sketches are a little off', () => {
    const index = new IndexFile(bytesSource(bytes));
    const [exact] = nearestModels(index, model(17).layers, 3);
    expect(exact).toMatchObject({ name: 'model 17', covered: 1, distance: 0, rows: 1, nearness: 1 });
    for (const seed of [3, 40]) {
      const [first, second] = nearestModels(index, near(seed, 0.01), 3);
      expect(first).toMatchObject({ name: `model ${seed}`, covered: 1 });
      expect(at([first?.nearness ?? 0], 0)).toBeGreaterThan(4 * (second?.nearness ?? 0));
    }
  });

  test('has nothing to say about layers of other sizes', () => {
    const others = model(5).layers.map((l) => ({ ...l, shape: 99 }));
    const [first] = nearestModels(new IndexFile(bytesSource(bytes)), others, 3);
    expect(first?.covered ?? 0).toBe(0);
  });

  test('any byte that is changed or cut gives an answer or a DamagedIndex, never another error', () => {
    const random = new Philox(9);
    const ask = (damaged: Uint8Array): string => {
      try {
        const index = new IndexFile(bytesSource(damaged));
        index.all();
        nearestModels(index, model(7).layers, 3);
        return 'answer';
      } catch (error) {
        expect(error).toBeInstanceOf(DamagedIndex);
        return 'damaged';
      }
    };
    const told = new Map<string, number>();
    for (let trial = 0; trial < 400; trial++) {
      const damaged = bytes.slice();
      // the header and the models are few bytes: they are hit as often as the rest
      const reach = trial % 2 === 0 ? 64 + 48 * models.length : bytes.length;
      damaged[random.next() % reach] = random.next() & 255;
      const result = ask(trial % 10 === 0 ? damaged.subarray(0, random.next() % bytes.length) : damaged);
      told.set(result, (told.get(result) ?? 0) + 1);
    }
    expect(told.get('damaged') ?? 0).toBeGreaterThan(40);
  });
});
