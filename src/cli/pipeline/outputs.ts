import { encodeNpy } from '../../frontend/tensors/index.ts';
import { DTYPE_INFO, formatType, type Tensor } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Json } from '../json.ts';
import { formatTable, visible } from '../text.ts';
import { type Quantization, realValue, type Scored, tensorDigest, topOf } from './execute.ts';

/** Samples whose ranking is printed; JSON has all. */
const MOST_SHOWN = 20;

/** One output of a run, over all samples. */
export interface Output {
  readonly name: string;
  /** The results of all samples; with more than one, behind each other along the first axis. */
  readonly tensor: Tensor;
  readonly quantization: Quantization | undefined;
  /** Where each sample comes from. */
  readonly samples: readonly string[];
  /** Ranking of each sample. */
  readonly top: readonly (readonly Scored[])[];
}

/** Puts results of equal types behind each other along the first axis. */
const stack = (tensors: readonly Tensor[]): Tensor => {
  const first = at(tensors, 0);
  if (tensors.length === 1) return first;
  const size = first.data.length;
  const data = DTYPE_INFO[first.dtype].make(size * tensors.length);
  tensors.forEach((t, i) => data.set(t.data, i * size));
  const [lead = 1, ...rest] = first.shape;
  return { dtype: first.dtype, shape: first.shape.length === 0 ? [tensors.length] : [lead * tensors.length, ...rest], data };
};

/** Collects results by output. @param labels - class names by index  @param count - entries of a ranking */
export const collectOutputs = (
  names: readonly string[],
  runs: readonly (readonly Tensor[])[],
  quantizations: readonly (Quantization | undefined)[],
  {
    count,
    labels,
    samples,
  }: { readonly count: number; readonly labels?: readonly string[] | undefined; readonly samples: readonly string[] },
): readonly Output[] =>
  names.map((name, i) => {
    const results = runs.map((run) => at(run, i));
    return {
      name,
      tensor: stack(results),
      quantization: quantizations[i],
      samples,
      top: results.map((t) => topOf(t, count, quantizations[i], labels)),
    };
  });

/** Output as real numbers where its scale is known, else as it is. */
const realTensor = ({ tensor, quantization }: Output): Tensor =>
  quantization === undefined
    ? tensor
    : { dtype: 'f32', shape: tensor.shape, data: Float32Array.from(tensor.data, (v) => realValue(v, quantization)) };

/** A .npy of an output; `raw` keeps the integers. */
export const outputFile = (output: Output, raw: boolean): Uint8Array => encodeNpy(raw ? output.tensor : realTensor(output));

export const outputsJson = (outputs: readonly Output[]): Json =>
  outputs.map(({ name, tensor, quantization, samples, top }) => ({
    name,
    dtype: tensor.dtype,
    shape: [...tensor.shape],
    digest: tensorDigest(tensor),
    samples: [...samples],
    ...(quantization === undefined ? {} : { scale: quantization.scale, zero: quantization.zero }),
    top: top.map((ranking) =>
      ranking.map((s) => ({ index: s.index, ...(s.label === undefined ? {} : { label: s.label }), score: s.score })),
    ),
  }));

const formatScore = (score: number): string => (Number.isInteger(score) ? String(score) : String(Number(score.toPrecision(6))));

const rankingText = ({ top, samples }: Output): string => {
  if (top.length === 1) {
    return formatTable(
      ['class', 'score', 'label'],
      (top[0] ?? []).map((s) => [String(s.index), formatScore(s.score), visible(s.label ?? '')]),
      ['right', 'right'],
    );
  }
  const rows = top
    .slice(0, MOST_SHOWN)
    .map((ranking, i) => [
      visible(samples[i] ?? String(i)),
      ranking.map((s) => `${visible(s.label ?? String(s.index))} ${formatScore(s.score)}`).join(', '),
    ]);
  const more = top.length > MOST_SHOWN ? `… and ${top.length - MOST_SHOWN} more samples (--json has all)\n` : '';
  return formatTable(['sample', 'best'], rows) + more;
};

/** Type, digest and ranking of each output. */
export const outputsText = (outputs: readonly Output[]): string =>
  outputs
    .map(
      (o) =>
        `${visible(o.name)}: ${formatType(o.tensor)}\nsha256 ${tensorDigest(o.tensor)}\n${(o.top[0]?.length ?? 0) === 0 ? '' : `\n${rankingText(o)}`}`,
    )
    .join('\n');
