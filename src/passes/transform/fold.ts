import {
  type AnyNode,
  elementCount,
  evaluateNode,
  isStaticType,
  nodeCost,
  type Program,
  type StaticType,
  type Tensor,
  type ValueId,
} from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { rewrite, type Rewriter } from '../rewrite.ts';

/** A folded result may be as large as its operands, or this many elements: a constant must not blow up the file. */
const MAX_ELEMENTS = 2 ** 20;
/** Operations spent on one node at most: folding runs on the reference interpreter. */
const MAX_COST = 2 ** 28;

const isDefined = <T>(value: T | undefined): value is T => value !== undefined;

/** A parameter may not hold NaN, so a node that makes one stays. */
const hasNaN = (tensor: Tensor): boolean => tensor.dtype === 'f32' && tensor.data.some((v) => v !== v);

const foldNode = (
  program: Program,
  node: AnyNode,
  operands: readonly ValueId[],
  rewriter: Rewriter,
  limit: number,
  keeps: Keeps,
): readonly ValueId[] | undefined => {
  if (keeps(node)) return undefined;
  const tensors = operands.map(rewriter.constantOf);
  if (tensors.length === 0 || !tensors.every(isDefined)) return undefined;
  const types = node.results.map((r) => at(program.types, r));
  if (!types.every((t): t is StaticType => isStaticType(t))) return undefined;
  const given = tensors.reduce((n, t) => n + elementCount(t.shape), 0);
  const made = types.reduce((n, t) => n + elementCount(t.shape), 0);
  if (made > Math.max(given, limit) || nodeCost(program, node) > MAX_COST) return undefined;
  const results = evaluateNode(node.op, tensors, node.attrs, types);
  return results.some(hasNaN) ? undefined : results.map((t) => rewriter.constant(t));
};

/** Nodes that stay though their operands are constants. */
export type Keeps = (node: AnyNode) => boolean;

const keepsNone: Keeps = () => false;

/** Evaluates nodes whose operands are all constants; results may have up to `limit` elements. */
export const foldUpTo = (program: Program, limit = MAX_ELEMENTS, keeps = keepsNone): Program =>
  rewrite(program, (node, operands, rewriter) => foldNode(program, node, operands, rewriter, limit, keeps));

/** Evaluates nodes whose operands are all constants, by the reference meaning. Equal results share one parameter. */
export const fold = (program: Program): Program => foldUpTo(program);
