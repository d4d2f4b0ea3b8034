import { type OpName, opOf, type Program } from '../../ir/index.ts';
import { rewrite, untilStable } from '../rewrite.ts';

/** Replaces the composites that `keep` does not hold back by their definitions, down to primitives. */
export const expandWhere = (program: Program, keep: (op: OpName) => boolean): Program =>
  untilStable(program, (p) =>
    rewrite(p, (node, operands, rewriter) =>
      opOf(node.op).kind === 'composite' && !keep(node.op) ? rewriter.expand(node, operands) : undefined,
    ),
  );

/** Replaces every composite by its definition. */
export const expand = (program: Program): Program => expandWhere(program, () => false);
