import type { OpName, PrimitiveName } from './ops/index.ts';
import type { OpNode } from './program.ts';

/** How one target does one op. */
export type Rule<Ctx, Out, K extends OpName> = (ctx: Ctx, node: OpNode<K>) => Out;

/**
 * A target's table over the ops `K` of a family: total over primitives, optional over composites (a fast path that must
 * give the same bits as the decomposition). Check with `satisfies`: a missing or misspelt row is a compile error.
 */
export type LoweringTable<Ctx, Out, K extends OpName = OpName> = {
  readonly [P in Extract<K, PrimitiveName>]: Rule<Ctx, Out, P>;
} & { readonly [P in Exclude<K, PrimitiveName>]?: Rule<Ctx, Out, P> };

/** Raised when a refused row is reached; the backend turns it into its diagnostic with the user's node. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
}

export interface Refusal {
  (...args: readonly unknown[]): never;
  /** Why the target refuses; printed in the support matrix. */
  readonly reason: string;
}

/** A row that refuses: a function, so that the table keeps its type, with the reason attached. */
export const unsupported = (reason: string): Refusal =>
  Object.assign(
    (): never => {
      throw new UnsupportedError(reason);
    },
    { reason },
  );

export const refusalReason = (rule: unknown): string | undefined =>
  typeof rule === 'function' && 'reason' in rule && typeof rule.reason === 'string' ? rule.reason : undefined;
