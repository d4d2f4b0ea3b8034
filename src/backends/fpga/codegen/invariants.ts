import { opcodeNamed } from '../isa/opcodes.ts';
import type { OpNode, Tree } from './tree.ts';

/** Adds the variables that statements set. */
const addAssigned = (list: readonly Tree[], found: Set<number>): void => {
  for (const tree of list) {
    if (tree.type === 'set') found.add(tree.local);
    else if (tree.type === 'while') addAssigned(tree.body, found);
    else if (tree.type === 'if') {
      addAssigned(tree.yes, found);
      addAssigned(tree.no ?? [], found);
    }
  }
};

/** The variables that the body of a loop sets, at any depth. */
export const assignedIn = (body: readonly Tree[]): ReadonlySet<number> => {
  const found = new Set<number>();
  addAssigned(body, found);
  return found;
};

const operandsOf = ({ a, b, c }: OpNode): readonly Tree[] => [a, b, c].filter((tree) => tree !== undefined);

/** Whether an instruction's result depends on its operands alone. */
const isPure = ({ op, kind }: OpNode): boolean => kind !== undefined && !/^v?ld/.test(op) && /^[dD]/.test(opcodeNamed(op)?.form ?? '');

/**
 * Out of how many of the loops around it an expression may not be taken: it is the same in every round of those further in.
 * @param loops - what each sets, from the outermost in
 */
export const levelOf = (tree: Tree, loops: readonly { readonly assigned: ReadonlySet<number> }[]): number => {
  switch (tree.type) {
    case 'constant':
    case 'vector':
      return 0;
    case 'get':
      return loops.findLastIndex(({ assigned }) => assigned.has(tree.local)) + 1;
    case 'op':
      return isPure(tree) ? Math.max(0, ...operandsOf(tree).map((operand) => levelOf(operand, loops))) : loops.length;
    default:
      return loops.length;
  }
};

/** The same for expressions that are the same. */
export const keyOf = (tree: Tree): string => {
  switch (tree.type) {
    case 'constant':
      return `${tree.value}`;
    case 'vector':
      return `<${tree.bytes.join()}>`;
    case 'get':
      return `$${tree.local}`;
    case 'op':
      return `${tree.op}(${[tree.a, tree.b, tree.c].map((x) => (x === undefined ? '' : keyOf(x))).join()};${tree.imm ?? 0};${tree.lane ?? 0})`;
    default:
      return tree.type;
  }
};
