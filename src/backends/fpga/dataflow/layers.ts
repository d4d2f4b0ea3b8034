import { type AnyNode, isStaticType, type OpNode, placeOf, type StaticType, type Tensor, typeOf, type ValueId } from '../../../ir/index.ts';
import { at, type Diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { ExecutionPlan } from '../../plan/index.ts';
import { notAvailable } from './diagnostics.ts';
import { biasFinish, meanFinish, plainFinish, rescaleFinish } from './finish.ts';
import type { Finish, Layer, LayerKind, Stream } from './stages.ts';
import { pictureOf, pictureOrder, sameOrder } from './streams.ts';

/** What turning a node into a stage needs to know. */
export interface Context {
  readonly plan: ExecutionPlan;
  readonly params: ReadonlyMap<ValueId, Tensor>;
  readonly streams: ReadonlyMap<ValueId, Stream>;
  readonly index: number;
}

export const staticType = ({ plan }: Context, value: ValueId): StaticType => {
  const type = typeOf(plan.program, value);
  return isStaticType(type) ? type : { dtype: type.dtype, shape: [] };
};

export const refuse = (context: Context, node: AnyNode, why: string): { readonly ok: false; readonly diagnostics: readonly Diagnostic[] } =>
  fail(notAvailable(placeOf(node, context.index), why));

/** The stream of an operand of 8 bits. */
export const byteStream = (context: Context, node: AnyNode, k: number): Result<Stream> => {
  const value = at(node.operands, k);
  const stream = context.streams.get(value);
  if (stream === undefined) return refuse(context, node, `operand ${k} is a parameter`);
  return stream.dtype === 'i8' || stream.dtype === 'u8'
    ? ok(stream)
    : refuse(context, node, `operand ${k} is ${stream.dtype}, and streams between layers are of 8 bits`);
};

/** Where a conv, pool or reduction reads: two spatial dimensions, the first of 1 where there is one. */
interface Geometry {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
}

const pair = (list: readonly number[], one: number): readonly [number, number] =>
  list.length === 2 ? [at(list, 0), at(list, 1)] : [one, at(list, 0)];

const geometryOf = (
  kernel: readonly number[],
  a: { stride: readonly number[]; dilation: readonly number[]; pads: readonly number[] },
): Geometry => {
  const [top, left] = pair(a.pads.slice(0, kernel.length), 0);
  const [bottom, right] = pair(a.pads.slice(kernel.length), 0);
  return { kernel: pair(kernel, 1), stride: pair(a.stride, 1), dilation: pair(a.dilation, 1), pads: [top, left, bottom, right] };
};

interface LayerOf {
  readonly kind: LayerKind;
  readonly node: AnyNode;
  readonly result: ValueId;
  readonly geometry: Geometry;
  readonly finish: Finish;
  readonly more?: Partial<Layer>;
}

const bitsOf = (bound: number): number => Math.min(32, Math.ceil(Math.log2(bound + 1)) + 1);

const windowLayer = (context: Context, { kind, node, result, geometry, finish, more = {} }: LayerOf): Result<Layer> => {
  const input = byteStream(context, node, 0);
  if (!input.ok) return input;
  const from = pictureOf(staticType(context, at(node.operands, 0)).shape);
  const type = staticType(context, result);
  const to = pictureOf(type.shape);
  if (!sameOrder(input.value.order, pictureOrder(from)))
    return refuse(context, node, 'its input comes in another order than pixel by pixel');
  const { kernel, stride, dilation, pads } = geometry;
  const signedInput = input.value.dtype === 'i8';
  return ok({
    stage: 'layer',
    name: placeOf(node, context.index),
    inputs: [input.value],
    output: { value: result, source: result, dtype: type.dtype, count: to.h * to.w * to.c, order: pictureOrder(to) },
    kind,
    ...from,
    kernel,
    stride,
    dilation,
    begin: [pads[0], pads[1]],
    oh: to.h,
    ow: to.w,
    oc: to.c,
    groups: 1,
    pad: 0,
    countedRows: [0, from.h],
    countedColumns: [0, from.w],
    weights: new Int8Array(0),
    weightBits: 8,
    signedInput,
    sumBits: kind === 'max' ? 9 : bitsOf((signedInput ? 128 : 255) * kernel[0] * kernel[1]),
    finish,
    ...more,
  });
};

/** Bits of the greatest sum that the weights of an output allow, and of all sums before it. */
const sumBits = (weights: ArrayLike<number>, outputs: number, signed: boolean): number => {
  const each = weights.length / outputs;
  let most = 0;
  for (let o = 0; o < outputs; o++) {
    let sum = 0;
    for (let k = o * each; k < (o + 1) * each; k++) sum += Math.abs(weights[k] ?? 0);
    most = Math.max(most, sum);
  }
  return Math.max(9, bitsOf(most * (signed ? 128 : 255)));
};

/** The result of a conv or dense with the rescale that follows it, if one does. */
const productFinish = (context: Context, node: AnyNode, channels: number): Result<{ result: ValueId; finish: Finish }> => {
  const { plan, params } = context;
  const biasValue = node.operands[2];
  const bias = biasValue === undefined ? undefined : params.get(biasValue);
  if (biasValue !== undefined && bias === undefined) return refuse(context, node, 'its bias is no parameter');
  const fused = plan.fusions.into.get(node);
  if (fused === undefined) return ok({ result: at(node.results, 0), finish: biasFinish(channels, bias) });
  const multiplier = params.get(at(fused.operands, 1));
  const shift = params.get(at(fused.operands, 2));
  if (multiplier === undefined || shift === undefined) return refuse(context, node, 'the scales of its rescale are no parameters');
  return ok({ result: at(fused.results, 0), finish: rescaleFinish(channels, bias, multiplier, shift, fused.attrs) });
};

const weightsOf = (context: Context, node: AnyNode): Result<Tensor> => {
  const weights = context.params.get(at(node.operands, 1));
  if (weights === undefined) return refuse(context, node, 'its weights are no parameter');
  return weights.dtype === 'i8' || weights.dtype === 'i6' ? ok(weights) : refuse(context, node, `its weights are ${weights.dtype}`);
};

export const convLayer = (context: Context, node: OpNode<'conv'>): Result<Layer> => {
  const weights = weightsOf(context, node);
  if (!weights.ok) return weights;
  const { shape, data, dtype } = weights.value;
  if (shape.length > 4) return refuse(context, node, 'it has three spatial dimensions');
  const channels = at(shape, 0);
  const finish = productFinish(context, node, channels);
  if (!finish.ok) return finish;
  const { groups, pad_value } = node.attrs;
  const depthwise = groups > 1 && at(shape, 1) === 1 && channels === groups;
  const signed = staticType(context, at(node.operands, 0)).dtype === 'i8';
  return windowLayer(context, {
    kind: depthwise ? 'depthwise' : 'dot',
    node,
    ...finish.value,
    geometry: geometryOf(shape.slice(2), node.attrs),
    more: {
      groups: depthwise ? 1 : groups,
      pad: pad_value & 0xff,
      weights: data as Int8Array,
      weightBits: dtype === 'i6' ? 6 : 8,
      sumBits: sumBits(data, channels, signed),
    },
  });
};

/** A dense layer reads all elements of a row as the channels of a pixel: its weights are put in their order. */
export const denseLayer = (context: Context, node: OpNode<'dense'>): Result<Layer> => {
  const weights = weightsOf(context, node);
  if (!weights.ok) return weights;
  const input = byteStream(context, node, 0);
  if (!input.ok) return input;
  const [outputs, inputs] = [at(weights.value.shape, 0), at(weights.value.shape, 1)];
  const finish = productFinish(context, node, outputs);
  if (!finish.ok) return finish;
  const rows = input.value.count / inputs;
  const { order } = input.value;
  if (rows !== 1 && !order.every((v, i) => v === i)) return refuse(context, node, 'its rows come in another order than row by row');
  const { data, dtype } = weights.value;
  const turned = new Int8Array(data.length);
  for (let o = 0; o < outputs; o++) for (let k = 0; k < inputs; k++) turned[o * inputs + k] = at(data, o * inputs + at(order, k));
  const type = staticType(context, finish.value.result);
  const count = rows * outputs;
  return ok({
    stage: 'layer',
    name: placeOf(node, context.index),
    inputs: [input.value],
    output: {
      value: finish.value.result,
      source: finish.value.result,
      dtype: type.dtype,
      count,
      order: Int32Array.from({ length: count }, (_, i) => i),
    },
    kind: 'dot',
    h: 1,
    w: rows,
    c: inputs,
    kernel: [1, 1],
    stride: [1, 1],
    dilation: [1, 1],
    begin: [0, 0],
    oh: 1,
    ow: rows,
    oc: outputs,
    groups: 1,
    pad: 0,
    countedRows: [0, 1],
    countedColumns: [0, rows],
    weights: turned,
    weightBits: dtype === 'i6' ? 6 : 8,
    signedInput: input.value.dtype === 'i8',
    sumBits: sumBits(data, outputs, input.value.dtype === 'i8'),
    finish: finish.value.finish,
  });
};

/** Padding never wins: it is the least value. */
const maxLayer = (context: Context, node: AnyNode, geometry: Geometry): Result<Layer> =>
  windowLayer(context, {
    kind: 'max',
    node,
    result: at(node.results, 0),
    geometry,
    finish: plainFinish,
    more: { pad: staticType(context, at(node.operands, 0)).dtype === 'i8' ? 0x80 : 0 },
  });

const meanLayer = (context: Context, node: AnyNode, geometry: Geometry, more: Partial<Layer> = {}): Result<Layer> => {
  const cells = geometry.kernel[0] * geometry.kernel[1];
  const finish = meanFinish(cells, staticType(context, at(node.operands, 0)).dtype === 'i8');
  if (finish === undefined) return refuse(context, node, `there is no exact multiplier for means of ${cells} cells`);
  return windowLayer(context, { kind: 'mean', node, result: at(node.results, 0), geometry, finish, more });
};

export const maxPoolLayer = (context: Context, node: OpNode<'max_pool'>): Result<Layer> =>
  node.attrs.kernel.length > 2
    ? refuse(context, node, 'it has three spatial dimensions')
    : maxLayer(context, node, geometryOf(node.attrs.kernel, node.attrs));

export const averagePoolLayer = (context: Context, node: OpNode<'average_pool'>): Result<Layer> => {
  const { kernel, include_pad, pad_value } = node.attrs;
  if (kernel.length > 2) return refuse(context, node, 'it has three spatial dimensions');
  const geometry = geometryOf(kernel, node.attrs);
  const { h, w } = pictureOf(staticType(context, at(node.operands, 0)).shape);
  const [top, left, bottom, right] = geometry.pads;
  const counted: Partial<Layer> = include_pad
    ? { pad: pad_value & 0xff, countedRows: [-top, h + bottom], countedColumns: [-left, w + right] }
    : {};
  return meanLayer(context, node, geometry, counted);
};

/** Over all spatial dimensions: a window as large as the picture. */
export const reduceLayer = (context: Context, node: OpNode<'reduce_mean'> | OpNode<'reduce_max'>): Result<Layer> => {
  const { shape } = staticType(context, at(node.operands, 0));
  const axes = node.attrs.axes.map((axis) => (axis < 0 ? axis + shape.length : axis)).sort((a, b) => a - b);
  const spatial = shape.slice(2).map((_, i) => i + 2);
  if (spatial.length === 0 || spatial.length > 2 || axes.join() !== spatial.join())
    return refuse(context, node, `its axes are ${axes.join(', ')}, and only all spatial ones are taken`);
  const { h, w } = pictureOf(shape);
  const geometry: Geometry = { kernel: [h, w], stride: [h, w], dilation: [1, 1], pads: [0, 0, 0, 0] };
  return node.op === 'reduce_mean' ? meanLayer(context, node, geometry) : maxLayer(context, node, geometry);
};
