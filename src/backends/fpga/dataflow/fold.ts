import { at, invariant } from '../../../support/index.ts';
import type { Layer, Pipeline, Stage, Stream } from './stages.ts';

/**
 * How a stage is laid out. Layers: `pe` outputs at once from `simd` inputs a cycle (by channel: pe = simd), results `lanes` at a time.
 * Other stages: `lanes` elements at a time.
 */
export interface Folding {
  readonly pe: number;
  readonly simd: number;
  readonly lanes: number;
  /** Words of a tap of a layer, folds of a pixel. */
  readonly words: number;
  readonly folds: number;
  /** Cycles of a fold, and of a frame. */
  readonly fold: number;
  readonly cycles: number;
}

const MOST_SIMD = 64;
const MOST_PRODUCTS = 1024;

export const divisors = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** Words of a stream between widths, the narrowest of a conversion. */
const conversion = (from: number, to: number, count: number): number => count / gcd(from, to);

export const inputWidth = (stage: Stage, f: Folding): number => (stage.stage === 'layer' ? f.simd : f.lanes);

const isByChannel = (l: Layer): boolean => l.kind !== 'dot';

const layerFolding = (l: Layer, pe: number, simd: number): Folding => {
  const words = isByChannel(l) ? 1 : l.c / l.groups / simd;
  const folds = l.oc / pe;
  const fold = l.kernel[0] * l.kernel[1] * words;
  return { pe, simd, lanes: 1, words, folds, fold, cycles: Math.max(l.oh * l.ow * folds * fold, (l.h * l.w * l.c) / simd) };
};

const everyFolding = (l: Layer): readonly Folding[] => {
  if (isByChannel(l)) return divisors(l.c).map((p) => layerFolding(l, p, p));
  const inputs = divisors(l.c / l.groups).filter((d) => d <= MOST_SIMD);
  return inputs.flatMap((simd) =>
    divisors(l.oc / l.groups)
      .filter((pe) => pe * simd <= MOST_PRODUCTS)
      .map((pe) => layerFolding(l, pe, simd)),
  );
};

/** Fewest products at once; then fewest accumulators. */
const isSmaller = (a: Folding, b: Folding): boolean => a.pe * a.simd < b.pe * b.simd || (a.pe * a.simd === b.pe * b.simd && a.pe < b.pe);

/** All cycle counts that foldings of the layers give, ascending. */
export const possibleTargets = (pipeline: Pipeline): readonly number[] => {
  const least = Math.max(...pipeline.inputs.map((i) => i.stream.count / MOST_SIMD), 1);
  const counts = pipeline.stages.flatMap((s) => (s.stage === 'layer' ? everyFolding(s).map((f) => f.cycles) : [s.output.count]));
  return [...new Set(counts.filter((c) => c >= least))].sort((a, b) => a - b);
};

/** A layer that misses the target, with the fewest cycles that it can do. */
export interface Missed {
  readonly name: string;
  readonly least: number;
}

export interface Folded {
  /** By stage. */
  readonly foldings: readonly Folding[];
  /** Elements of a word, by input. */
  readonly inputs: readonly number[];
}

const readersOf = (pipeline: Pipeline, stream: Stream): readonly number[] =>
  pipeline.stages.flatMap((s, i) => (s.inputs.some((x) => x.source === stream.source) ? [i] : []));

/** The narrowest results that keep up with the fold and meet the readers' words. */
const resultLanes = (l: Layer, f: Folding, readers: readonly number[], target: number): number => {
  const fits = divisors(f.pe).filter((n) => f.pe / n <= f.fold);
  const found = fits.find((n) => readers.every((r) => conversion(n, r, l.output.count) <= target));
  return found ?? at(fits, fits.length - 1);
};

/** Foldings with the fewest products under which every stage takes at most `target` cycles a frame. */
export const fold = (pipeline: Pipeline, target: number): Folded | Missed => {
  const chosen: Folding[] = [];
  const missed: Missed[] = [];
  for (const s of pipeline.stages) {
    if (s.stage !== 'layer') {
      chosen.push({ pe: 1, simd: 1, lanes: 1, words: 1, folds: 1, fold: 1, cycles: s.output.count });
      continue;
    }
    const every = everyFolding(s);
    const fitting = every.filter((f) => f.cycles <= target);
    const least = Math.min(...every.map((f) => f.cycles));
    if (fitting.length === 0) missed.push({ name: s.name, least });
    chosen.push((fitting.length === 0 ? every : fitting).reduce((a, b) => (isSmaller(b, a) ? b : a)));
  }
  const worst = missed.sort((a, b) => b.least - a.least)[0];
  if (worst !== undefined) return worst;
  return lanesOf(pipeline, chosen, target);
};

const lanesOf = (pipeline: Pipeline, chosen: Folding[], target: number): Folded | Missed => {
  const produced = new Map<number, number>();
  const inputs = pipeline.inputs.map(({ stream }) => {
    const widths = readersOf(pipeline, stream).map((i) => at(chosen, i).simd);
    const width = Math.max(...widths.filter((w) => stream.count / w <= target), 1);
    produced.set(stream.source, width);
    return width;
  });
  for (const [i, s] of pipeline.stages.entries()) {
    const f = at(chosen, i);
    if (s.stage === 'layer') {
      const readers = readersOf(pipeline, s.output).flatMap((r) => (at(pipeline.stages, r).stage === 'layer' ? [at(chosen, r).simd] : []));
      chosen[i] = { ...f, lanes: resultLanes(s, f, readers, target) };
    } else if (s.stage === 'softmax') chosen[i] = { ...f, cycles: softmaxCycles(s.output.count) };
    else {
      const widths = s.inputs.map((x) => produced.get(x.source) ?? 1);
      const lanes = divisors(s.channels === 1 ? s.output.count : s.channels).find((n) =>
        widths.every((w) => conversion(w, n, s.output.count) <= target),
      );
      const width = lanes ?? at(divisors(s.channels), divisors(s.channels).length - 1);
      chosen[i] = { ...f, lanes: width, cycles: s.output.count / width };
    }
    const done = at(chosen, i);
    invariant(done.lanes > 0, 'a stage has lanes');
    produced.set(s.output.source, done.lanes);
    if (done.cycles > target) return { name: s.name, least: done.cycles };
  }
  return { foldings: chosen, inputs };
};

/** Cycles of a row: values in, entries summed, a quotient of 47 bits, values out. */
export const SOFTMAX_STEPS = 56;
export const softmaxCycles = (count: number): number => 3 * count + SOFTMAX_STEPS;

/** Narrowest conversion on the way of a stream to a reader; a stage is never slower than that. */
export const conversionCycles = conversion;
