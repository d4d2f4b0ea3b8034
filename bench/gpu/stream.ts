import { Philox, type Tensor } from '../../src/ir/index.ts';
import { at } from '../../src/support/index.ts';
import { median } from '../rows.ts';

/** The white paper's stream (section 6, "Performance"): for each picture a random one of several models, batch 1. */
export interface StreamModel {
  /** The pictures that there are, and what has to come out of each. */
  readonly pictures: readonly { readonly inputs: readonly Tensor[]; readonly expected: readonly Uint8Array[] }[];
  /** Copies the picture in, runs, and copies the result out. */
  readonly run: (inputs: readonly Tensor[]) => readonly Uint8Array[];
}

export interface StreamLimits {
  readonly images: number;
  readonly milliseconds: number;
}

export interface StreamResult {
  readonly images: number;
  readonly millisecondsPerImage: number;
  /** Of a single image. */
  readonly p50: number;
  readonly p99: number;
  /** Images whose result is another one. */
  readonly wrong: number;
  /** Images of each model. */
  readonly counts: readonly number[];
}

const SEED = 100_000;
const now = (): number => performance.now();

/** Which model and which of its pictures come next: the same on every machine. */
export const streamOrder = (models: number, pictures: number): (() => readonly [model: number, picture: number]) => {
  const random = new Philox(SEED);
  return () => [random.int(0, models - 1), random.int(0, pictures - 1)];
};

/** Runs the stream until either limit is reached. Results are compared within the time measured. */
export const runStream = (models: readonly StreamModel[], limits: StreamLimits): StreamResult => {
  const next = streamOrder(models.length, Math.min(...models.map((m) => m.pictures.length)));
  const counts = models.map(() => 0);
  const times: number[] = [];
  let wrong = 0;
  const started = now();
  let last = started;
  while (times.length < limits.images && last - started < limits.milliseconds) {
    const [m, p] = next();
    const model = at(models, m);
    const { inputs, expected } = at(model.pictures, p);
    const outputs = model.run(inputs);
    if (!expected.every((bytes, i) => Buffer.compare(bytes, at(outputs, i)) === 0)) wrong++;
    counts[m] = at(counts, m) + 1;
    const end = now();
    times.push(end - last);
    last = end;
  }
  const sorted = [...times].sort((a, b) => a - b);
  return {
    images: times.length,
    millisecondsPerImage: (last - started) / times.length,
    p50: median(sorted),
    p99: sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? Number.NaN,
    wrong,
    counts,
  };
};
