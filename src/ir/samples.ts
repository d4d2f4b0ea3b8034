import { invariant } from '../support/index.ts';
import { Philox } from './numeric/index.ts';
import type { Sample, SampleOperand } from './schema.ts';
import { DTYPE_INFO, type DType, elementCount, isStaticType, parseType, type StaticType, type Tensor, type TensorData } from './types.ts';

const typeOfOperand = (operand: SampleOperand): StaticType => {
  const text = typeof operand === 'string' ? operand : operand.type;
  const type = parseType(text);
  invariant(type !== undefined && isStaticType(type), `${text} is not a type with sizes`);
  return type;
};

/** Fills with uniform values of the dtype's range; about one integer in eight is the range's least or greatest. */
export const fillRandom = (data: TensorData, dtype: DType, random: Philox, lo?: number, hi?: number): void => {
  if (dtype === 'f32') {
    const low = lo ?? -4;
    const span = (hi ?? 4) - low;
    for (let i = 0; i < data.length; i++) data[i] = low + span * random.unit();
    return;
  }
  const info = DTYPE_INFO[dtype];
  const low = lo ?? info.lo;
  const high = hi ?? info.hi;
  for (let i = 0; i < data.length; i++) {
    const v = random.int(low, high);
    const edge = random.next() >>> 28;
    data[i] = edge === 0 ? low : edge === 1 ? high : v;
  }
};

/** A reproducible tensor of the given type. */
export const randomTensor = (type: StaticType, random: Philox, lo?: number, hi?: number): Tensor => {
  const data = DTYPE_INFO[type.dtype].make(elementCount(type.shape));
  fillRandom(data, type.dtype, random, lo, hi);
  return { dtype: type.dtype, shape: type.shape, data };
};

/** The operand tensors of a sample, from a seed. */
export const sampleTensors = (sample: Sample, seed: number): readonly Tensor[] => {
  const random = new Philox(seed);
  return sample.operands.map((operand) => {
    const type = typeOfOperand(operand);
    if (typeof operand === 'string') return randomTensor(type, random);
    if ('data' in operand) {
      const data = DTYPE_INFO[type.dtype].make(elementCount(type.shape));
      data.set(operand.data);
      return { ...type, data };
    }
    return randomTensor(type, random, operand.lo, operand.hi);
  });
};
