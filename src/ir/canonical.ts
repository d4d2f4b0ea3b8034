import { at, Sha256 } from '../support/index.ts';
import type { OpNode, Param, Port, Program, ValueId } from './program.ts';
import { valueId } from './program.ts';
import { StoredTensor, swapBytes } from './stored.ts';
import { isSymbolic, type Tensor, type TensorData, type TensorType } from './types.ts';

/** Names of symbolic dimensions by first appearance in the inputs: d0, d1, … */
const symbolNames = (program: Program): ReadonlyMap<string, string> => {
  const names = new Map<string, string>();
  for (const port of program.inputs) {
    for (const dim of at(program.types, port.value).shape) if (isSymbolic(dim) && !names.has(dim)) names.set(dim, `d${names.size}`);
  }
  return names;
};

/** The node that defines each value, as an index; -1 for inputs and parameters. */
const producerIndex = (program: Program): Int32Array => {
  const index = new Int32Array(program.types.length).fill(-1);
  program.nodes.forEach((node, i) => {
    for (const r of node.results) index[r] = i;
  });
  return index;
};

/**
 * Indices of the live nodes in post-order: outputs in order, operands left to right, each node once.
 * An explicit stack, since chains are longer than the call stack is deep.
 */
const liveOrder = (program: Program): readonly number[] => {
  const producer = producerIndex(program);
  const seen = new Uint8Array(program.nodes.length);
  const order: number[] = [];
  const stack: { node: number; operand: number }[] = [];
  const enter = (value: ValueId): void => {
    const node = producer[value] ?? -1;
    if (node < 0 || seen[node] === 1) return;
    seen[node] = 1;
    stack.push({ node, operand: 0 });
  };
  for (const output of program.outputs) {
    enter(output.value);
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      const operand = at(program.nodes, frame.node).operands[frame.operand++];
      if (operand !== undefined) enter(operand);
      else {
        order.push(frame.node);
        stack.pop();
      }
    }
  }
  return order;
};

/** Numbers values anew in the order they are defined in the canonical program. */
class Renumbering {
  readonly types: TensorType[] = [];
  private readonly program: Program;
  private readonly symbols: ReadonlyMap<string, string>;
  private readonly map: Int32Array;

  constructor(program: Program) {
    this.program = program;
    this.symbols = symbolNames(program);
    this.map = new Int32Array(program.types.length).fill(-1);
  }

  isDefined(value: ValueId): boolean {
    return (this.map[value] ?? -1) >= 0;
  }

  define(value: ValueId): ValueId {
    const { dtype, shape } = at(this.program.types, value);
    this.map[value] = this.types.length;
    this.types.push(
      shape.some(isSymbolic) ? { dtype, shape: shape.map((d) => (isSymbolic(d) ? (this.symbols.get(d) ?? d) : d)) } : { dtype, shape },
    );
    return valueId(this.types.length - 1);
  }

  use(value: ValueId): ValueId {
    return valueId(at(this.map, value));
  }
}

/**
 * The canonical form of a program (docs/spec.md §5): inputs in order as x0, x1, … (i8 and i32 are dtypes); parameters by first use as p0, p1, …;
 * live nodes in post-order from the outputs, operands left to right; outputs o0, o1, …; symbolic dimensions d0, d1, ….
 * Dead nodes, unused parameters, the model's name and origins are gone. Operands keep their order. Linear in the program.
 */
export const canonicalize = (program: Program): Program => {
  const order = liveOrder(program);
  const values = new Renumbering(program);
  const inputs = program.inputs.map((port, i): Port => ({ name: `x${i}`, value: values.define(port.value) }));
  const byValue = new Map(program.params.map((p) => [p.value, p]));
  const params: Param[] = [];
  const usesParam = (value: ValueId): void => {
    const param = byValue.get(value);
    if (param !== undefined && !values.isDefined(value)) {
      params.push({ name: `p${params.length}`, value: values.define(value), tensor: param.tensor });
    }
  };
  for (const index of order) at(program.nodes, index).operands.forEach(usesParam);
  for (const output of program.outputs) usesParam(output.value);
  const nodes = order.map((index): OpNode => {
    const { origin: _origin, ...node } = at(program.nodes, index);
    const operands = node.operands.map((v) => values.use(v));
    return { ...node, operands, results: node.results.map((r) => values.define(r)) };
  });
  const outputs = program.outputs.map((port, i): Port => ({ name: `o${i}`, value: values.use(port.value) }));
  return { name: 'main', inputs, params, nodes, outputs, types: values.types };
};

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Row-major elements, each little-endian. A view on little-endian hosts. */
export const canonicalBytes = (tensor: Tensor): Uint8Array => {
  const { data } = tensor;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const size = data.BYTES_PER_ELEMENT;
  if (HOST_IS_LITTLE_ENDIAN || size === 1) return bytes;
  const swapped = bytes.slice();
  swapBytes(swapped, size);
  return swapped;
};

/** The canonical bytes in order, in pieces of whole elements; those of a stored tensor are never all in memory. */
export const canonicalPieces = (tensor: Tensor): Iterable<Uint8Array> =>
  tensor instanceof StoredTensor ? tensor.pieces() : [canonicalBytes(tensor)];

/** Digests by data buffer, or by stored tensor: parameters are never written to, and hashing them dominates printing. */
const digests = new WeakMap<TensorData | StoredTensor, Map<string, string>>();

/**
 * SHA-256, in hex, of `mrl-tensor-1 <dtype>[<sizes joined by ",">]`, a line feed, and the canonical bytes.
 * The same tensor has the same digest on every machine.
 */
export const paramDigest = (tensor: Tensor): string => {
  const type = `${tensor.dtype}[${tensor.shape.join(',')}]`;
  const key = tensor instanceof StoredTensor ? tensor : tensor.data;
  const known = digests.get(key) ?? new Map<string, string>();
  const cached = known.get(type);
  if (cached !== undefined) return cached;
  const hash = new Sha256();
  hash.update(`mrl-tensor-1 ${type}\n`);
  for (const piece of canonicalPieces(tensor)) hash.update(piece);
  const digest = hash.finish();
  known.set(type, digest);
  digests.set(key, known);
  return digest;
};
