import { type AnyNode, elementCount, type OpNode, type Program, type StaticType, type Tensor, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { FusedRescale } from '../../plan/index.ts';

/** What can be known of a program before it is lowered. */
export interface Facts {
  readonly type: (value: ValueId) => StaticType;
  readonly data: (value: ValueId) => Tensor | undefined;
  /** Whether a value depends on no input. */
  readonly isConstant: (value: ValueId) => boolean;
  readonly maker: (value: ValueId) => AnyNode | undefined;
  readonly fused: (node: AnyNode) => FusedRescale | undefined;
}

export const factsOf = (
  program: Program,
  params: ReadonlyMap<ValueId, Tensor>,
  fused: (node: AnyNode) => FusedRescale | undefined,
): Facts => {
  const constant = new Set<ValueId>(program.params.map((p) => p.value));
  const makers = new Map<ValueId, AnyNode>();
  for (const node of program.nodes as readonly AnyNode[]) {
    const isConstant = node.operands.every((v) => constant.has(v));
    for (const r of [...node.results, ...(fused(node)?.results ?? [])]) {
      makers.set(r, node);
      if (isConstant) constant.add(r);
    }
  }
  return {
    type: (v) => at(program.types, v) as StaticType,
    data: (v) => params.get(v),
    isConstant: (v) => constant.has(v),
    maker: (v) => makers.get(v),
    fused,
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
