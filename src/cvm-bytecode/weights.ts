import { type AnyNode, type DType, type Program } from '../ir/index.ts';
import { at, diagnostic, type Diagnostic } from '../support/index.ts';

/** Ops whose operand 1 is a weight in the sense of NUMERICS §1.2: symmetric, without the most negative code. */
const WEIGHTED = { conv: 1, dense: 1 } as const;

const weightOperand = (node: AnyNode): number | undefined => (node.op === 'conv' || node.op === 'dense' ? WEIGHTED[node.op] : undefined);

/** The most negative code of a dtype, which no weight has (NUMERICS §1.2); the range of i6 already excludes -32. */
const LEAST: Partial<Readonly<Record<DType, number>>> = { i8: -128, i16: -32768 };

/** i8 weights of conv and dense hold no -128 and i16 weights no -32768. Each parameter is named once. */
export const weightProblems = (program: Program): Diagnostic[] => {
  const weights = new Map<number, AnyNode>();
  for (const node of program.nodes as readonly AnyNode[]) {
    const operand = weightOperand(node);
    const value = operand === undefined ? undefined : node.operands[operand];
    if (value !== undefined && !weights.has(value)) weights.set(value, node);
  }
  return program.params.flatMap((param) => {
    const node = weights.get(param.value);
    const least = LEAST[at(program.types, param.value).dtype];
    if (node === undefined || least === undefined) return [];
    const i = (param.tensor.data as Int16Array).indexOf(least);
    return i < 0
      ? []
      : [
          diagnostic('CVM1014', `element ${i} is ${least} but weights of ${node.op} lie in ${least + 1}..${-least - 1}`, {
            where: `parameter ${param.name}`,
            notes: [`Quantize weights symmetrically, to ${least + 1}..${-least - 1}.`],
          }),
        ];
  });
};
