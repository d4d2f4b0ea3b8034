import type { DType, ValueId } from '../../../ir/index.ts';
import type { ElemName } from '../../host-tensor.ts';
import type { Made, Role } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { word } from '../attributes.ts';

/** Whole numbers from..to - 1. */
export const span = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

/** Types that attributes `dtype` name. */
const DTYPES = ['float32', 'float64', 'float16', 'bfloat16', 'int8', 'uint8', 'int32', 'int64', 'bool'] as const;

export const dtype = (n: LayerNode, fallback: ElemName, name = 'dtype'): ElemName =>
  n.attribute(name) === 'None' ? fallback : word(n, name, DTYPES, DTYPES.find((d) => d === fallback) ?? 'float32');

/** Conversion, as the type of the file that the program keeps it as. */
export const cast = (n: LayerNode, x: ValueId, elem: ElemName): Made => ({ value: converted(n, x, elem), layout: 'file', elem });

const KEPT: Readonly<Record<ElemName, DType>> = {
  float32: 'f32',
  float64: 'f32',
  float16: 'f32',
  bfloat16: 'f32',
  int8: 'i8',
  uint8: 'u8',
  int16: 'i16',
  uint16: 'i32',
  int32: 'i32',
  uint32: 'i32',
  int64: 'i32',
  uint64: 'i32',
  bool: 'bool',
};
export const converted = (n: LayerNode, x: ValueId, elem: ElemName): ValueId => {
  if (elem === 'float16' || elem === 'bfloat16') n.approximate(`${elem} values are float32 in the program`);
  return n.as(x, KEPT[elem]);
};

/** Truth values and indices are float32 in most operators. */
export const asFloat = (n: LayerNode, x: ValueId): ValueId => n.as(x, 'f32');
/** Indices, which most models hand over as float32: truncated. */
export const indices = (n: LayerNode, i: number): ValueId => n.as(n.x(i), 'i32');

/** x of rank 2 and more as a matrix: the first dimension, then the rest. */
export const matrixOf = (n: LayerNode, x: ValueId): ValueId => (n.sizes(x).length === 2 ? x : n.emit('flatten', [x], { axis: 1 }));

/** Input i, a parameter with an entry per channel, such that it broadcasts to values of rank `rank` with the channels in dimension 1. */
export const perChannel = (n: LayerNode, i: number, count: number, role: Role, rank: number): ValueId => {
  const value = n.site.inputs[i];
  const shape = [count, ...new Array<number>(Math.max(0, rank - 2)).fill(1)];
  if (value?.known === 'open') return n.stored(value.name, shape, role);
  if (value?.host !== undefined && value.host.data.length === count) return n.session.constant(value.name, value.host, shape);
  const vector = n.param(i, [count], role);
  return rank <= 2 ? vector : n.reshape(vector, shape);
};

/** The same value, of inputs that are an integer type narrower than int32 widened. */
export const widened = (n: LayerNode, x: ValueId): ValueId => {
  const { dtype: own } = n.typeOf(x);
  return own === 'f32' || own === 'i32' ? x : n.as(x, own === 'bool' ? 'f32' : 'i32');
};
