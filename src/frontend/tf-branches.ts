import type { HostTensor } from './host-tensor.ts';
import { behind, type TfNode } from './tf-nodes.ts';

const SWITCHES: ReadonlySet<string> = new Set(['Switch', 'RefSwitch']);
const MERGES: ReadonlySet<string> = new Set(['Merge', 'RefMerge']);
/** What gives its input 0: a Switch does so on the side that is taken, and a dead side asks for nothing. */
const PASSED_ON: ReadonlySet<string> = new Set(['Identity', 'PlaceholderWithDefault', 'StopGradient', ...SWITCHES]);

/** A Merge of TensorFlow has two inputs; one of very many would be looked through for each. */
const MAX_MERGED = 64;

const nodeOf = (tensor: string): string => tensor.replace(/:\d+$/, '');

/** Where the value of a predicate comes from, behind identities and outer branches: the name of a constant, or of what is none. */
const sourcesOf = (nodes: readonly TfNode[]): Map<string, string> => {
  const sources = new Map<string, string>();
  for (const { name, op, inputs } of nodes) {
    const [from] = inputs;
    if (from !== undefined && PASSED_ON.has(op)) sources.set(name, nodeOf(from));
  }
  return sources;
};

/** The value of a boolean constant. */
const truthOf = (host: HostTensor | undefined): boolean | undefined =>
  host?.elem === 'bool' && host.data.length === 1 ? host.data[0] !== 0 : undefined;

/** What no branch brings to life: outputs of a Switch by `switch:index`, and all nodes behind them. */
interface Dead {
  readonly outputs: Set<string>;
  readonly nodes: Set<string>;
}

const isDead = (dead: Dead, tensor: string): boolean =>
  dead.nodes.has(nodeOf(tensor)) || dead.outputs.has(tensor.includes(':') ? tensor : `${tensor}:0`);

/** Adds everything behind the dead outputs. A Merge is dead when all that it reads is. */
const spread = (nodes: readonly TfNode[], dead: Dead): void => {
  const readers = new Map<string, TfNode[]>();
  for (const node of nodes)
    for (const name of [...node.inputs, ...node.after].map(nodeOf)) {
      const list = readers.get(name);
      if (list === undefined) readers.set(name, [node]);
      else list.push(node);
    }
  const queue = [...dead.outputs].map(nodeOf);
  for (let from = queue.pop(); from !== undefined; from = queue.pop())
    for (const reader of readers.get(from) ?? []) {
      if (dead.nodes.has(reader.name)) continue;
      const lost = MERGES.has(reader.op)
        ? reader.inputs.length <= MAX_MERGED && reader.inputs.every((i) => isDead(dead, i))
        : reader.inputs.some((i) => isDead(dead, i)) || reader.after.some((i) => dead.nodes.has(i));
      if (!lost) continue;
      dead.nodes.add(reader.name);
      queue.push(reader.name);
    }
};

/**
 * Takes branches whose condition is a constant: Switch gives its input to one side, Merge takes what has come. Graphs of TensorFlow 1
 * choose so between training and inference. Other branches stay, and are refused as layers.
 */
export const takeBranches = (nodes: readonly TfNode[], stored: (name: string) => HostTensor | undefined): readonly TfNode[] => {
  if (!nodes.some((n) => SWITCHES.has(n.op))) return nodes;
  const sources = sourcesOf(nodes);
  const aliases = new Map<string, string>();
  const dead: Dead = { outputs: new Set(), nodes: new Set() };
  for (const node of nodes) {
    const [data, condition] = node.inputs;
    if (!SWITCHES.has(node.op) || data === undefined || condition === undefined) continue;
    const taken = truthOf(stored(behind(sources, nodeOf(condition))));
    if (taken === undefined) continue;
    const [no, yes] = [node.name, `${node.name}:1`];
    aliases.set(taken ? yes : no, data);
    dead.outputs.add(taken ? `${no}:0` : yes);
  }
  spread(nodes, dead);
  for (const node of nodes) {
    if (!MERGES.has(node.op) || dead.nodes.has(node.name)) continue;
    const alive = node.inputs.filter((i) => !isDead(dead, i));
    const [only] = alive;
    if (only !== undefined && alive.length === 1 && node.inputs.length > 1) aliases.set(node.name, only);
  }
  const settled = (node: TfNode): boolean => aliases.has(node.name) || aliases.has(`${node.name}:1`);
  return nodes
    .filter((n) => !dead.nodes.has(n.name) && !settled(n))
    .map((n) => ({ ...n, inputs: n.inputs.map((i) => behind(aliases, i)) }));
};
