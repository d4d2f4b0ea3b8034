import {
  type AnyNode,
  type Attrs,
  elementCount,
  paramTensors,
  type Program,
  type Tensor,
  type TensorData,
  type ValueId,
} from '../../ir/index.ts';
import { at, ok, type Progress, type Result } from '../../support/index.ts';
import { rewrite } from '../rewrite.ts';
import { dce } from '../transform/dce.ts';
import { calibrate, type Compile } from './calibrate.ts';
import type { Samples } from './sample-source.ts';

/** e^-16 is below half a step of every integer softmax: a score this far below all others has probability 0. */
const REACH = 16;

/** An addition of a constant mask of zeros and -inf (or other numbers and -inf) to scores that only softmax reads. */
interface Masking {
  readonly node: AnyNode;
  readonly scores: ValueId;
  readonly mask: Tensor;
}

/** Along `axis`, counted from the end, every line has a number, and somewhere there is -inf. */
const masksSome = (mask: Tensor, axis: number): boolean => {
  const position = mask.shape.length + axis;
  if (mask.dtype !== 'f32' || position < 0 || !mask.data.includes(Number.NEGATIVE_INFINITY)) return false;
  if (mask.data.some((v) => v === Number.POSITIVE_INFINITY)) return false;
  const n = at(mask.shape, position);
  const inner = elementCount(mask.shape.slice(position + 1));
  for (let start = 0; start < mask.data.length; start += n * inner)
    for (let i = 0; i < inner; i++) {
      let finite = false;
      for (let k = 0; k < n; k++) finite ||= Number.isFinite(mask.data[start + k * inner + i]);
      if (!finite) return false;
    }
  return true;
};

const maskingsOf = (program: Program): readonly Masking[] => {
  const nodes = program.nodes as readonly AnyNode[];
  const constants = paramTensors(program);
  const users = new Map<ValueId, AnyNode[]>();
  for (const node of nodes) for (const v of node.operands) users.set(v, [...(users.get(v) ?? []), node]);
  const outputs = new Set(program.outputs.map((o) => o.value));
  return nodes.flatMap((node) => {
    const result = at(node.results, 0);
    const readers = users.get(result) ?? [];
    if (node.op !== 'add' || outputs.has(result) || readers.length === 0) return [];
    const rank = at(program.types, result).shape.length;
    const axes = readers.map((r) => (r.op === 'softmax' ? ((r.attrs as Attrs<'softmax'>).axis + rank) % rank : undefined));
    const [axis] = axes;
    if (axis === undefined || axes.some((a) => a !== axis)) return [];
    const found = [0, 1].find((i) => constants.has(at(node.operands, i)));
    const mask = found === undefined ? undefined : constants.get(at(node.operands, found));
    if (found === undefined || mask === undefined || constants.has(at(node.operands, 1 - found))) return [];
    return masksSome(mask, axis - rank) ? [{ node, scores: at(node.operands, 1 - found), mask }] : [];
  });
};

const leastNumber = (data: TensorData): number => {
  let least = Number.POSITIVE_INFINITY;
  for (const v of data) if (Number.isFinite(v)) least = Math.min(least, v);
  return least;
};

export interface FiniteMasksOptions {
  readonly samples: Samples;
  readonly compile: Compile;
  readonly progress: Progress;
}

/**
 * Integers hold no infinity, so a constant mask keeps its meaning as a number: -inf becomes
 * least score + least number of the mask - greatest score - 16, over the calibration samples. Then a masked score stays
 * at least 16 below every score of its row that is not masked, and its probability is less than e^-16.
 */
export const finiteMasks = (program: Program, { samples, compile, progress }: FiniteMasksOptions): Result<Program> => {
  const maskings = maskingsOf(program);
  if (maskings.length === 0) return ok(program);
  const seen = calibrate(
    program,
    maskings.map((m) => m.scores),
    { samples, compile, progress, histograms: false, means: new Map(), nameOf: (v) => `value ${v}` },
  );
  if (!seen.ok) return seen;
  const numbers = new Map(
    maskings.map(({ node, mask }, i) => {
      const { min, max } = at(seen.value.histograms, i);
      const least = leastNumber(mask.data);
      const data = Float32Array.from(mask.data, (v) => (v === Number.NEGATIVE_INFINITY ? min + least - max - REACH : v));
      return [at(node.results, 0), { dtype: 'f32', shape: mask.shape, data }] as const;
    }),
  );
  const finite = rewrite(program, (node, operands, rw) => {
    const mask = numbers.get(at(node.results, 0));
    if (mask === undefined) return undefined;
    const scores = at(operands, rw.constantOf(at(operands, 0)) === undefined ? 0 : 1);
    return [rw.emit('add', [scores, rw.constant(mask)], {}, node.origin)];
  });
  return ok(dce(finite));
};
