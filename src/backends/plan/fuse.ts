import { type AnyNode, type OpNode, type Program, useCounts } from '../../ir/index.ts';
import { at } from '../../support/index.ts';

/** The rescale that a conv or dense does on its way to memory. */
export type FusedRescale = OpNode<'rescale'>;

export interface Fusions {
  /** The rescale that each conv or dense does while its accumulators are in registers. */
  readonly into: ReadonlyMap<AnyNode, FusedRescale>;
  /** Nodes that need no step of their own. */
  readonly gone: ReadonlySet<AnyNode>;
}

/** Ops whose kernels end in a rescale to 8 or 16 bits if there is one. */
const ACCUMULATORS: ReadonlySet<string> = new Set(['conv', 'dense']);

/** The channels of the accumulator are the output channels only when axis 1 is the channel axis. */
const channelsMatch = (program: Program, producer: AnyNode, rescale: OpNode<'rescale'>): boolean => {
  const multiplier = at(program.types, at(rescale.operands, 1));
  return multiplier.shape[0] === 1 || producer.op === 'conv' || at(program.types, at(producer.results, 0)).shape.length === 2;
};

/** Finds integer convs and dense layers whose only reader is a rescale to i8, u8 or i16. */
export const findFusions = (program: Program): Fusions => {
  const uses = useCounts(program);
  const producers = new Map<number, AnyNode>();
  for (const node of program.nodes as readonly AnyNode[]) for (const r of node.results) producers.set(r, node);
  const params = new Set<number>(program.params.map((p) => p.value));
  const into = new Map<AnyNode, FusedRescale>();
  const gone = new Set<AnyNode>();
  for (const node of program.nodes) {
    if (node.op !== 'rescale' || node.attrs.dtype === 'i32') continue;
    const [x, multiplier, shift] = node.operands;
    const producer = x === undefined ? undefined : producers.get(x);
    if (x === undefined || multiplier === undefined || shift === undefined || producer === undefined) continue;
    if (!ACCUMULATORS.has(producer.op) || uses[x] !== 1 || !params.has(multiplier) || !params.has(shift)) continue;
    if (!channelsMatch(program, producer, node)) continue;
    into.set(producer, node);
    gone.add(node);
  }
  return { into, gone };
};
