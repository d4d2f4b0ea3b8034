import {
  type AnyNode,
  elementCount,
  evaluateNode,
  isStaticType,
  paramTensors,
  type Program,
  ProgramBuilder,
  type StaticType,
  type Tensor,
  type ValueId,
} from '../../ir/index.ts';
import { at } from '../../support/index.ts';

/** Tensors of more elements than this are computed when the model runs. */
const MOST_FOLDED = 2 ** 28;

/** `conv1_w` of a node that makes a parameter and is called `ConstantOfShape -> conv1_w`. */
const nameOf = (node: AnyNode, operandNames: readonly string[]): string => {
  const made = /-> (.+)$/.exec(node.origin ?? '')?.[1];
  return made ?? operandNames.find((name) => !/^(c|fill)\d*$/.test(name)) ?? node.origin ?? node.op;
};

/** Computes what depends on parameters alone, so that weights that come scaled, spread or reordered are parameters again. */
export const withFoldedConstants = (program: Program): Program => {
  const builder = new ProgramBuilder(program.name);
  const map = new Map<ValueId, ValueId>();
  const constants = new Map<ValueId, { readonly tensor: Tensor; readonly name: string }>();
  const tensors = paramTensors(program);
  const needed = new Set<ValueId>();
  for (const { name, value } of program.inputs) map.set(value, builder.input(name, at(program.types, value)));
  for (const { name, value } of program.params) {
    const tensor = tensors.get(value);
    if (tensor !== undefined) constants.set(value, { tensor, name });
  }
  const valueOf = (v: ValueId): ValueId => {
    const known = map.get(v);
    if (known !== undefined) return known;
    const constant = constants.get(v);
    const made = constant === undefined ? v : builder.param(constant.name, constant.tensor);
    map.set(v, made);
    needed.add(v);
    return made;
  };
  for (const node of program.nodes as readonly AnyNode[]) {
    const known = node.operands.map((v) => constants.get(v));
    const types = node.results.map((r) => at(program.types, r));
    const folds =
      node.operands.length > 0 &&
      known.every((k) => k !== undefined) &&
      types.every((t): t is StaticType => isStaticType(t) && elementCount(t.shape) <= MOST_FOLDED);
    if (folds) {
      const results = evaluateNode(
        node.op,
        known.map((k) => k.tensor),
        node.attrs,
        types as readonly StaticType[],
      );
      const name = nameOf(
        node,
        known.map((k) => k.name),
      );
      node.results.forEach((r, i) => constants.set(r, { tensor: at(results, i), name }));
      continue;
    }
    const results = builder.copy(node, node.operands.map(valueOf));
    node.results.forEach((r, i) => map.set(r, at(results, i)));
  }
  for (const { name, value } of program.outputs) builder.output(name, valueOf(value));
  return builder.finish();
};
