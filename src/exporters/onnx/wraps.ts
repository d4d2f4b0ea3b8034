import { type OpNode, producers, type Program, type Tensor, typeOf, useCounts, type ValueId } from '../../ir/index.ts';

/**
 * Indices that count from the end when they are negative, spelled out: select(less(i, 0), add(i, n), i). Gather of ONNX does that
 * itself; importers spell it, since the op here does not.
 */
export interface Wraps {
  /** Nodes that only spell it, and are not written. */
  readonly spelled: ReadonlySet<OpNode>;
  /** Of a node that gathers: the indices as they were. */
  readonly indices: ReadonlyMap<OpNode, ValueId>;
}

const isScalar = (tensor: Tensor | undefined, value: number): boolean => tensor?.data.length === 1 && tensor.data[0] === value;

export const findWraps = (program: Program): Wraps => {
  const made = producers(program);
  const counts = useCounts(program);
  const params = new Map(program.params.map((p) => [p.value, p.tensor]));
  const spelled = new Set<OpNode>();
  const indices = new Map<OpNode, ValueId>();
  const once = (v: ValueId | undefined, op: OpNode['op']): OpNode | undefined => {
    const node = v === undefined || counts[v] !== 1 ? undefined : made.get(v);
    return node?.op === op ? node : undefined;
  };
  for (const node of program.nodes) {
    if (node.op !== 'gather' && node.op !== 'gather_elements') continue;
    const [x, index] = node.operands;
    const select = once(index, 'select');
    if (x === undefined || select === undefined) continue;
    const [condition, moved, raw] = select.operands;
    const [less, add] = [once(condition, 'less'), once(moved, 'add')];
    const { shape } = typeOf(program, x);
    const size = shape[node.attrs.axis < 0 ? node.attrs.axis + shape.length : node.attrs.axis];
    const [zero, sum] = [less?.operands ?? [], add?.operands ?? []];
    const spells =
      raw !== undefined &&
      zero[0] === raw &&
      sum[0] === raw &&
      isScalar(params.get(zero[1] ?? raw), 0) &&
      isScalar(params.get(sum[1] ?? raw), Number(size));
    if (!spells || less === undefined || add === undefined) continue;
    for (const n of [select, less, add]) spelled.add(n);
    indices.set(node, raw);
  }
  return { spelled, indices };
};
