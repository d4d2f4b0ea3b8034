import type { AnyNode, ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, KernelLaunch, Slot } from '../../../cpu/simd/index.ts';
import { type Geometry, planeOf } from '../../../cpu/simd/geometry.ts';
import { type Finish, planFinish } from '../../../cpu/simd/lower/accumulate.ts';
import { type Layouts, RESIDUAL_OPERAND, residualOf } from '../../../plan/index.ts';
import { type Image, imageOf, type Window } from './images.ts';
import { type GpuLaunch, launchOver } from './launches.ts';
import { type Field, structure, triple, windowFields } from './structure.ts';
import {
  blocksOf,
  type Choice,
  chooseTile,
  type Engine,
  MOST_SUMS,
  MOST_TILES,
  orderedBytes,
  type Product,
  sharedBytes,
  threadsOf,
  tileType,
} from './tiles.ts';

/** Where the channels of an image are in one that it is joined into, channels last. */
export interface Part {
  readonly pitch: number;
  readonly first: number;
}

/** What the rules of one program share. */
export interface Shared {
  readonly layouts: Layouts;
  readonly engine: Engine;
  /** Channels of a larger image that a value is: a layer writes them there. */
  readonly parts: ReadonlyMap<ValueId, Part>;
  /** Chooses tile and splits of a layer. */
  readonly choose: (p: { readonly pixels: number; readonly channels: number; readonly inner: number; readonly groups: number }) => Choice;
  /** The same for GPUs of capability 9.0, where a program has kernels for those as well. */
  readonly chooseHopper?: Shared['choose'];
  /** int32 sums and counters of split layers: zero before and after each of them. */
  readonly workspace: { readonly sums: Slot; readonly counters: Slot };
}

/** Places of one for all layers: kernels follow each other, and each leaves zeros. */
export const workspaceOf = (ctx: Context): Shared['workspace'] => ({
  sums: ctx.commonTable(new Int32Array(MOST_SUMS)),
  counters: ctx.commonTable(new Int32Array(MOST_TILES)),
});

/** A name of a node's structures: results have numbers of their own. */
export const nameOf = (node: AnyNode): string => `cxg_${node.op}_${at(node.results, 0)}`;

const FORMS = { i32: 'CXG_FORM_I32', narrow: 'CXG_FORM_NARROW', wide: 'CXG_FORM_WIDE', wide16: 'CXG_FORM_WIDE16' } as const;

/** The fields that say what becomes of the sums and where results go. */
export const finishFields = (ctx: Context, shared: Shared, finish: Finish, outputs: number): Readonly<Record<string, Field>> => ({
  form: FORMS[finish.epilogue],
  zero: finish.zero,
  lo: finish.lo,
  hi: finish.hi,
  table: finish.table,
  y: ctx.use(finish.result),
  y_pitch: shared.parts.get(finish.result)?.pitch ?? outputs,
  y_first: shared.parts.get(finish.result)?.first ?? 0,
  y_last: shared.layouts.isLast(finish.result) || shared.layouts.isEither(finish.result),
});

const NO_SUM = {
  has_add: false,
  other: '0',
  other_pitch: 0,
  other_first: 0,
  add_m0: 0,
  add_z0: 0,
  add_m1: 0,
  add_z1: 0,
  add_shift: 1,
  add_zero: 0,
  add_lo: 0,
  add_hi: 0,
} as const;

/** The fields of a sum with another image, which lies as the result does. */
const sumFields = (ctx: Context, node: AnyNode, outputs: number): Readonly<Record<string, Field>> => {
  const residual = residualOf(ctx.fusedInto(node));
  if (residual === undefined) return NO_SUM;
  const { own } = residual;
  const { multipliers, zeros, shift, output_zero: zero, lo, hi } = residual.sum.attrs;
  return {
    has_add: true,
    other: ctx.use(at(node.operands, RESIDUAL_OPERAND)),
    other_pitch: outputs,
    other_first: 0,
    add_m0: at(multipliers, own),
    add_z0: at(zeros, own),
    add_m1: at(multipliers, 1 - own),
    add_z1: at(zeros, 1 - own),
    add_shift: shift,
    add_zero: zero,
    add_lo: lo,
    add_hi: hi,
  };
};

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** A layer that is a matrix product. */
export interface Layer {
  readonly node: AnyNode;
  readonly window: Window;
  readonly w: ValueId;
  /** Channels of a group of the window. */
  readonly inGroup: number;
  readonly outGroup: number;
  /** Groups of the conv that one of the window's has. */
  readonly parts: number;
  readonly bias: ValueId | undefined;
}

/** Weights as the engines read them. */
const packedWeights = (ctx: Context, layer: Layer, image: Image, rows: number, bytes: number, g: Geometry): Slot => {
  const { groups } = layer.window;
  const total = groups * rows * bytes;
  return ctx.packedByKernels([layer.w], total, (from, to) => [
    launchOver(total / 4, 'cxg_pack.cuh', (n) => `cxg_pack_weights<${n}>(e);`, `${nameOf(layer.node)}_weights`, {
      groups,
      out_group: layer.outGroup,
      weight_rows: rows,
      weight_bytes: bytes,
      channels: layer.inGroup,
      parts: layer.parts,
      channel_bytes: image.channelBytes,
      in_group: image.inGroup,
      merged: image.merged,
      ...triple('k', g.kernel),
      from: at(from, 0),
      to,
    }),
  ]);
};

/** Shared memory that every GPU has for a block: of sm_75, and of sm_90 where wgmma is (CUDA C++ programming guide, table 21). */
const SHARED_BYTES: Readonly<Record<Engine, number>> = { wgmma: 227 * 1024, mma: 64 * 1024, dp4a: 48 * 1024 };

/** Whether the image that a layer adds is fetched with its first step: it then waits for nothing at the end. */
const fetchesOther = (ctx: Context, shared: Shared, layer: Layer, { tile, splits }: Choice, engine: Engine): boolean => {
  const residual = residualOf(ctx.fusedInto(layer.node));
  if (residual === undefined || splits > 1 || layer.outGroup % 16 !== 0) return false;
  const result = at(residual.results, 0);
  const isLast = shared.layouts.isLast(result) || shared.layouts.isEither(result);
  return isLast && sharedBytes(tile) + orderedBytes(tile) <= SHARED_BYTES[engine];
};

/** The kernel of a layer for one choice. @param name - of its structure */
const productLaunch = (
  name: string,
  { tile, splits }: Choice,
  product: Product,
  fields: Readonly<Record<string, Field>>,
  fetches: boolean,
): KernelLaunch => ({
  body: () => `cxg_igemm_${tile.engine}<${name}, ${tileType(tile)}>(e);`,
  declarations: () => [structure(name, { ...fields, splits, fetch_other: fetches })],
  headers: [tile.engine === 'wgmma' ? 'cxg_igemm_wgmma.cuh' : 'cxg_igemm.cuh'],
  grid: [blocksOf(tile, product), product.groups, splits],
  block: threadsOf(tile),
  sharedBytes: sharedBytes(tile) + (fetches ? orderedBytes(tile) : 0),
});

/** What a layer is made with: on all GPUs, and on those of capability 9.0 if wgmma is better there. Its products are of signed bytes alone. */
const choicesFor = (shared: Shared, product: Product, isUnsigned: boolean): readonly [Choice, Choice | undefined] => {
  const chosen = shared.choose(product);
  if (isUnsigned) return [chosen.tile.engine === 'wgmma' ? chooseTile('mma', product) : chosen, undefined];
  const hopper = shared.chooseHopper?.(product);
  return [chosen, hopper?.tile.engine === 'wgmma' ? hopper : undefined];
};

/** Emits the kernels of a layer: the image if it has to be packed, then the product. */
export const launchProduct = (ctx: Context, shared: Shared, layer: Layer): void => {
  const { window, outGroup } = layer;
  const { geometry: g, batch, groups } = window;
  const name = nameOf(layer.node);
  const image = imageOf(ctx, shared.layouts, window, name);
  const inner = planeOf(image.kernel) * image.inGroup;
  const product = { pixels: batch * planeOf(g.output), channels: outGroup, inner, groups };
  const isUnsigned = ctx.type(window.x).dtype === 'u8';
  const [choice, hopper] = choicesFor(shared, product, isUnsigned);
  // one packing for all engines: sizes of tiles are powers of two
  const tiles = [choice.tile, ...(hopper === undefined ? [] : [hopper.tile])];
  const rows = roundUp(outGroup, Math.max(...tiles.map((t) => t.channels)));
  const bytes = roundUp(inner, Math.max(...tiles.map((t) => t.inner)));
  const weights = packedWeights(ctx, layer, image, rows, bytes, g);
  const finish = planFinish(ctx, at(layer.node.results, 0), ctx.fusedInto(layer.node), layer.bias, 1, groups * outGroup);
  const fields = {
    batch,
    groups,
    in_group: image.inGroup,
    out_group: outGroup,
    ...windowFields(image, g),
    pitch: image.pitch,
    piece: image.piece,
    outside: image.outside,
    inner,
    weight_rows: rows,
    weight_bytes: bytes,
    pad: window.pad,
    is_unsigned: isUnsigned,
    x: image.slot,
    w: weights,
    ...shared.workspace,
    ...finishFields(ctx, shared, finish, groups * outGroup),
    ...sumFields(ctx, layer.node, groups * outGroup),
  };
  const launchOf = (name_: string, made: Choice, engine: Engine): KernelLaunch =>
    productLaunch(name_, made, product, fields, fetchesOther(ctx, shared, layer, made, engine));
  const launch: GpuLaunch = {
    ...launchOf(name, choice, shared.engine),
    ...(hopper === undefined ? {} : { hopper: launchOf(`${name}_sm90`, hopper, 'wgmma') }),
  };
  ctx.launch(launch);
};
