import { type AnyNode, OP_NAMES, type OpName, opOf, refusalReason } from '../../../ir/index.ts';
import { invariant } from '../../../support/index.ts';
import type { Backend, SupportStatus } from '../../backend.ts';
import type { Context, Emit } from './context.ts';

export type AnyRule = (ctx: Context, node: AnyNode) => Emit;

/** Which ops a target lowers, and how. */
export interface Rows extends Pick<Backend, 'refusal' | 'support'> {
  readonly has: (op: OpName) => boolean;
  /** Plans one node and returns what emits its code. */
  lower(ctx: Context, node: AnyNode): Emit;
}

/** @param table - a rule or a refusal for each op; composites may be absent */
export const rowsOf = (table: ReadonlyMap<OpName, AnyRule>): Rows => {
  const reasons: ReadonlyMap<OpName, string> = new Map(
    OP_NAMES.flatMap((op) => {
      const reason = refusalReason(table.get(op));
      return reason === undefined ? [] : [[op, reason] as const];
    }),
  );
  const support = (op: OpName): SupportStatus => {
    if (reasons.has(op)) return 'refused';
    return table.has(op) ? (opOf(op).kind === 'primitive' ? 'primitive' : 'fast') : 'composite';
  };
  return {
    has: (op) => table.has(op),
    refusal: (op) => reasons.get(op),
    support,
    lower: (ctx, node) => {
      const rule = table.get(node.op);
      invariant(rule !== undefined, `${node.op} has neither a row nor a decomposition`);
      return rule(ctx, node);
    },
  };
};
