import { type AnyNode, elementCount, type OpNode, type Program, type StaticType, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type FusedRescale, residualOf } from '../../plan/index.ts';
import { fitsAccumulators, weightedSum } from '../array/accumulators.ts';
import type { ArrayConfig } from '../array/config.ts';

/** What can be known of a program before it is lowered. */
export interface Facts {
  readonly type: (value: ValueId) => StaticType;
  readonly data: (value: ValueId) => Tensor | undefined;
  /** Whether a value depends on no input. */
  readonly isConstant: (value: ValueId) => boolean;
  readonly maker: (value: ValueId) => AnyNode | undefined;
  readonly fused: (node: AnyNode) => FusedRescale | undefined;
  /** Whether all that a value can be fits the weights of the array. */
  readonly fitsWeights: (value: ValueId) => boolean;
  /** Bits of weights and of accumulators. */
  readonly config: Pick<ArrayConfig, 'bits' | 'accumulatorBits'>;
}

/** Bound of the partial sums of products with a parameter of weights [outputs][...]. */
export const sumOfWeights = (facts: Facts, weights: ValueId): number => {
  const data = facts.data(weights);
  return data === undefined ? 0 : weightedSum(data.data, at(data.shape, 0));
};

/** Whether partial sums of so many products of activations, or of products with a parameter, fit the accumulators. */
export const fitsSums = ({ config }: Facts, most: number): boolean => fitsAccumulators(most, config.accumulatorBits);

/** Ops whose results are bytes of their first operands. */
const MOVES: ReadonlySet<string> = new Set(['max_pool', 'reshape', 'transpose', 'concat', 'slice', 'split', 'average_pool', 'reduce_mean']);

/** Whether values are known to fit so many bits: parameters by their data, results by the bounds that their op ends in. */
const fitsBits = (facts: Pick<Facts, 'data' | 'maker'>, value: ValueId, bits: number): boolean => {
  const [lo, hi] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const within = (v: number): boolean => v >= lo && v <= hi;
  const data = facts.data(value);
  if (data !== undefined) return data.data.every(within);
  const maker = facts.maker(value);
  if (maker === undefined) return false;
  const bounds = maker.attrs as { readonly lo?: unknown; readonly hi?: unknown; readonly pad_value?: unknown };
  if (maker.op === 'table') return maker.operands[1] !== undefined && (facts.data(maker.operands[1])?.data.every(within) ?? false);
  if (typeof bounds.lo === 'number' && typeof bounds.hi === 'number') return within(bounds.lo) && within(bounds.hi);
  const pad = typeof bounds.pad_value === 'number' ? bounds.pad_value : 0;
  return MOVES.has(maker.op) && within(pad) && maker.operands.every((v) => fitsBits(facts, v, bits));
};

const endOf = (node: AnyNode): AnyNode => (node.op === 'rescale' ? (residualOf(node as FusedRescale)?.sum ?? node) : node);

export const factsOf = (
  program: Program,
  params: ReadonlyMap<ValueId, Tensor>,
  fused: (node: AnyNode) => FusedRescale | undefined,
  config: Facts['config'],
): Facts => {
  const { bits } = config;
  const constant = new Set<ValueId>(program.params.map((p) => p.value));
  const makers = new Map<ValueId, AnyNode>();
  /** The op whose bounds results have: the rescale or sum that a layer ends in. */
  const ends = new Map<ValueId, AnyNode>();
  for (const node of program.nodes as readonly AnyNode[]) {
    const isConstant = node.operands.every((v) => constant.has(v));
    for (const r of [...node.results, ...(fused(node)?.results ?? [])]) {
      makers.set(r, node);
      ends.set(r, node.results.includes(r) ? node : endOf(fused(node) ?? node));
      if (isConstant) constant.add(r);
    }
  }
  const type = (v: ValueId): StaticType => at(program.types, v) as StaticType;
  const isSigned = (v: ValueId): boolean => type(v).dtype === 'i8' || type(v).dtype === 'i6';
  return {
    type,
    data: (v) => params.get(v),
    isConstant: (v) => constant.has(v),
    maker: (v) => makers.get(v),
    fused,
    config,
    fitsWeights: (v) => isSigned(v) && (bits === 8 || fitsBits({ data: (p) => params.get(p), maker: (r) => ends.get(r) }, v, bits)),
  };
};

const BYTE = { lo: -128, hi: 127 } as const;

/** Whether the array's rescale does this one: to signed bytes, by factors that are known and narrow. */
export const isNarrowRescale = (facts: Pick<Facts, 'data'>, rescale: OpNode<'rescale'>): boolean => {
  const { dtype, output_zero: zero } = rescale.attrs;
  const [m, s] = [facts.data(at(rescale.operands, 1)), facts.data(at(rescale.operands, 2))];
  if (dtype !== 'i8' || m === undefined || s === undefined || zero < BYTE.lo || zero > BYTE.hi) return false;
  return m.data.every((v) => v >= 0 && v < 2 ** 15) && s.data.every((v) => v >= 1 && v <= 47);
};

export const isEmpty = ({ shape }: Pick<StaticType, 'shape'>): boolean => elementCount(shape) === 0;

/** Fields of commands: kernels and steps have 8 bits, sizes 15, offsets 16 signed. */
export const MOST_KERNEL = 255;
export const MOST_SIZE = 2 ** 15 - 1;
