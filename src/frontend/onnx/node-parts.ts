import type { AttributeProto, NodeProto } from './schema.ts';

/** Trailing empty names are absent. */
export const trimmed = (names: readonly string[]): readonly string[] => {
  let end = names.length;
  while (end > 0 && names[end - 1] === '') end--;
  return names.slice(0, end);
};

/** Attributes of a node, with those that refer to the calling function's replaced by its values. */
export const attributesOf = (node: NodeProto, outer: ReadonlyMap<string, AttributeProto>): ReadonlyMap<string, AttributeProto> =>
  new Map(
    node.attribute.flatMap((a) => {
      if (a.refAttrName === '') return [[a.name, a] as const];
      const value = outer.get(a.refAttrName);
      return value === undefined ? [] : [[a.name, value] as const];
    }),
  );

/** A copy of the decoded message with its defaults as own properties. */
export const plainNode = (n: NodeProto): NodeProto => ({
  input: n.input,
  output: n.output,
  name: n.name,
  opType: n.opType,
  domain: n.domain,
  overload: n.overload,
  attribute: n.attribute,
});
