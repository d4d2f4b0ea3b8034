import { elementCount, type OpNode, type Program, type StaticType, useCounts, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import type { Fusions } from './fuse.ts';

/**
 * What a node does with images that lie channels last:
 * `same`  reads and writes all its images in one layout, whichever that is;
 * `both`  reads its first operand and writes its result in either layout, independently;
 * `residual`  the same, and reads its last operand in the layout of its result;
 * `plain` knows nothing but row-major.
 */
export type LayoutRule = 'same' | 'both' | 'residual' | 'plain';

/** The layout of values in memory. Row-major is the definition; channels last has the same bytes in another order. */
export interface Layouts {
  /** Whether a value lies as [batch][spatial...][channels]. */
  readonly isLast: (value: ValueId) => boolean;
  /** Whether both layouts are the same bytes: no spatial extent, or one channel. */
  readonly isEither: (value: ValueId) => boolean;
}

/** Axes of the spatial positions start here: [batch, channels, spatial...]. */
const SPATIAL = 2;

const isEither = ({ shape }: StaticType): boolean =>
  shape.length <= SPATIAL || elementCount(shape.slice(SPATIAL)) === 1 || at(shape, 1) === 1;

/** Channels come in words of four, so that a kernel never reads a byte at a time. */
const CHANNEL_UNIT = 4;
const mayBeLast = ({ dtype, shape }: StaticType): boolean =>
  dtype === 'i8' && shape.length > SPATIAL && elementCount(shape) > 0 && at(shape, 1) % CHANNEL_UNIT === 0;

/**
 * Decides which values lie channels last: bytes that a kernel writes, that no one reads but kernels that can, and that are
 * neither input nor output of the program. A value whose layouts coincide is never in the way.
 * @param rule - what each node of the program can do; `plain` where it has no kernel
 */
export const assignLayouts = (program: Program, fusions: Fusions, rule: (node: OpNode) => LayoutRule): Layouts => {
  const type = (value: ValueId): StaticType => at(program.types, value) as StaticType;
  const nodes = program.nodes.filter((node) => !fusions.gone.has(node));
  const rules = new Map(nodes.map((node) => [node, rule(node)] as const));
  const resultsOf = (node: OpNode): readonly ValueId[] => fusions.into.get(node)?.results ?? node.results;
  const last = new Set<ValueId>();
  for (const node of nodes) if (rules.get(node) !== 'plain') for (const v of resultsOf(node)) if (mayBeLast(type(v))) last.add(v);
  for (const port of [...program.inputs, ...program.outputs]) last.delete(port.value);
  const uses = useCounts(program);
  const params = new Set(program.params.map((p) => p.value));
  for (const node of nodes) {
    const own = rules.get(node);
    // what a conv reads besides its images are weights and biases, row-major
    const others = own === 'both' ? node.operands.slice(1) : own === 'residual' ? node.operands.slice(1, -1) : node.operands;
    if (own !== 'same') for (const v of others) last.delete(v);
    // what nobody reads keeps the layout of the definition
    for (const v of resultsOf(node)) if (uses[v] === 0) last.delete(v);
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of nodes) {
      const own = rules.get(node);
      if (own !== 'same' && own !== 'residual') continue;
      const images = [...node.operands.slice(own === 'same' ? 0 : -1), ...resultsOf(node)].filter(
        (v) => !isEither(type(v)) && !params.has(v),
      );
      if (images.every((v) => last.has(v))) continue;
      for (const v of images) changed = last.delete(v) || changed;
    }
  }
  return { isLast: (v) => last.has(v) && !isEither(type(v)), isEither: (v) => isEither(type(v)) };
};
