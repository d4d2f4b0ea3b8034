import { Philox } from '../../src/ir/index.ts';
import type { SizedRequest } from '../../src/node/index.ts';
import { at } from '../../src/support/index.ts';

/** Bytes of the packages of the white paper's eight networks, in the order of their names in bench/gpu/networks. */
const PACKAGE_BYTES = [61_100_000, 7_700_000, 1_300_000, 138_500_000, 143_900_000, 24_100_000, 61_200_000, 84_600_000] as const;

/** Milliseconds for which a model is made ready whatever its size, and for each megabyte. */
const [LOAD_MS, MS_PER_MB] = [20, 15] as const;

/** The eight models as a cache sees them. */
export const MODELS: readonly SizedRequest[] = PACKAGE_BYTES.map((bytes, i) => ({
  model: `model ${i}`,
  bytes,
  cost: LOAD_MS + (MS_PER_MB * bytes) / 1e6,
}));

export const ALL_BYTES = PACKAGE_BYTES.reduce((n, b) => n + b, 0);

const SEED = 8;
/** Of a burst, the mean number of requests for the same model. */
const BURST = 12;

/** Which of the models comes next: by the sum of weights, in thousandths. */
const weighted = (random: Philox, weights: readonly number[]): number => {
  let left = random.int(0, weights.reduce((n, w) => n + w, 0) - 1);
  for (const [i, w] of weights.entries()) {
    if (left < w) return i;
    left -= w;
  }
  return weights.length - 1;
};

/** Zipf's law: the model of rank r is asked for 1 / r as often as the first. Ranks are mixed with sizes: 5, 2, 7, 0, 3, 6, 1, 4. */
const RANKS = [5, 2, 7, 0, 3, 6, 1, 4] as const;
const ZIPF: readonly number[] = RANKS.map((rank) => Math.round(10_000 / (rank + 1)));

/** Sequences of requests, the same on every machine. */
export const TRACES: Readonly<Record<string, (length: number) => readonly SizedRequest[]>> = {
  // the white paper's
  uniform: (length) => {
    const random = new Philox(SEED);
    return Array.from({ length }, () => at(MODELS, random.int(0, MODELS.length - 1)));
  },
  zipf: (length) => {
    const random = new Philox(SEED);
    return Array.from({ length }, () => at(MODELS, weighted(random, ZIPF)));
  },
  // one after another, again and again: as an index of all models is built
  scan: (length) => Array.from({ length }, (_, i) => at(MODELS, i % MODELS.length)),
  // a contract that becomes popular for a while
  bursts: (length) => {
    const random = new Philox(SEED);
    const trace: SizedRequest[] = [];
    while (trace.length < length) {
      const model = at(MODELS, weighted(random, ZIPF));
      const times = random.int(1, 2 * BURST - 1);
      for (let i = 0; i < times && trace.length < length; i++) trace.push(model);
    }
    return trace;
  },
};
