import type { OpNode, ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import { macsOf } from '../../../plan/index.ts';
import { type Context, type Emit, Ex } from '../../simd/index.ts';
import { type Geometry, geometryOf, planeOf } from '../../simd/geometry.ts';
import type { Finish } from '../../simd/lower/accumulate.ts';
import type { CModule } from '../c-module.ts';
import { callKernel, finishFields, finishOf, type KernelCall, weightsOf } from './kernel.ts';
import {
  type ConvShape,
  convScratch,
  denseScratch,
  depthwiseScratch,
  groupedScratch,
  groupedWeights,
  WINOGRAD_CHANNELS,
  winogradScratch,
  winogradWeights,
} from './sizes.ts';

/** A conv of bytes with what its kernels need. */
interface Layer {
  readonly shape: ConvShape;
  readonly x: ValueId;
  readonly w: ValueId;
  readonly finish: Finish;
  /** Fields of cx_conv. */
  readonly fields: string;
  readonly isUnsigned: boolean;
}

const triple = (sizes: readonly number[]): string => `{${sizes.join(', ')}}`;

const layerOf = (ctx: Context, node: OpNode<'conv'>, x: ValueId, w: ValueId): Layer => {
  const [tx, tw, ty] = [ctx.type(x), ctx.type(w), ctx.type(at(node.results, 0))];
  const { groups, pad_value: pad } = node.attrs;
  const g = geometryOf(tx.shape.slice(2), ty.shape.slice(2), tw.shape.slice(2), node.attrs);
  const [outputs = 0, inGroup = 0] = tw.shape;
  const shape = { batch: at(tx.shape, 0), groups, inGroup, outGroup: outputs / groups, geometry: g };
  const finish = finishOf(ctx, node, outputs);
  const isUnsigned = tx.dtype === 'u8';
  const fields = [
    `.batch = ${shape.batch}, .groups = ${groups}, .in_group = ${inGroup}, .out_group = ${shape.outGroup}`,
    `.input = ${triple(g.input)}, .output = ${triple(g.output)}, .kernel = ${triple(g.kernel)}`,
    `.stride = ${triple(g.stride)}, .dilation = ${triple(g.dilation)}, .begin = ${triple(g.begin)}`,
    `.pad = ${pad & 0xff}, .is_unsigned = ${isUnsigned ? 1 : 0}, ${finishFields(finish)}`,
  ].join(', ');
  return { shape, x, w, finish, fields, isUnsigned };
};

/** Groups of few channels read the input directly: a panel would cost more than it saves. */
const isDepthwise = ({ shape }: Layer): boolean => shape.outGroup < 4 && shape.inGroup < 8;

/** One output position that reads every byte of the image once is an inner product: as a dense layer is. */
const isDense = ({ shape: { groups, geometry: g } }: Layer): boolean =>
  groups === 1 && !g.copies && planeOf(g.output) === 1 && planeOf(g.kernel) === planeOf(g.input);

/** With fewer tiles of 2 x 2 outputs, transforming the weights takes what the products save. */
const WINOGRAD_LEAST_TILES = 12;
/** Layers with fewer input channels spend more on the transforms than the products save. */
const WINOGRAD_LEAST_CHANNELS = 12;
const is3x3 = (g: Geometry): boolean =>
  g.kernel[0] === 1 &&
  g.kernel[1] === 3 &&
  g.kernel[2] === 3 &&
  planeOf(g.stride) === 1 &&
  planeOf(g.dilation) === 1 &&
  planeOf(g.input) > 0;

const isWinograd = (ctx: Context, { shape: { groups, inGroup, outGroup, geometry: g }, w }: Layer): boolean =>
  groups === 1 &&
  is3x3(g) &&
  g.output[0] === g.input[0] &&
  g.input[0] === 1 &&
  inGroup >= WINOGRAD_LEAST_CHANNELS &&
  inGroup <= WINOGRAD_CHANNELS &&
  outGroup >= 6 &&
  Math.ceil(g.output[1] / 2) * Math.ceil(g.output[2] / 2) >= WINOGRAD_LEAST_TILES &&
  ctx.constantValue(w);

/** Rearranges the weights when the program is opened, and convolves by them. */
const convWinograd = (ctx: Context, module: CModule, layer: Layer, call: KernelCall): Emit => {
  const { shape, w, fields } = layer;
  module.include('cx_winograd.h');
  const weights = ctx.packed([w], winogradWeights(shape), (f, [from], to) => {
    const source = call.weights();
    const print = (): string =>
      `{ static const cx_conv sizes = {${fields}}; CX_OF_LEVEL(cx_winograd_weights_)(&sizes, ${source}, (int8_t *)(m + ${to.address}u)); }`;
    if (from !== undefined) f.do(new Ex(module.raw([], print)));
  });
  return callKernel(ctx, {
    ...call,
    kernel: 'cx_winograd_',
    scratchBytes: winogradScratch(shape),
    extra: () => [`(const int8_t *)(m + ${weights.address}u)`],
  });
};

/** With fewer inner indices or pixels, what comes before and after the products takes longer than they do. */
const GROUPED_LEAST_INNER = 12;
const GROUPED_LEAST_PIXELS = 24;
/** Bytes that the grouped weights of a program may take, about twice as many as the weights have. */
const GROUPED_MOST_BYTES = 512 * 1024 * 1024;

const isGrouped = (ctx: Context, { shape: { batch, groups, inGroup, geometry: g }, w }: Layer): boolean =>
  groups === 1 &&
  inGroup * planeOf(g.kernel) >= GROUPED_LEAST_INNER &&
  batch * planeOf(g.output) >= GROUPED_LEAST_PIXELS &&
  ctx.constantValue(w);

/** Groups the weights when the program is opened, and convolves by them. */
const convGrouped = (ctx: Context, module: CModule, { shape, w, fields }: Layer, call: KernelCall): Emit => {
  module.include('cx_grouped.h');
  const weights = ctx.packed([w], groupedWeights(shape), (f, [from], to) => {
    const source = call.weights();
    const print = (): string =>
      `{ static const cx_conv sizes = {${fields}}; CX_OF_LEVEL(cx_grouped_weights_)(&sizes, ${source}, m + ${to.address}u); }`;
    if (from !== undefined) f.do(new Ex(module.raw([], print)));
  });
  return callKernel(ctx, {
    ...call,
    kernel: 'cx_grouped_',
    scratchBytes: groupedScratch(shape),
    extra: () => [`m + ${weights.address}u`],
  });
};

/** Integer convs in C; the others as `otherwise` says. */
export const lowerConv = (module: CModule, otherwise: (ctx: Context, node: OpNode<'conv'>) => Emit) => {
  let room = GROUPED_MOST_BYTES;
  return (ctx: Context, node: OpNode<'conv'>): Emit => {
    const [x, w] = node.operands;
    if (x === undefined || w === undefined || ctx.count(at(node.results, 0)) === 0) return () => undefined;
    const { dtype } = ctx.type(x);
    if (dtype !== 'i8' && dtype !== 'u8') return otherwise(ctx, node);
    const layer = layerOf(ctx, node, x, w);
    const { shape, finish, fields } = layer;
    const macs = macsOf(node, (v) => ctx.type(v));
    const call = { module, macs, type: 'cx_conv', fields, x, weights: weightsOf(ctx, w), finish } as const;
    if (isDense(layer)) {
      const inner = shape.inGroup * planeOf(shape.geometry.kernel);
      const sizes = `.rows = ${shape.batch}, .inner = ${inner}, .outputs = ${shape.outGroup}, .is_unsigned = ${layer.isUnsigned ? 1 : 0}`;
      const dense = `${sizes}, ${finishFields(finish)}`;
      return callKernel(ctx, {
        ...call,
        kernel: 'cx_dense_',
        type: 'cx_dense',
        fields: dense,
        scratchBytes: denseScratch(shape.batch, inner),
      });
    }
    if (isDepthwise(layer)) return callKernel(ctx, { ...call, kernel: 'cx_depthwise_', scratchBytes: depthwiseScratch(shape) });
    const plain = { ...call, kernel: 'cx_conv_', scratchBytes: convScratch(shape) };
    if (isWinograd(ctx, layer)) return convWinograd(ctx, module, layer, plain);
    if (!isGrouped(ctx, layer) || groupedWeights(shape) > room) return callKernel(ctx, plain);
    room -= groupedWeights(shape);
    return convGrouped(ctx, module, layer, plain);
  };
};
