import type { AnyNode, Program } from '../ir/index.ts';
import { at, diagnostic, type Diagnostic } from '../support/index.ts';
import { atByte } from './format.ts';
import type { RawModule } from './read.ts';

/**
 * The node that the post-order walk from the outputs (operands left to right) reaches next must be the next in the file.
 * @returns the index of the first node that is out of place or unused; undefined when all are in order
 */
const misplacedNode = (program: Program): number | undefined => {
  const nodes = program.nodes as readonly AnyNode[];
  const producer = new Int32Array(program.types.length).fill(-1);
  nodes.forEach((node, i) => {
    for (const r of node.results) producer[r] = i;
  });
  // Per open node: the next operand to visit. An explicit stack, since depth is up to the file.
  const stack: number[] = [];
  const cursor: number[] = [];
  const entered = new Uint8Array(nodes.length);
  let next = 0;
  const enter = (value: number): void => {
    const i = at(producer, value);
    if (i < 0 || entered[i] === 1) return;
    entered[i] = 1;
    stack.push(i);
    cursor.push(0);
  };
  for (const output of program.outputs) {
    enter(output.value);
    while (stack.length > 0) {
      const top = stack.length - 1;
      const i = at(stack, top);
      const { operands } = at(nodes, i);
      const c = at(cursor, top);
      if (c < operands.length) {
        cursor[top] = c + 1;
        enter(at(operands, c));
        continue;
      }
      stack.pop();
      cursor.pop();
      if (i !== next) return Math.min(i, next);
      next++;
    }
  }
  return next === nodes.length ? undefined : next;
};

/** The first parameter that is unused or not in order of first use (node by node, operands left to right, then outputs). */
const misplacedParam = (program: Program): number | undefined => {
  const first = program.inputs.length;
  const count = program.params.length;
  const seen = new Uint8Array(count);
  let next = 0;
  const use = (value: number): boolean => {
    const p = value - first;
    if (p < 0 || p >= count || seen[p] === 1) return true;
    seen[p] = 1;
    return p === next++;
  };
  for (const node of program.nodes) for (const v of node.operands) if (!use(v)) return next - 1;
  for (const output of program.outputs) if (!use(output.value)) return next - 1;
  return next === count ? undefined : next;
};

/** Says where the stored order differs from the canonical one. Linear time. */
export const canonicalOrderProblem = (raw: RawModule, skeleton: Program): Diagnostic | undefined => {
  const node = misplacedNode(skeleton);
  if (node !== undefined) {
    const { op, offset } = at(raw.nodes, node);
    return diagnostic('CVM1008', `node ${node} is not used, or not in the order of a walk from the outputs`, { where: atByte(offset, op) });
  }
  const param = misplacedParam(skeleton);
  return param === undefined
    ? undefined
    : diagnostic('CVM1008', `parameter ${param} is not used, or not in order of first use`, {
        where: atByte(at(raw.sections, 1).start, `parameter ${param}`),
      });
};
