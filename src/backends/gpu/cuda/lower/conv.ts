import { elementCount, type OpNode, type Program, type StaticType, type ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context } from '../../../cpu/simd/index.ts';
import { type Geometry, geometryOf, planeOf } from '../../../cpu/simd/geometry.ts';
import { planFinish } from '../../../cpu/simd/lower/accumulate.ts';
import type { FusedRescale } from '../../../plan/index.ts';
import { canRead, imageOf, packedBytes, type Window } from './images.ts';
import { launchOver } from './launches.ts';
import { finishFields, launchProduct, nameOf, type Shared } from './products.ts';
import { windowFields } from './structure.ts';

/** Types of values and which of them are parameters: what can be known of a program before it is lowered. */
export interface Facts {
  readonly type: (value: ValueId) => StaticType;
  readonly isParam: (value: ValueId) => boolean;
}

export const factsOf = (program: Program): Facts => {
  const params = new Set(program.params.map((p) => p.value));
  return { type: (v) => at(program.types, v) as StaticType, isParam: (v) => params.has(v) };
};

/** Offsets in kernels are int32. */
const MOST_BYTES = 2 ** 30;
const isBytes = ({ dtype }: StaticType): boolean => dtype === 'i8' || dtype === 'u8';
/** Blocks of a grid along its second and third dimension (CUDA C++ programming guide, technical specifications). */
export const MOST_BLOCKS = 65535;
const isSmall = ({ shape }: StaticType): boolean => elementCount(shape) < MOST_BYTES;

/** The table of factors is made before the first run. */
const hasConstantBias = (facts: Facts, bias: ValueId | undefined): boolean => bias === undefined || facts.isParam(bias);

/** Channels that tensor cores multiply by as fast as by fewer. */
const TILE_CHANNELS = 64;
const FEW_CHANNELS = 32;

/**
 * How many groups are taken as one, with zeros for the weights between them: small groups would leave most of a tile empty. Always so
 * many that their channels come in words of four, where groups allow it.
 */
const partsOf = (groups: number, inGroup: number, outGroup: number): number => {
  if (groups === 1 || (outGroup >= FEW_CHANNELS && inGroup % 4 === 0)) return 1;
  const fits = (m: number): boolean => groups % m === 0 && m * inGroup <= TILE_CHANNELS && m * outGroup <= TILE_CHANNELS;
  const most = Math.min(groups, TILE_CHANNELS);
  for (let m = most; m > 1; m--) if (fits(m) && (m * inGroup) % 4 === 0) return m;
  return 1;
};

const windowOf = (facts: Facts, node: OpNode<'conv'>): Window & { readonly parts: number } => {
  const [x, w] = [at(node.operands, 0), at(node.operands, 1)];
  const [tx, tw, ty] = [facts.type(x), facts.type(w), facts.type(at(node.results, 0))];
  const geometry: Geometry = geometryOf(tx.shape.slice(2), ty.shape.slice(2), tw.shape.slice(2), node.attrs);
  const { groups, pad_value: pad } = node.attrs;
  const parts = partsOf(groups, at(tw.shape, 1), at(tw.shape, 0) / groups);
  return { x, batch: at(tx.shape, 0), channels: at(tx.shape, 1), groups: groups / parts, geometry, pad, parts };
};

/** Depthwise: each channel by itself, in words of four. */
const isDepthwise = (facts: Facts, node: OpNode<'conv'>): boolean => {
  const [channels = 0] = facts.type(at(node.operands, 1)).shape;
  if (facts.type(at(node.operands, 0)).dtype !== 'i8') return false;
  return node.attrs.groups === channels && facts.type(at(node.operands, 0)).shape[1] === channels && channels % 4 === 0 && channels > 1;
};

/**
 * Whether the kernels do a conv of bytes.
 * @param endsInBytes - whether a rescale to bytes is fused into it
 */
export const isFastConv = (facts: Facts, node: OpNode<'conv'>, endsInBytes: boolean): boolean => {
  const [x, w] = [facts.type(at(node.operands, 0)), facts.type(at(node.operands, 1))];
  const y = facts.type(at(node.results, 0));
  if (!isBytes(x) || !hasConstantBias(facts, node.operands[2]) || elementCount(y.shape) === 0 || elementCount(w.shape) === 0) return false;
  if (elementCount(x.shape) === 0 || !isSmall(x) || !isSmall(y) || !isSmall(w)) return false;
  const window = windowOf(facts, node);
  if (Math.max(window.batch, window.groups) > MOST_BLOCKS || packedBytes(window) > 2 * MOST_BYTES) return false;
  return (isDepthwise(facts, node) && endsInBytes) || canRead(window);
};

/** Whether the kernel of a conv with a fused rescale to i8 can add another image. */
export const mayAdd = (program: Program, node: OpNode<'conv'>): boolean => {
  const facts = factsOf(program);
  return !isDepthwise(facts, node) && isFastConv(facts, node, true);
};

const launchDepthwise = (ctx: Context, shared: Shared, node: OpNode<'conv'>, window: Window): void => {
  const name = nameOf(node);
  const { geometry: g, batch, channels } = window;
  const taps = planeOf(g.kernel);
  const words = Math.ceil(taps / 4) * channels;
  const image = imageOf(ctx, shared.layouts, { ...window, groups: 1 }, name);
  const weights = ctx.packedByKernels([at(node.operands, 1)], words * 4, (from, to) => [
    launchOver(words, 'cxg_pack.cuh', (n) => `cxg_pack_depthwise<${n}>(e);`, `${name}_weights`, { channels, taps, from: at(from, 0), to }),
  ]);
  const finish = planFinish(ctx, at(node.results, 0), ctx.fusedInto(node), node.operands[2], 1, channels);
  ctx.launch(
    launchOver((batch * planeOf(g.output) * channels) / 4, 'cxg_window.cuh', (n) => `cxg_depthwise<${n}>(e);`, name, {
      batch,
      channels,
      out_group: channels,
      ...windowFields(image, g),
      pitch: image.pitch,
      outside: image.outside,
      pad: window.pad,
      x: image.slot,
      w: weights,
      ...finishFields(ctx, shared, finish, channels),
    }),
  );
};

/** The rescaled bytes of a depthwise conv are what its kernel writes. */
export const endsInBytes = (fused: FusedRescale | undefined): boolean => fused?.attrs.dtype === 'i8' || fused?.attrs.dtype === 'u8';

/** @returns whether kernels do it; else nothing is launched */
export const launchConv = (ctx: Context, shared: Shared, facts: Facts, node: OpNode<'conv'>): boolean => {
  const bytes = endsInBytes(ctx.fusedInto(node));
  if (!isFastConv(facts, node, bytes)) return false;
  const window = windowOf(facts, node);
  if (isDepthwise(facts, node) && bytes) {
    launchDepthwise(ctx, shared, node, window);
    return true;
  }
  const [outputs = 0, inGroup = 0] = facts.type(at(node.operands, 1)).shape;
  launchProduct(ctx, shared, {
    node,
    window,
    w: at(node.operands, 1),
    inGroup: inGroup * window.parts,
    outGroup: outputs / window.groups,
    parts: window.parts,
    bias: node.operands[2],
  });
  return true;
};

const ONE = { stride: [], dilation: [], pads: [] } as const;

/** Dense layers: convolutions of one position, one image a row. */
export const launchDense = (ctx: Context, shared: Shared, facts: Facts, node: OpNode<'dense'>): boolean => {
  const [x, w] = [at(node.operands, 0), at(node.operands, 1)];
  const [tx, tw] = [facts.type(x), facts.type(w)];
  const [outputs = 0, inner = 0] = tw.shape;
  const rows = elementCount(tx.shape.slice(0, -1));
  if (!isBytes(tx) || !hasConstantBias(facts, node.operands[2]) || rows * inner * outputs === 0) return false;
  if (!isSmall(tx) || !isSmall(tw) || rows * outputs >= MOST_BYTES) return false;
  const geometry = geometryOf([], [], [], ONE);
  const window: Window = { x, batch: rows, channels: inner, groups: 1, geometry, pad: 0 };
  launchProduct(ctx, shared, { node, window, w, inGroup: inner, outGroup: outputs, parts: 1, bias: node.operands[2] });
  return true;
};
