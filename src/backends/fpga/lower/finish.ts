import type { OpNode, ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { Context, Slot } from '../../cpu/simd/index.ts';
import { type FusedRescale, residualOf } from '../../plan/index.ts';
import type { Addition, Task, View } from '../array/task.ts';
import type { Facts } from './facts.ts';
import { packParameters } from './weights.ts';

/** What becomes of sums: fields of a task. */
export type Finish = Pick<Task, 'result' | 'zero' | 'lo' | 'hi'> & Partial<Pick<Task, 'parameters'>>;

export const BYTES: Finish = { result: 'byte', zero: 0, lo: -128, hi: 127 };

const numberAt = (facts: Facts, value: ValueId | undefined, i: number): number => {
  const data = value === undefined ? undefined : facts.data(value)?.data;
  return data === undefined ? 0 : (data[data.length === 1 ? 0 : i] ?? 0);
};

/** The end of sums of products: bias, then the fused rescale where there is one. */
export const finishOf = (
  ctx: Context,
  facts: Facts,
  fused: FusedRescale | undefined,
  bias: ValueId | undefined,
  channels: number,
): Finish => {
  const minus = fused?.attrs.input_zero ?? 0;
  const slot: Slot = ctx.table(
    packParameters(channels, (c) => ({
      bias: ((bias === undefined ? 0 : (facts.data(bias)?.data[c] ?? 0)) - minus) | 0,
      multiplier: numberAt(facts, fused?.operands[1], c),
      shift: fused === undefined ? 1 : numberAt(facts, fused.operands[2], c),
    })),
  );
  const parameters = { slot, offset: 0 };
  if (fused === undefined) return { result: 'raw', parameters, zero: 0, lo: 0, hi: 0 };
  const { output_zero: zero, lo, hi } = fused.attrs;
  return { result: 'rescale', parameters, zero, lo, hi };
};

/** The sum of two tensors; `own` is the operand that the results of the task are. */
export const additionOf = ({ attrs }: OpNode<'add_rescale'>, own: 0 | 1, view: View): Addition => {
  const other = own === 0 ? 1 : 0;
  return {
    view,
    multiplierA: at(attrs.multipliers, own),
    multiplierB: at(attrs.multipliers, other),
    zeroA: at(attrs.zeros, own),
    zeroB: at(attrs.zeros, other),
    shift: attrs.shift,
    zero: attrs.output_zero,
    lo: attrs.lo,
    hi: attrs.hi,
  };
};

/** The sum that a conv with a fused residual ends in. */
export const residualAddition = (fused: FusedRescale | undefined, view: View | undefined): Addition | undefined => {
  const residual = residualOf(fused);
  return residual === undefined || view === undefined ? undefined : additionOf(residual.sum, residual.own, view);
};
