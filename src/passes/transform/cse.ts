import { type AnyNode, attrNames, opOf, paramTensors, type Program, type ValueId } from '../../ir/index.ts';
import { rewrite, tensorKey } from '../rewrite.ts';

/** Numbers are told apart bit by bit: -0 is not 0. */
const attrText = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map(attrText).join(',')}]` : Object.is(value, -0) ? '-0' : String(value);

/** Equal for nodes that compute the same value: op, attributes, operands (in any order when the op is commutative). */
const nodeKey = (node: AnyNode, operands: readonly ValueId[]): string => {
  const spec = opOf(node.op);
  const attrs = attrNames(spec.attrs).map((name) => attrText(node.attrs[name]));
  const order = spec.traits.commutative === true ? [...operands].sort((a, b) => a - b) : operands;
  return `${node.op}(${order.join(',')})${attrs.join(';')}`;
};

/** Parameters with the same content as an earlier one, by value. */
const equalParams = (program: Program): ReadonlyMap<ValueId, ValueId> => {
  const tensors = paramTensors(program);
  // hashing every parameter costs more than comparing sizes first
  const bySize = new Map<string, ValueId[]>();
  for (const [value, t] of tensors) {
    const key = `${t.dtype}[${t.shape.join(',')}]`;
    bySize.set(key, [...(bySize.get(key) ?? []), value]);
  }
  const equal = new Map<ValueId, ValueId>();
  for (const group of bySize.values()) {
    if (group.length < 2) continue;
    const first = new Map<string, ValueId>();
    for (const value of group) {
      const tensor = tensors.get(value);
      if (tensor === undefined) continue;
      const key = tensorKey(tensor);
      const known = first.get(key);
      if (known === undefined) first.set(key, value);
      else equal.set(value, known);
    }
  }
  return equal;
};

/** Computes equal expressions once; equal parameters become one, under the name of the first. */
export const cse = (program: Program): Program => {
  const seen = new Map<string, readonly ValueId[]>();
  return rewrite(program, (node, operands) => seen.get(nodeKey(node, operands)), {
    aliases: equalParams(program),
    kept: (node, operands, results) => seen.set(nodeKey(node, operands), results),
  });
};
