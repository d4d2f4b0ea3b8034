import { type AnyNode, type Attrs, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { affineOfRange } from '../affine.ts';
import type { Emit } from '../emit.ts';

const INT32_MAX = 2 ** 31 - 1;
const UINT32_MAX = 2 ** 32 - 1;
const HALF = 32768;

/** Where the middle of an interval lies in steps of 2^-16 of its length: the zero point of the draw's top 16 bits. */
const zeroOf = ({ low, high }: Attrs<'random_uniform'>): number => -Math.floor(((low + high) / 2 / (high - low)) * 65536 + 0.5);

/** The zero point must leave room in int32 for the draw. */
export const uniformFits = (node: AnyNode): string | undefined => {
  const attrs = node.attrs as Attrs<'random_uniform'>;
  return Math.abs(zeroOf(attrs)) <= INT32_MAX - HALF ? undefined : `the interval [${attrs.low}, ${attrs.high}) is short against its ends`;
};

/** The same words as the float draw: their top 16 bits less 2^15, rescaled. */
export const lowerUniform = (emit: Emit, node: AnyNode): void => {
  const attrs = node.attrs as Attrs<'random_uniform'>;
  const to = emit.destinationOf(node);
  const { shape, op_id, stream } = attrs;
  const draw = { shape, op_id, stream, low: -HALF, high: HALF, dtype: 'i16' } as const;
  const top = emit.op('random_int', [emit.int(at(node.operands, 0))], draw);
  emit.define(to.value, emit.rescale(top, [(attrs.high - attrs.low) / 65536 / to.affine.scale], to, zeroOf(attrs)));
};

/** The bits of the uint32 threshold below which a word means 1; a probability of 1 misses one word in 2^32. */
const thresholdOf = (p: number): number => (p > 0 ? Math.min(Math.ceil(Math.fround(p) * 2 ** 32), UINT32_MAX) : 0) | 0;

const thresholds = (emit: Emit, p: ValueId): ValueId => {
  const constant: Tensor | undefined = emit.plan.constantOf(p);
  if (constant !== undefined)
    return emit.constant('threshold', { dtype: 'i32', shape: constant.shape, data: Int32Array.from(constant.data, thresholdOf) });
  // a probability of 16 bits is read with 8: its table would need 32-bit entries
  const own = emit.affineOf(p);
  const narrow = own.dtype === 'i8' ? own : affineOfRange(0, 1);
  const { scale, zero } = narrow;
  return emit.op('table', [emit.intAs(p, narrow), emit.i32Table('threshold', (i) => thresholdOf((i - 128 - zero) * scale))], {});
};

/** The same draws as the float op, by the threshold of each probability as its code holds it. */
export const lowerBernoulli = (emit: Emit, node: AnyNode): void => {
  const [seed, p] = [at(node.operands, 0), at(node.operands, 1)];
  const { shape, op_id, stream, dtype } = node.attrs as Attrs<'random_bernoulli'>;
  const threshold = emit.plan.isFloat(p) ? thresholds(emit, p) : emit.int(p);
  const draw = (as: typeof dtype): ValueId => emit.op('random_bernoulli', [emit.int(seed), threshold], { shape, op_id, stream, dtype: as });
  if (dtype !== 'f32') {
    emit.define(at(node.results, 0), draw(dtype));
    return;
  }
  const to = emit.destinationOf(node);
  emit.define(to.value, emit.rescale(draw('i8'), [1 / to.affine.scale], to));
};
