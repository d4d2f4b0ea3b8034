import { at, invariant } from '../../../support/index.ts';
import { conversionCycles, type Folded, type Folding, inputWidth } from './fold.ts';
import type { Layer, Pipeline, Stage, Stream } from './stages.ts';

/**
 * Sizes of all buffers, from a schedule. Every pixel of every stream gets the cycle at which it is there when the source is paced at the
 * interval of the slowest stage: a window starts when its last pixel is there and the window before has been read, and takes the cycles
 * of its folds. How much lies between two stages at each time follows, and its greatest value is the size of the buffer. The pipeline
 * itself is not paced. But starting things as early as data and room allow never delays any of them (the pipeline is a marked graph, its
 * times are greatest sums of delays): since the schedule needs no more room than there is, the pipeline is at least as fast.
 */
export interface Timing {
  /** Cycles from a frame to the next. */
  readonly interval: number;
  /** Cycles from the first word in to the last word out of one frame that comes at the pace of the interval. */
  readonly latency: number;
  /** Pixels of the ring of each layer; 0 for other stages. */
  readonly rings: readonly number[];
  /** Words of the queue behind each layer. */
  readonly queues: readonly number[];
  /** Words of the queues in front of an addition, by stage and operand. */
  readonly balances: readonly (readonly number[])[];
}

/** Cycles from the start of a fold to its first result in the queue: window 1, products and sums 5, bias and rescale 9, queue 2. */
const LAYER_DELAY = 17;
/** Cycles of a word through an addition or a table, with the converters around it. */
const WORD_DELAY = 8;
const FRAMES = 3;
/** Pixels that are on their way where the schedule has one that is there. */
const SLACK = 1;

/** When each pixel of a stream is there: elements `each * k` to `each * (k + 1) - 1` at times[k]. */
interface Arrivals {
  readonly each: number;
  readonly times: Float64Array;
}

const pixelsOf = (s: Stage): number => (s.stage === 'layer' ? s.oh * s.ow : s.stage === 'softmax' ? 1 : s.output.count / s.channels);

/** When element `index`, counted over frames, is there. */
const arrivalOf = ({ each, times }: Arrivals, index: number): number => at(times, Math.floor(index / each));

/** Last pixel, counted from 1, that window (y, x) needs, and pixels that no later window needs. */
const needs = (l: Layer, y: number, x: number): { newest: number; gone: number } => {
  const row = y * l.stride[0] - l.begin[0];
  const column = x * l.stride[1] - l.begin[1];
  const limit = (v: number, most: number): number => Math.min(Math.max(v, 0), most);
  const lastRow = limit(row + (l.kernel[0] - 1) * l.dilation[0], l.h - 1);
  const lastColumn = limit(column + (l.kernel[1] - 1) * l.dilation[1], l.w - 1);
  return { newest: lastRow * l.w + lastColumn + 1, gone: row < 0 ? 0 : row * l.w + limit(column, l.w) };
};

const layerSchedule = (l: Layer, f: Folding, input: Arrivals): { readonly output: Arrivals; readonly ring: number } => {
  const [pixels, windows] = [l.h * l.w, l.oh * l.ow];
  const perWindow = f.folds * f.fold;
  const write = l.c / f.simd;
  const there = new Float64Array(FRAMES * pixels);
  for (let i = 0; i < there.length; i++) {
    const last = arrivalOf(input, (i + 1) * l.c - 1);
    there[i] = Math.max(last, i === 0 ? 0 : at(there, i - 1) + write) + (i === 0 ? 1 : 0);
  }
  const times = new Float64Array(FRAMES * windows);
  const ends = new Float64Array(FRAMES * windows);
  const freed = new Float64Array(FRAMES * windows);
  let free = 0;
  for (let j = 0; j < times.length; j++) {
    const frame = Math.floor(j / windows);
    const { newest, gone } = needs(l, Math.floor((j % windows) / l.ow), j % l.ow);
    const start = Math.max(free, at(there, frame * pixels + newest - 1) + 1);
    free = start + perWindow;
    ends[j] = free;
    freed[j] = frame * pixels + gone;
    times[j] = free + LAYER_DELAY + f.pe / f.lanes;
  }
  return { output: { each: l.oc, times }, ring: ringSize(l, there, ends, freed) };
};

/**
 * Most pixels that are in the ring at once: a pixel from the time when the one before it was there, since its words come from then on.
 * What window j does not need any more is free when window j - 1 has been read.
 */
const ringSize = (l: Layer, there: Float64Array, ends: Float64Array, freed: Float64Array): number => {
  let most = 1;
  let window = 0;
  for (let i = 0; i < there.length; i++) {
    while (window < ends.length && at(ends, window) <= (i === 0 ? 0 : at(there, i - 1))) window++;
    const gone = window < freed.length ? at(freed, window) : FRAMES * l.h * l.w;
    most = Math.max(most, i + 1 - gone);
  }
  return most + SLACK;
};

/** Words that a queue in front of an operand holds while the other operand is late. */
const balance = (own: Arrivals, joined: Float64Array, channels: number, lanes: number): number => {
  let most = 0;
  let done = 0;
  for (let k = 0; k < joined.length; k++) {
    const arrived = arrivalOf(own, (k + 1) * channels - 1);
    while (done < joined.length && at(joined, done) <= arrived) done++;
    most = Math.max(most, k + 1 - done);
  }
  return ((most + SLACK) * channels) / lanes + WORD_DELAY;
};

/** Slots that keep a layer from waiting for credit: those of the folds that begin while the words of one pass. */
const queueSize = (f: Folding): number => {
  const beats = f.pe / f.lanes;
  return beats * (Math.ceil((LAYER_DELAY + beats + 2) / f.fold) + 1);
};

/** Cycles of the slowest stage or conversion. */
export const intervalOf = (pipeline: Pipeline, { foldings, inputs }: Folded): number => {
  const width = new Map(pipeline.inputs.map((input, i) => [input.stream.source as number, at(inputs, i)]));
  pipeline.stages.forEach((s, i) => width.set(s.output.source, at(foldings, i).lanes));
  const words = (x: Stream, to: number): number => conversionCycles(width.get(x.source) ?? 1, to, x.count);
  const conversions = pipeline.stages.flatMap((s, i) => s.inputs.map((x) => words(x, inputWidth(s, at(foldings, i)))));
  const sources = pipeline.inputs.map((input, i) => input.stream.count / at(inputs, i));
  return Math.max(...foldings.map((f) => f.cycles), ...conversions, ...sources);
};

export const timingOf = (pipeline: Pipeline, folded: Folded): Timing => {
  const interval = intervalOf(pipeline, folded);
  const arrivals = new Map<number, Arrivals>();
  for (const { stream } of pipeline.inputs) {
    const first = pipeline.stages.find((s) => s.inputs.some((x) => x.source === stream.source));
    const each = first?.stage === 'layer' ? first.c : stream.count;
    const pixels = stream.count / each;
    const times = Float64Array.from({ length: FRAMES * pixels }, (_, i) => ((i + 1) * interval) / pixels);
    arrivals.set(stream.source, { each, times });
  }
  const rings: number[] = [];
  const queues: number[] = [];
  const balances: (readonly number[])[] = [];
  for (const [i, s] of pipeline.stages.entries()) {
    const f = at(folded.foldings, i);
    const from = s.inputs.map((x) => {
      const found = arrivals.get(x.source);
      invariant(found !== undefined, 'streams come from stages before');
      return found;
    });
    const layer = s.stage === 'layer' ? layerSchedule(s, f, at(from, 0)) : undefined;
    rings.push(layer?.ring ?? 0);
    queues.push(layer === undefined ? 0 : queueSize(f));
    const output = layer?.output ?? wordSchedule(s, f, from);
    arrivals.set(s.output.source, output);
    balances.push(s.stage === 'add' ? from.map((a) => balance(a, output.times, s.channels, f.lanes)) : []);
  }
  const ends = pipeline.outputs.map((o) => {
    const found = arrivals.get(o.stream.source);
    return found === undefined ? 0 : at(found.times, found.times.length / FRAMES - 1);
  });
  return { interval, latency: Math.ceil(Math.max(...ends)), rings, queues, balances };
};

const wordSchedule = (s: Stage, f: Folding, from: readonly Arrivals[]): Arrivals => {
  const pixels = pixelsOf(s);
  const each = s.output.count / pixels;
  const delay = s.stage === 'softmax' ? f.cycles : WORD_DELAY;
  const times = new Float64Array(FRAMES * pixels);
  for (let k = 0; k < times.length; k++) times[k] = Math.max(...from.map((a) => arrivalOf(a, (k + 1) * each - 1))) + delay;
  return { each, times };
};
