import { type AnyNode, elementCount, evaluateNode, inferNode, type StaticType, type Tensor, type ValueId } from '../../ir/index.ts';
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

/** The float result of a region for each of the 256 codes of its root: one row, or one row per channel. */
const evaluateRegion = (
  region: Region,
  shape: readonly number[],
  input: Affine,
  constantOf: (v: ValueId) => Tensor | undefined,
): Tensor => {
  const values = new Map<ValueId, Tensor>();
  const constants = region.nodes.flatMap((n) => n.operands.map(constantOf)).filter((t) => t !== undefined);
  const channels = constants.some((t) => elementCount(t.shape) > 1) ? (shape[1] ?? 1) : 1;
  const probe = shape.length < 2 ? [256] : [256, channels, ...shape.slice(2).map(() => 1)];
  const data = Float32Array.from({ length: elementCount(probe) }, (_, i) => (Math.floor(i / channels) - 128 - input.zero) * input.scale);
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
  const result = values.get(region.value);
  invariant(result !== undefined, 'a region computes its value');
  return { dtype: 'f32', shape: [256, channels], data: result.data };
};

/** The i8 table of a region: shape [256], or [channels, 256] when rows differ. */
export const regionTable = (
  region: Region,
  shape: readonly number[],
  input: Affine,
  output: Affine,
  constantOf: (v: ValueId) => Tensor | undefined,
): Tensor => {
  const { shape: probed, data } = evaluateRegion(region, shape, input, constantOf);
  const channels = probed[1] ?? 1;
  const table = new Int8Array(channels * 256);
  for (let q = 0; q < 256; q++) for (let c = 0; c < channels; c++) table[c * 256 + q] = quantizeValue(at(data, q * channels + c), output);
  const equal = table.every((v, i) => v === table[i % 256]);
  return equal ? { dtype: 'i8', shape: [256], data: table.slice(0, 256) } : { dtype: 'i8', shape: [channels, 256], data: table };
};

/** The table that moves i8 values from one quantization to another. */
export const requantTable = (input: Affine, output: Affine): Tensor => ({
  dtype: 'i8',
  shape: [256],
  data: Int8Array.from({ length: 256 }, (_, i) => quantizeValue((i - 128 - input.zero) * input.scale, output)),
});
