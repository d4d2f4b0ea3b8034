import { type AnyNode, type OpName, useCounts, type ValueId } from '../../../ir/index.ts';
import { invariant } from '../../../support/index.ts';
import { type AnyRule, type Context, type Emit, SIMD_ROWS, type Slot } from '../../cpu/simd/index.ts';
import { RESIDUAL_OPERAND } from '../../plan/index.ts';
import type { ArrayConfig } from '../array/config.ts';
import { CommandList } from '../array/list.ts';
import type { FpgaRows, ValuePlace } from '../rows.ts';
import { type ArrayTiming, DEFAULT_TIMING } from '../simulator/array-cycles.ts';
import { exportRows } from './imports.ts';
import { BEAT, isDense, type LazyTensor } from './homes.ts';
import { type ArrayPlan, type Group, planArray, RECOGNIZERS } from './plan.ts';

export { prepareForArray } from './prepare.ts';

/** What runs lists of commands. */
export interface ArrayHost {
  readonly config: ArrayConfig;
  readonly timing?: ArrayTiming;
  /** Whether every result is brought to memory. */
  readonly trace?: boolean;
  /**
   * Writes code that does `before`, runs the list, and does `after`.
   * @param list - its commands are asked for when code is linked
   */
  readonly run: (f: Parameters<Emit>[0], list: CommandList, parts: { readonly before: Emit; readonly after: Emit }) => void;
}

/** A transpose has no layer of its own, but a conv may read what it permutes. */
const OPS: readonly OpName[] = [...(Object.keys(RECOGNIZERS) as OpName[]), 'transpose'];

const all =
  (emits: readonly Emit[]): Emit =>
  (f) => {
    for (const emit of emits)
      f.scope(() => {
        emit(f);
      });
  };

/** Writes the step that runs the commands of a group, and what makes their results row-major. */
const runGroup = (ctx: Context, host: ArrayHost, group: Group, before: Emit): Emit => {
  const timing = host.timing ?? DEFAULT_TIMING;
  const { inMemory } = group.residence;
  const list = new CommandList(
    group.tasks.map(({ task, layer }) => ({ task, node: layer.node })),
    group.residence,
    inMemory,
    host.config,
    timing,
  );
  for (const buffer of inMemory) ctx.hold((buffer as LazyTensor).slot);
  for (const { home } of group.exports) ctx.hold(home.view.buffer.slot);
  const after = all(group.exports.map(({ value, home }) => exportRows(ctx, home, value)));
  return list.items.length === 0
    ? all([before, after])
    : (f) => {
        host.run(f, list, { before, after });
      };
};

/** Plans the whole program when the first of its nodes is lowered. */
const planner = (host: ArrayHost): ((ctx: Context) => ArrayPlan) => {
  const known = new WeakMap<Context, ArrayPlan>();
  return (ctx) => {
    const plan = known.get(ctx) ?? planArray(ctx, host, useCounts(ctx.program));
    known.set(ctx, plan);
    return plan;
  };
};

/** Where a result is that the array has: its own form, and the row-major one where that is another and someone reads it. */
const placesOf = ({ homes, rows, absorbed, makers }: ArrayPlan, ctx: Context, value: ValueId): readonly ValuePlace[] | undefined => {
  const home = homes.get(value);
  if (home === undefined) {
    const maker = makers.get(value);
    return maker !== undefined && absorbed.has(maker) ? [] : undefined;
  }
  const { buffer, first } = home.view;
  const blocks: ValuePlace = {
    address: buffer.slot.address + first * BEAT,
    layout: { kind: 'blocks', pixelBytes: buffer.pitch * BEAT, channelsFirst: home.kind === 'image' },
  };
  const isCopied = rows.has(value) && (home.isPart || !isDense(home));
  return isCopied ? [blocks, { address: ctx.slot(value).address, layout: { kind: 'rows' } }] : [blocks];
};

/** Rows of the array, and where they put results. */
export interface ArrayRows {
  readonly rows: ReadonlyMap<OpName, AnyRule>;
  readonly places: NonNullable<FpgaRows['places']>;
}

/** Rows that end in commands of the array where it does a node, and in the row of the processor where not. */
export const arrayRows = (host: ArrayHost): ArrayRows => {
  const planOf = planner(host);
  const hold = (ctx: Context, slot: Slot, constant: boolean): void => {
    if (!constant) ctx.hold(slot);
  };
  const rule =
    (op: OpName, otherwise: AnyRule): AnyRule =>
    (ctx: Context, node: AnyNode): Emit => {
      const plan = planOf(ctx);
      if (plan.absorbed.has(node)) return () => undefined;
      const layer = plan.layers.get(node);
      const group = plan.groups.get(node);
      if (layer === undefined || group === undefined) {
        invariant(op !== 'conv' || node.operands.length <= RESIDUAL_OPERAND, 'a conv that adds another image is the array’s');
        return otherwise(ctx, node);
      }
      const copies = layer.imports.flatMap((from) => {
        hold(ctx, from.copy ?? ctx.slot(from.source), from.copy === undefined && ctx.constantValue(from.source));
        if (from.emit === undefined) ctx.use(from.source);
        else hold(ctx, ctx.slot(from.source), ctx.constantValue(from.source));
        return from.emit !== undefined && plan.importers.get(from) === node ? [from.emit(ctx)] : [];
      });
      const before = all(copies);
      return node === group.last ? runGroup(ctx, host, group, before) : before;
    };
  const rows = new Map(
    OPS.map((op): readonly [OpName, AnyRule] => {
      const otherwise = SIMD_ROWS.get(op);
      invariant(otherwise !== undefined, `the SIMD machine has a row for ${op}`);
      return [op, rule(op, otherwise)];
    }),
  );
  return { rows, places: (ctx, value) => placesOf(planOf(ctx), ctx, value) };
};
