import type { AnyNode, OpName, OpNode, Program, Rule, ValueId } from '../../../../ir/index.ts';
import { invariant } from '../../../../support/index.ts';
import { type AnyRule, type Context, type Emit, SIMD_ROWS } from '../../../cpu/simd/index.ts';
import { assignLayouts, type FusedRescale, type Fusions, type LayoutRule, residualOf } from '../../../plan/index.ts';
import { endsInBytes, type Facts, factsOf, isFastConv, launchConv, launchDense } from './conv.ts';
import {
  isFastAdd,
  isFastConcat,
  isFastRescale,
  isFastTable,
  joinedParts,
  launchAdd,
  launchConcat,
  launchRescale,
  launchTable,
} from './map.ts';
import { type Shared, workspaceOf } from './products.ts';
import { chooseTile, type Engine } from './tiles.ts';
import { isFastPool, isFastSum, launchPool, launchSum } from './window.ts';

export { mayAdd } from './conv.ts';
export type { Engine } from './tiles.ts';

/** How layers are made into kernels. */
export interface KernelOptions {
  /** Default `mma`, which every architecture from sm_75 on has; `wgmma` needs sm_90a. */
  readonly engine?: Engine;
  /** Also kernels by wgmma for GPUs of capability 9.0, where those are better: for programs that run on several GPUs. */
  readonly hopper?: boolean;
  /** For tests and tuning. */
  readonly choose?: Shared['choose'];
}

/** What a node can do with images that lie channels last: the same conditions as the rules below have. */
const layoutRule =
  (facts: Facts, fused: (node: AnyNode) => FusedRescale | undefined) =>
  (node: OpNode): LayoutRule => {
    const same = (fast: boolean): LayoutRule => (fast ? 'same' : 'plain');
    switch (node.op) {
      case 'conv':
        if (!isFastConv(facts, node, endsInBytes(fused(node)))) return 'plain';
        return residualOf(fused(node)) === undefined ? 'both' : 'residual';
      case 'max_pool':
      case 'average_pool':
        return isFastPool(facts, node) ? 'both' : 'plain';
      case 'reduce_sum':
        return same(isFastSum(facts, node));
      case 'table':
        return same(isFastTable(facts, node));
      case 'add_rescale':
        return same(isFastAdd(facts, node));
      case 'rescale':
        return same(isFastRescale(facts, node));
      case 'concat':
        return same(isFastConcat(facts, node));
      default:
        return 'plain';
    }
  };

/** What is decided once for a program. */
interface Decided {
  readonly facts: Facts;
  readonly shared: Shared;
}

const fusionsOf = (ctx: Context, program: Program): Fusions => {
  const pairs = (program.nodes as readonly AnyNode[]).flatMap((node) => {
    const fused = ctx.fusedInto(node);
    return fused === undefined ? [] : [[node, fused] as const];
  });
  return { into: new Map(pairs), gone: new Set(pairs.map(([, fused]) => fused)) };
};

/** Values whose makers write them into a larger image as well. */
const partWriters = (facts: Facts, ctx: Context): ReadonlySet<ValueId> =>
  new Set(
    ctx.program.nodes.flatMap((node) => {
      if (node.op === 'max_pool' || node.op === 'average_pool') return isFastPool(facts, node) ? node.results : [];
      if (node.op !== 'conv') return [];
      const fused = ctx.fusedInto(node);
      return fused !== undefined && residualOf(fused) === undefined && isFastConv(facts, node, endsInBytes(fused)) ? fused.results : [];
    }),
  );

const decide = (ctx: Context, { engine = 'mma', hopper = false, choose }: KernelOptions): Decided => {
  const facts = factsOf(ctx.program);
  const fusions = fusionsOf(ctx, ctx.program);
  const layouts = assignLayouts(
    ctx.program,
    fusions,
    layoutRule(facts, (node) => ctx.fusedInto(node)),
  );
  const parts = joinedParts(facts, layouts, ctx.program, partWriters(facts, ctx));
  // a part has the place of the whole, which is held from the first part on
  for (const [value, { whole }] of parts) ctx.alias(value, whole);
  const own = choose ?? ((p) => chooseTile(engine, p));
  const more = hopper ? { chooseHopper: (p: Parameters<typeof own>[0]) => chooseTile('wgmma', p) } : {};
  return { facts, shared: { parts, layouts, engine, choose: own, ...more, workspace: workspaceOf(ctx) } };
};

const simdRule = (op: OpName): AnyRule => {
  const rule = SIMD_ROWS.get(op);
  invariant(rule !== undefined, `the SIMD machine has a row for ${op}`);
  return rule;
};

type Launcher<K extends OpName> = (ctx: Context, shared: Shared, facts: Facts, node: OpNode<K>) => boolean;

/** Rows that end in the templates of kernels/ where those do the node, and in the row of the SIMD machine, lifted, where not. */
export const kernelRows = (options: KernelOptions = {}): readonly (readonly [OpName, AnyRule])[] => {
  const known = new WeakMap<Context, Decided>();
  const decided = (ctx: Context): Decided => {
    const found = known.get(ctx) ?? decide(ctx, options);
    known.set(ctx, found);
    return found;
  };
  // rules are called with nodes of their own op only, as the table of all rows is
  const rule = <K extends OpName>(op: K, launch: Launcher<K>): readonly [OpName, AnyRule] => {
    const otherwise = simdRule(op) as unknown as Rule<Context, Emit, K>;
    const own: Rule<Context, Emit, K> = (ctx, node) => {
      const { facts, shared } = decided(ctx);
      return launch(ctx, shared, facts, node) ? () => undefined : otherwise(ctx, node);
    };
    return [op, own as unknown as AnyRule];
  };
  return [
    rule('conv', launchConv),
    rule('dense', launchDense),
    rule('max_pool', launchPool),
    rule('average_pool', launchPool),
    rule('reduce_sum', launchSum),
    rule('table', launchTable),
    rule('add_rescale', launchAdd),
    rule('rescale', launchRescale),
    rule('concat', launchConcat),
  ];
};
