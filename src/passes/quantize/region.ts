import {
  type AnyNode,
  DTYPE_INFO,
  elementCount,
  evaluateNode,
  inferNode,
  type StaticType,
  type Tensor,
  type ValueId,
} from '../../ir/index.ts';
import { at, invariant, unwrap } from '../../support/index.ts';
import { alongAxis } from '../rewrite.ts';
import { type Affine, quantizeValue } from './affine.ts';

/** A function of one run-time value, element by element: the nodes between `root` and `value`, in program order. */
export interface Region {
  readonly root: ValueId;
  readonly value: ValueId;
  readonly nodes: readonly AnyNode[];
}

/** The nodes that compute `value` from `root` and constants. */
export const regionOf = (
  root: ValueId,
  value: ValueId,
  producerOf: (v: ValueId) => AnyNode | undefined,
  isConstant: (v: ValueId) => boolean,
): Region => {
  const found = new Set<AnyNode>();
  const visit = (v: ValueId): void => {
    if (v === root || isConstant(v)) return;
    const node = producerOf(v);
    invariant(node !== undefined, `value ${v} is outside its region`);
    if (found.has(node)) return;
    node.operands.forEach(visit);
    found.add(node);
  };
  visit(value);
  return { root, value, nodes: [...found] };
};

/** Whether a constant fits a table over a value of this shape: the same everywhere, or one entry per channel. */
export const fitsTable = (tensor: Tensor, shape: readonly number[]): boolean => alongAxis(tensor, shape, 1) !== undefined;

/**
 * The float value of every node of a region for each of the given root values: one row, or one row per channel. Shapes are
 * [inputs, channels].
 */
export const probeRegion = (
  region: Region,
  shape: readonly number[],
  inputs: ArrayLike<number>,
  constantOf: (v: ValueId) => Tensor | undefined,
): ReadonlyMap<ValueId, Tensor> => {
  const values = new Map<ValueId, Tensor>();
  const constants = region.nodes.flatMap((n) => n.operands.map(constantOf)).filter((t) => t !== undefined);
  const channels = constants.some((t) => elementCount(t.shape) > 1) ? (shape[1] ?? 1) : 1;
  const n = inputs.length;
  const probe = shape.length < 2 ? [n] : [n, channels, ...shape.slice(2).map(() => 1)];
  const data = Float32Array.from({ length: elementCount(probe) }, (_, i) => at(inputs, Math.floor(i / channels)));
  values.set(region.root, { dtype: 'f32', shape: probe, data });
  for (const node of region.nodes) {
    const operands = node.operands.map((v) => {
      const tensor = values.get(v) ?? constantOf(v);
      invariant(tensor !== undefined, `value ${v} is not in the region`);
      return tensor;
    });
    const types = unwrap(inferNode(node.op, operands, node.attrs, node.origin)) as readonly StaticType[];
    evaluateNode(node.op, operands, node.attrs, types).forEach((t, i) => values.set(at(node.results, i), t));
  }
  return new Map([...values].map(([v, t]) => [v, { ...t, shape: [n, t.data.length / n] }]));
};

/** The table of a region over an i8 root: shape [256], or [channels, 256] when rows differ. */
export const regionTable = (
  region: Region,
  shape: readonly number[],
  input: Affine,
  output: Affine,
  constantOf: (v: ValueId) => Tensor | undefined,
): Tensor => {
  const inputs = Float64Array.from({ length: 256 }, (_, q) => (q - 128 - input.zero) * input.scale);
  const probed = probeRegion(region, shape, inputs, constantOf).get(region.value);
  invariant(probed !== undefined, 'a region computes its value');
  const channels = probed.shape[1] ?? 1;
  const { dtype } = output;
  const table = DTYPE_INFO[dtype].make(channels * 256);
  for (let q = 0; q < 256; q++)
    for (let c = 0; c < channels; c++) table[c * 256 + q] = quantizeValue(at(probed.data, q * channels + c), output);
  const equal = table.every((v, i) => v === table[i % 256]);
  return equal ? { dtype, shape: [256], data: table.slice(0, 256) } : { dtype, shape: [channels, 256], data: table };
};

/** The table that moves i8 values from one quantization to another. */
export const requantTable = (input: Affine, output: Affine): Tensor => ({
  dtype: 'i8',
  shape: [256],
  data: Int8Array.from({ length: 256 }, (_, i) => quantizeValue((i - 128 - input.zero) * input.scale, output)),
});
