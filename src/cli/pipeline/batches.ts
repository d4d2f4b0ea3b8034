import { DTYPE_INFO, elementCount, type Program, type Tensor } from '../../ir/index.ts';
import { batchProgram } from '../../passes/index.ts';
import { at, type Diagnostic } from '../../support/index.ts';
import { oneByOne } from '../diagnostics.ts';

/** A program that takes several samples in one run. */
export interface Batched {
  readonly program: Program;
  /** Samples of a run. */
  readonly samples: number;
  /** Says that it takes them one after another, and why. */
  readonly warnings: readonly Diagnostic[];
}

/** The program over `samples` samples at once where it can take them; else the program as it is, with a warning. */
export const batchedProgram = (program: Program, samples: number): Batched => {
  const batched = batchProgram(program, samples);
  return 'reason' in batched
    ? { program, samples: 1, warnings: [oneByOne(samples, batched.place, batched.reason)] }
    : { program: batched, samples, warnings: [] };
};

/** Tensors of equal types behind each other along the first axis. */
export const stackTensors = (tensors: readonly Tensor[]): Tensor => {
  const first = at(tensors, 0);
  if (tensors.length === 1) return first;
  const size = first.data.length;
  const data = DTYPE_INFO[first.dtype].make(size * tensors.length);
  tensors.forEach((t, i) => data.set(t.data, i * size));
  const [lead = 1, ...rest] = first.shape;
  return { dtype: first.dtype, shape: first.shape.length === 0 ? [tensors.length] : [lead * tensors.length, ...rest], data };
};

/** The parts of a tensor that `count` samples along its first axis have; copies. */
export const splitTensor = (tensor: Tensor, count: number): readonly Tensor[] => {
  if (count === 1) return [tensor];
  const [lead = count, ...rest] = tensor.shape;
  const shape = [lead / count, ...rest];
  const size = elementCount(shape);
  return Array.from({ length: count }, (_, i) => {
    const data = DTYPE_INFO[tensor.dtype].make(size);
    data.set(tensor.data.subarray(i * size, (i + 1) * size));
    return { dtype: tensor.dtype, shape, data };
  });
};

/** The inputs of one run over several samples. */
export const stackSamples = (samples: readonly (readonly Tensor[])[]): readonly Tensor[] =>
  at(samples, 0).map((_, i) => stackTensors(samples.map((s) => at(s, i))));

/** The results of each sample of a run over `count`. */
export const splitResults = (results: readonly Tensor[], count: number): readonly (readonly Tensor[])[] => {
  const parts = results.map((r) => splitTensor(r, count));
  return Array.from({ length: count }, (_, k) => parts.map((p) => at(p, k)));
};
