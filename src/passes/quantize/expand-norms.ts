import { opOf, type Program } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { rewrite, untilStable } from '../rewrite.ts';
import { isNorm, normFits } from './lower/normalize.ts';

/** Replaces composites by their definitions, but for the normalizations that have an integer form of their own. */
export const expandButNorms = (program: Program): Program =>
  untilStable(program, (p) =>
    rewrite(p, (node, operands, rewriter) => {
      if (opOf(node.op).kind !== 'composite') return undefined;
      const kept =
        isNorm(node.op) && normFits({ ...node, operands }, rewriter.typeOf(at(operands, 0)), (v) => rewriter.constantOf(v) !== undefined);
      return kept ? undefined : rewriter.expand(node, operands);
    }),
  );
