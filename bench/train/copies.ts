import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpy } from '../../src/frontend/tensors/index.ts';
import { type IdxSet, readIdx, ROOT } from '../data.ts';
import { ARCHITECTURES, type ArchitectureName, type Weights } from './small-net.ts';
import { accuracyOf, trained, trainedFresh } from './small-train.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
const TRAINING = { epochs: 2, rate: 0.05, first: 0, last: 5000 };
/** Further training of a finished network: on other pictures of the task, and on another task. */
const FURTHER = { epochs: 2, rate: 0.01, seed: 77, first: 5000, last: 6500 };
const TUNED_SEEDS = [1, 2];
const TEST = [6500, 7000] as const;

/**
 * Trains the networks of bench/iso/trained, which copies are told from independent models by: six of each architecture on MNIST, two of which
 * are trained on. About ten minutes of one core; the same weights on every machine whose Math functions agree.
 * @param data - the data folder @param say - told about each network
 */
export const trainCopies = (data: string, say: (text: string) => void): void => {
  const set = (name: string): IdxSet =>
    readIdx(
      join(data, `datasets/${name}/t10k-images-0-7000-idx3-ubyte.gz`),
      join(data, `datasets/${name}/t10k-labels-0-7000-idx1-ubyte.gz`),
    );
  const [digits, fashion] = [set('mnist'), set('fashion-mnist')];
  const folder = join(ROOT, 'bench', 'iso', 'trained');
  mkdirSync(folder, { recursive: true });
  const write = (name: string, weights: Weights): void =>
    writeFileSync(join(folder, `${name}.npy`), encodeNpy({ dtype: 'f32', shape: [weights.length], data: weights }));
  for (const name of Object.keys(ARCHITECTURES) as ArchitectureName[]) {
    const net = ARCHITECTURES[name];
    for (const seed of SEEDS) {
      const weights = trainedFresh(net, digits, { ...TRAINING, seed });
      write(`${name}-${seed}`, weights);
      say(`${name} ${seed}: ${accuracyOf(net, weights, digits, ...TEST)} % of ${TEST[1] - TEST[0]}`);
      if (!TUNED_SEEDS.includes(seed)) continue;
      const tuned = trained(net, weights, digits, FURTHER);
      write(`${name}-${seed}-tuned`, tuned);
      const other = trained(net, weights, fashion, FURTHER);
      write(`${name}-${seed}-fashion`, other);
      const [kept, learned] = [accuracyOf(net, tuned, digits, ...TEST), accuracyOf(net, other, fashion, ...TEST)];
      say(`${name} ${seed} trained on: ${kept} % of digits; on Fashion-MNIST: ${learned} %`);
    }
  }
};
