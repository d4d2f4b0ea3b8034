import { at, invariant } from '../../support/index.ts';
import { producers, type Program } from '../../ir/index.ts';

/** Digests of the results of nodes of a program, on the inputs of one inference. */
export type NodeDigests = (nodes: readonly number[]) => Promise<readonly (string | undefined)[]>;

/** Nodes that one question is about at most. */
export const MAX_ASKED = 64;

/** For each node the nodes that its operands come from. */
const sourcesOf = (program: Program): readonly (readonly number[])[] => {
  const index = new Map(program.nodes.map((node, i) => [node, i]));
  const made = producers(program);
  return program.nodes.map((node) => {
    const from = node.operands.map((v) => made.get(v)).map((n) => (n === undefined ? -1 : (index.get(n) ?? -1)));
    return [...new Set(from.filter((i) => i >= 0))].sort((a, b) => a - b);
  });
};

/**
 * Finds a node whose results differ while all its operands agree. A difference may vanish on its way (a clamp hides it), so that the
 * search over the order of the nodes is followed by a look at the operands, and begins again from one that differs.
 * @returns index of the node; undefined when the outputs agree if they are computed one by one: then no single op is to blame
 */
export const firstDifference = async (program: Program, own: NodeDigests, peer: NodeDigests): Promise<number | undefined> => {
  const sources = sourcesOf(program);
  const known = new Map<number, boolean>();
  const differ = async (nodes: readonly number[]): Promise<readonly number[]> => {
    const unknown = nodes.filter((n) => !known.has(n));
    for (let i = 0; i < unknown.length; i += MAX_ASKED) {
      const asked = unknown.slice(i, i + MAX_ASKED);
      // one after the other: both may run on the same machine
      const ours = await own(asked);
      const theirs = await peer(asked);
      asked.forEach((n, k) => known.set(n, ours[k] !== theirs[k]));
    }
    return nodes.filter((n) => known.get(n) === true);
  };
  const index = new Map(program.nodes.map((node, i) => [node, i]));
  const made = producers(program);
  const last = program.outputs.flatMap(({ value }) => {
    const node = made.get(value);
    return node === undefined ? [] : [index.get(node) ?? 0];
  });
  let [bad] = await differ([...new Set(last)].sort((a, b) => a - b));
  if (bad === undefined) return undefined;
  for (;;) {
    let good = -1;
    while (bad - good > 1) {
      const middle = Math.floor((bad + good) / 2);
      if ((await differ([middle])).length > 0) bad = middle;
      else good = middle;
    }
    const [earlier] = await differ(at(sources, bad));
    if (earlier === undefined) return bad;
    // operands come before: this ends
    invariant(earlier < bad, 'nodes stand in topological order');
    bad = earlier;
  }
};
