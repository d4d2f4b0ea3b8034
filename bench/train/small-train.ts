import { Philox } from '../../src/ir/index.ts';
import { at } from '../../src/support/index.ts';
import type { IdxSet } from '../data.ts';
import { type Architecture, freshWeights, SmallNet, type Weights } from './small-net.ts';

export interface TrainOptions {
  readonly epochs: number;
  readonly rate: number;
  readonly seed: number;
  /** Pictures from `first` up to `last`. */
  readonly first: number;
  readonly last: number;
}

const BATCH = 32;
const MOMENTUM = 0.9;

/** Pictures as numbers from -0.5 to 0.5. */
const pictureOf = (set: IdxSet, i: number): Float32Array => {
  const size = set.height * set.width;
  return Float32Array.from(set.pixels.subarray(i * size, (i + 1) * size), (v) => v / 255 - 0.5);
};

/** Percent of pictures whose greatest logit is the label's. */
export const accuracyOf = (net: Architecture, weights: Weights, set: IdxSet, first: number, last: number): number => {
  const run = new SmallNet(net, weights);
  let right = 0;
  for (let i = first; i < last; i++) {
    const logits = run.forward(pictureOf(set, i));
    right += Number(logits.indexOf(logits.reduce((a, b) => Math.max(a, b))) === set.labels[i]);
  }
  return (100 * right) / (last - first);
};

/** Stochastic gradient descent with momentum from given weights, which stay as they are; the rate falls to 0. */
export const trained = (net: Architecture, from: Weights, set: IdxSet, { epochs, rate, seed, first, last }: TrainOptions): Weights => {
  const weights = from.slice();
  const run = new SmallNet(net, weights);
  const [velocity, grad] = [new Float32Array(weights.length), new Float32Array(weights.length)];
  const random = new Philox(seed, 1);
  const count = last - first;
  const steps = epochs * Math.floor(count / BATCH);
  const order = Array.from({ length: count }, (_, i) => first + i);
  for (let step = 0; step < steps; step++) {
    const place = (step * BATCH) % (Math.floor(count / BATCH) * BATCH);
    if (place === 0)
      for (let i = count - 1; i > 0; i--) {
        const j = random.next() % (i + 1);
        [order[i], order[j]] = [at(order, j), at(order, i)];
      }
    grad.fill(0);
    for (const i of order.slice(place, place + BATCH)) {
      run.forward(pictureOf(set, i));
      run.backward(set.labels[i] ?? 0, grad);
    }
    const now = (rate * (1 - step / steps)) / BATCH;
    for (let i = 0; i < weights.length; i++) {
      velocity[i] = MOMENTUM * (velocity[i] ?? 0) - now * (grad[i] ?? 0);
      weights[i] = (weights[i] ?? 0) + (velocity[i] ?? 0);
    }
  }
  return weights;
};

/** A network of its own: other first weights and another order of the pictures for each seed. */
export const trainedFresh = (net: Architecture, set: IdxSet, options: TrainOptions): Weights =>
  trained(net, freshWeights(net, options.seed), set, options);
