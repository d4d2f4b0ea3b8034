import type { HostTensor } from '../host-tensor.ts';
import { parameterProblem, stop } from '../import-problems.ts';
import type { Literal } from './parse.ts';

/** Reals of stored integers: (q + offset) * scale + base. */
export interface StoredQuantization {
  readonly offset: number;
  readonly scale: number;
  readonly base: number;
}

/** What an algorithm of graph.quant says of stored integers (NNEF 1.0, 4.13). @throws {MrlError} IMP1005 */
export const storedQuantization = (name: string, op: string, values: ReadonlyMap<string, Literal>): StoredQuantization => {
  const numberAt = (key: string): number => {
    const value = values.get(key);
    return typeof value === 'number' ? value : stop(parameterProblem(name, `${op} has no number as ${key}`));
  };
  const [signed, symmetric] = [values.get('signed') === true, values.get('symmetric') === true];
  if (op === 'zero_point_linear_quantize') return { offset: -numberAt('zero_point'), scale: numberAt('scale'), base: 0 };
  if (op !== 'linear_quantize' && op !== 'min_max_linear_quantize')
    return stop(parameterProblem(name, `graph.quant says ${op}, which is not read for stored integers`));
  const bits = numberAt('bits');
  if (!Number.isInteger(bits) || bits < 1 || bits > 32) return stop(parameterProblem(name, `bits is ${bits}`));
  const steps = 2 ** bits - 1 - (signed && symmetric ? 1 : 0);
  const [min, max] = [numberAt('min'), numberAt('max')];
  return { offset: signed ? 2 ** (bits - 1) - (symmetric ? 1 : 0) : 0, scale: (max - min) / steps, base: min };
};

/** The reals of stored integers. */
export const dequantized = (host: HostTensor, { offset, scale, base }: StoredQuantization): HostTensor => ({
  elem: 'float32',
  shape: host.shape,
  data: Float32Array.from(host.data, (q) => (q + offset) * scale + base),
});
