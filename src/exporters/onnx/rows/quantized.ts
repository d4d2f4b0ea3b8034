import { type FAMILIES, type OpNode, unsupported } from '../../../ir/index.ts';
import { type OnnxGraph, refuse } from '../graph.ts';
import { ELEM_OF } from '../message.ts';
import { called, type Made, type Rows } from './row.ts';

const cast = (g: OnnxGraph, node: OpNode<'cast'>): Made => {
  const [from, to] = [g.t(node).dtype, node.attrs.dtype];
  if (from === to) return g.x(node);
  const order = { bool: 0, u8: 1, i8: 1, i6: 1, i16: 2, i32: 3, f32: 4 } as const;
  // what holds every value needs no saturation
  const fits = from !== 'f32' && (to === 'f32' || order[from] < order[to]);
  if (to === 'bool' || fits || to === 'f32') return g.cast(g.x(node), ELEM_OF[to]);
  return g.call(node, from === 'f32' ? `f32_to_${to}` : `to_${to}`);
};

const table = (g: OnnxGraph, node: OpNode<'table'>): Made => {
  const { dtype } = g.t(node);
  if (dtype === 'i16') return g.call(node, 'i16');
  if (g.t(node, 1).shape.length === 2) return g.call(node, dtype === 'u8' ? 'channels_u8' : 'channels');
  return g.call(node, dtype === 'u8' ? 'u8' : undefined);
};

/** Functions have a fixed number of inputs. */
const MOST_SUMMANDS = 8;

const addRescale = (g: OnnxGraph, node: OpNode<'add_rescale'>): Made => {
  const count = node.operands.length;
  return count > MOST_SUMMANDS
    ? refuse(`${count} tensors are summed, and at most ${MOST_SUMMANDS} are exported`)
    : g.call(node, String(count));
};

export const quantizedRows = {
  quantize: called(),
  dequantize: called(),
  cast,
  rescale: called(),
  table,
  add_rescale: addRescale,
  mul_rescale: called(),
  log2_fixed: called(),
} as const satisfies Rows<keyof (typeof FAMILIES)['quantized']>;

const roundFloat = (g: OnnxGraph, node: OpNode<'round_float'>): Made => {
  const { format, saturate } = node.attrs;
  if (format === 'float4e2m1') return refuse('onnxruntime does not round to float4e2m1');
  const wide = format === 'float16' || format === 'bfloat16';
  return g.call(node, wide && saturate ? `${format}_saturated` : format);
};

const bitcast = (g: OnnxGraph, node: OpNode<'bitcast'>): Made => {
  const { dtype } = node.attrs;
  if (dtype === g.t(node).dtype) return g.x(node);
  if (dtype === 'i8' || dtype === 'u8') return g.call(node, `to_${dtype}`);
  return g.one('BitCast', [g.x(node)], { to: ELEM_OF[dtype] }, { opset: 26 });
};

export const formatsRows = { round_float: roundFloat, bitcast } as const satisfies Rows<keyof (typeof FAMILIES)['formats']>;

const NO_PHILOX = 'random operators of ONNX draw other numbers on every runtime';

export const randomRows = {
  random_bits: unsupported(NO_PHILOX),
  random_uniform: unsupported(NO_PHILOX),
  random_int: unsupported(NO_PHILOX),
  random_bernoulli: unsupported(NO_PHILOX),
} as const satisfies Rows<keyof (typeof FAMILIES)['random']>;

export const detectionRows = {
  nms: unsupported('NonMaxSuppression of ONNX gives a list of unknown length'),
} as const satisfies Rows<keyof (typeof FAMILIES)['detection']>;
