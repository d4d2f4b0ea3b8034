import { type AnyNode, formatType, opOf, paramDigest, type Program, type Tensor, typeOf, type ValueId } from '../../ir/index.ts';

/** What each parameter is, by the first node that reads it: `/conv1/Conv w`. */
const readersOf = (program: Program): ReadonlyMap<ValueId, string> => {
  const names = new Map<ValueId, string>();
  (program.nodes as readonly AnyNode[]).forEach((node, index) => {
    const { operands } = opOf(node.op);
    node.operands.forEach((v, i) => {
      const operand = (operands[i] ?? operands.at(-1) ?? String(i)).replace(/\W/g, '');
      if (!names.has(v)) names.set(v, `${node.origin ?? `node ${index} (${node.op})`} ${operand}`);
    });
  });
  return names;
};

interface Named {
  readonly name: string;
  readonly tensor: Tensor;
}

const namedParameters = (program: Program): Map<string, Named[]> => {
  const readers = readersOf(program);
  const byType = new Map<string, Named[]>();
  for (const { value, name, tensor } of program.params) {
    const type = formatType(typeOf(program, value));
    const all = byType.get(type) ?? [];
    all.push({ name: readers.get(value) ?? name, tensor });
    byType.set(type, all);
  }
  return byType;
};

/**
 * Names for the parameters of a package, which keeps none: those of the parameters with the same contents in the program that was
 * encoded. Parameters that nothing matches are told by the node of the package that reads them.
 */
export const parameterNames = (packed: Program, encoded: Program | undefined): readonly string[] => {
  const own = readersOf(packed);
  const byType = encoded === undefined ? new Map<string, Named[]>() : namedParameters(encoded);
  return packed.params.map(({ value, name, tensor }) => {
    const candidates = byType.get(formatType(typeOf(packed, value))) ?? [];
    const found = candidates.findIndex((c) => paramDigest(c.tensor) === paramDigest(tensor));
    // each name is given once: of equal parameters the earlier one first
    return candidates.splice(found, found < 0 ? 0 : 1)[0]?.name ?? own.get(value) ?? name;
  });
};
