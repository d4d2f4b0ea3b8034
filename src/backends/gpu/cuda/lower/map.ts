import { DTYPE_INFO, elementCount, type OpNode, type Program, sameShape, useCounts, type ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context } from '../../../cpu/simd/index.ts';
import { axisOf } from '../../../cpu/simd/lower/common.ts';
import type { Layouts } from '../../../plan/index.ts';
import type { Facts } from './conv.ts';
import { launchOver } from './launches.ts';
import { nameOf, type Part, type Shared } from './products.ts';

const MOST_COUNT = 2 ** 30;
/** Bytes of a thread: the most that divide the count. */
const widthOf = (...counts: readonly number[]): 16 | 4 | 1 => {
  const fits = (w: number): boolean => counts.every((c) => c % w === 0);
  return fits(16) ? 16 : fits(4) ? 4 : 1;
};
const countOf = (facts: Facts, value: ValueId): number => elementCount(facts.type(value).shape);

/** Whether operands lie as the result does: then an elementwise kernel may ignore how. */
const alike = ({ layouts }: Shared, values: readonly ValueId[]): boolean => {
  const images = values.filter((v) => !layouts.isEither(v));
  return images.every((v) => layouts.isLast(v) === layouts.isLast(at(images, 0)));
};

/** One table of bytes for all channels. */
export const isFastTable = (facts: Facts, node: OpNode<'table'>): boolean => {
  const [x, t] = [facts.type(at(node.operands, 0)), facts.type(at(node.operands, 1))];
  const count = elementCount(x.shape);
  return x.dtype === 'i8' && (t.dtype === 'i8' || t.dtype === 'u8') && t.shape.length === 1 && count > 0 && count < MOST_COUNT;
};

export const launchTable = (ctx: Context, shared: Shared, facts: Facts, node: OpNode<'table'>): boolean => {
  const [x, t, y] = [at(node.operands, 0), at(node.operands, 1), at(node.results, 0)];
  if (!isFastTable(facts, node) || !alike(shared, [x, y])) return false;
  const count = countOf(facts, y);
  const width = widthOf(count);
  const fields = { count, x: ctx.use(x), table: ctx.use(t), y: ctx.use(y) };
  ctx.launch(launchOver(count / width, 'cxg_map.cuh', (n) => `cxg_table<${n}, ${width}>(e);`, nameOf(node), fields));
  return true;
};

/** Sums of bytes without broadcast. */
export const isFastAdd = (facts: Facts, node: OpNode<'add_rescale'>): boolean => {
  const { shape } = facts.type(at(node.results, 0));
  const count = elementCount(shape);
  const types = node.operands.map(facts.type);
  return types.every((t) => t.dtype === 'i8' && sameShape(t.shape, shape)) && count > 0 && count < MOST_COUNT;
};

const choice = (type: string, name: string, values: readonly string[]): string =>
  `static constexpr CXG_DEVICE ${type} ${name}(int k) { return ${values.map((v, k) => (k === values.length - 1 ? v : `k == ${k} ? ${v} : `)).join('')}; }`;

export const launchAdd = (ctx: Context, shared: Shared, facts: Facts, node: OpNode<'add_rescale'>): boolean => {
  const y = at(node.results, 0);
  if (!isFastAdd(facts, node) || !alike(shared, [...node.operands, y])) return false;
  const count = countOf(facts, y);
  const width = widthOf(count);
  const slots = node.operands.map((v) => ctx.use(v));
  const { multipliers, zeros, shift, output_zero: zero, lo, hi } = node.attrs;
  const fields = { operands: slots.length, count, shift, zero, lo, hi, y: ctx.use(y) };
  const functions = (): string =>
    [
      choice(
        'uint32_t',
        'x',
        slots.map((s) => `${s.address}u`),
      ),
      choice('int', 'multiplier', multipliers.map(String)),
      choice('int', 'z', zeros.map(String)),
    ].join('\n  ');
  ctx.launch(launchOver(count / width, 'cxg_map.cuh', (n) => `cxg_add_rescale<${n}, ${width}>(e);`, nameOf(node), fields, functions));
  return true;
};

const SIGNED: ReadonlySet<string> = new Set(['i8', 'i16', 'i32']);

/** A rescale that no layer does on its way. */
export const isFastRescale = (facts: Facts, node: OpNode<'rescale'>): boolean => {
  const [x, y] = [facts.type(at(node.operands, 0)), facts.type(at(node.results, 0))];
  const count = elementCount(x.shape);
  return SIGNED.has(x.dtype) && SIGNED.has(y.dtype) && count > 0 && count < MOST_COUNT;
};

export const launchRescale = (ctx: Context, shared: Shared, facts: Facts, node: OpNode<'rescale'>): boolean => {
  const [x, m, s, y] = [at(node.operands, 0), at(node.operands, 1), at(node.operands, 2), at(node.results, 0)];
  if (!isFastRescale(facts, node) || !alike(shared, [x, y])) return false;
  const [tx, ty] = [facts.type(x), facts.type(y)];
  const isShared = countOf(facts, m) === 1;
  const inner = shared.layouts.isLast(y) ? 1 : elementCount(tx.shape.slice(2));
  const { input_zero, output_zero: zero, lo, hi } = node.attrs;
  const count = elementCount(tx.shape);
  ctx.launch(
    launchOver(count, 'cxg_map.cuh', (n) => `cxg_rescale<${n}>(e);`, nameOf(node), {
      count,
      shared: isShared,
      channels: isShared ? 1 : at(tx.shape, 1),
      inner: isShared ? 1 : inner,
      from_bytes: DTYPE_INFO[tx.dtype].bytes,
      to_bytes: DTYPE_INFO[ty.dtype].bytes,
      input_zero,
      zero,
      lo,
      hi,
      x: ctx.use(x),
      multiplier: ctx.use(m),
      shift: ctx.use(s),
      y: ctx.use(y),
    }),
  );
  return true;
};

/** Channels of bytes, joined. */
export const isFastConcat = (facts: Facts, node: OpNode<'concat'>): boolean => {
  const y = facts.type(at(node.results, 0));
  const count = elementCount(y.shape);
  return y.dtype === 'i8' && y.shape.length > 2 && axisOf(node.attrs.axis, y.shape.length) === 1 && count > 0 && count < MOST_COUNT;
};

/**
 * Operands of concatenations that layers write into the result at once: images of one reader, channels last.
 * @param writes - the values whose makers can
 */
export const joinedParts = (
  facts: Facts,
  layouts: Layouts,
  program: Program,
  writes: ReadonlySet<ValueId>,
): ReadonlyMap<ValueId, Part & { readonly whole: ValueId }> => {
  const uses = useCounts(program);
  const parts = new Map<ValueId, Part & { readonly whole: ValueId }>();
  for (const node of program.nodes) {
    if (node.op !== 'concat' || !isFastConcat(facts, node)) continue;
    const whole = at(node.results, 0);
    const pitch = at(facts.type(whole).shape, 1);
    if (![...node.operands, whole].every((v) => layouts.isLast(v))) continue;
    let first = 0;
    for (const value of node.operands) {
      if (writes.has(value) && uses[value] === 1) parts.set(value, { pitch, first, whole });
      first += at(facts.type(value).shape, 1);
    }
  }
  return parts;
};

export const launchConcat = (ctx: Context, { layouts, parts }: Shared, facts: Facts, node: OpNode<'concat'>): boolean => {
  const y = at(node.results, 0);
  const lies = (v: ValueId): boolean => layouts.isLast(v) || layouts.isEither(v);
  if (!isFastConcat(facts, node) || !node.operands.every(lies) || !lies(y)) return false;
  const { shape } = facts.type(y);
  const [batch = 0, total = 0] = shape;
  const pixels = batch * elementCount(shape.slice(2));
  const to = ctx.use(y);
  let first = 0;
  for (const [k, value] of node.operands.entries()) {
    const channels = at(facts.type(value).shape, 1);
    const width = widthOf(channels, first, total);
    const fields = { pixels, channels, y_pitch: total, y_first: first, x: ctx.use(value), y: to };
    // what is a part of the result already has nothing to do; ctx.use above says that this step reads it
    if (channels > 0 && !parts.has(value))
      ctx.launch(
        launchOver(
          (pixels * channels) / width,
          'cxg_map.cuh',
          (n) => `cxg_join_channels<${n}, ${width}>(e);`,
          `${nameOf(node)}_${k}`,
          fields,
        ),
      );
    first += channels;
  }
  return true;
};
