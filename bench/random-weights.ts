import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { invariant } from '../src/support/index.ts';
import { Philox } from '../src/ir/index.ts';
import { ROOT } from './data.ts';

interface OnnxNode {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
}
interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData: Uint8Array;
}
interface OnnxModel {
  readonly graph: { node: OnnxNode[]; initializer: OnnxTensor[]; input: { readonly name: string }[] };
}

const FLOAT = 1;

/** Where a constant goes: the op that takes it and as which operand. */
interface Use {
  readonly op: string;
  readonly operand: number;
}

/** Interval of uniform weights that keeps activations of a deep network near 1 (He et al. 2015), and variances positive. */
const intervalOf = (use: Use, shape: readonly number[]): readonly [number, number] => {
  if (use.op === 'BatchNormalization') {
    if (use.operand === 1) return [0.5, 1.5];
    return use.operand === 4 ? [0.5, 1.5] : [-0.1, 0.1];
  }
  if (use.operand === 1 && shape.length >= 2) {
    const fanIn = shape.slice(1).reduce((n, d) => n * d, 1);
    const bound = Math.sqrt(6 / fanIn);
    return [-bound, bound];
  }
  return use.op === 'Mul' ? [0.5, 1.5] : [-0.1, 0.1];
};

const shapeOf = (tensor: OnnxTensor): readonly number[] => {
  const view = new DataView(tensor.rawData.buffer, tensor.rawData.byteOffset, tensor.rawData.byteLength);
  return Array.from({ length: view.byteLength / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
};

/**
 * An ONNX model of the "light" suite with its constant weights replaced by seeded random ones: the same architecture and
 * the same file size as a trained model, the same bytes on every machine.
 */
export const withRandomWeights = (model: Uint8Array, seed: number): Uint8Array => {
  const { root } = protobuf.parse(readFileSync(join(ROOT, 'grammar', 'onnx.proto'), 'utf8'));
  const type = root.lookupType('onnx.ModelProto');
  const decoded = type.decode(model) as unknown as OnnxModel;
  const { graph } = decoded;
  const shapes = new Map(graph.initializer.map((t) => [t.name, t]));
  const uses = new Map<string, Use>();
  for (const node of graph.node) node.input.forEach((name, operand) => uses.set(name, { op: node.opType, operand }));
  const random = new Philox(seed);
  const kept: OnnxNode[] = [];
  const replaced = new Set<string>();
  for (const node of graph.node) {
    const shapeTensor = shapes.get(node.input[0] ?? '');
    if (node.opType !== 'ConstantOfShape' || shapeTensor === undefined) {
      kept.push(node);
      continue;
    }
    const shape = shapeOf(shapeTensor);
    const name = node.output[0] ?? '';
    const [low, high] = intervalOf(uses.get(name) ?? { op: '', operand: 0 }, shape);
    const data = new Float32Array(shape.reduce((n, d) => n * d, 1));
    for (let i = 0; i < data.length; i++) data[i] = low + (high - low) * random.unit();
    graph.initializer.push({ name, dims: shape, dataType: FLOAT, rawData: new Uint8Array(data.buffer) });
    replaced.add(shapeTensor.name);
  }
  invariant(replaced.size > 0, 'the model has no constant weights to replace');
  graph.node = kept;
  graph.initializer = graph.initializer.filter((t) => !replaced.has(t.name));
  // old models list their initializers among the inputs too
  graph.input = graph.input.filter((i) => !replaced.has(i.name));
  return new Uint8Array(type.encode(decoded as unknown as protobuf.Message).finish());
};
