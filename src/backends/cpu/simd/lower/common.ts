import { type AnyNode, DTYPE_INFO, type DType, type StaticType, unsupported, type ValueId } from '../../../../ir/index.ts';
import { at } from '../../../../support/index.ts';
import type { Context, Emit } from '../context.ts';
import type { Access, Fn } from '../fn.ts';
import type { PixelAccess } from '../kernels/pack.ts';
import type { Val } from '../lift.ts';
import type { ElementBytes } from '../kernels/copy.ts';
import { emitMap, type MapSpec } from '../kernels/map.ts';

/** How an element of a dtype is read and written. */
export const ACCESS = { i8: 'i8', i16: 'i16', i32: 'i32', u8: 'u8', bool: 'u8', f32: 'f32', i6: 'i8' } as const satisfies Record<
  DType,
  Access
>;
export const accessOf = (type: StaticType): Access => ACCESS[type.dtype];
export const bytesOf = (type: StaticType): ElementBytes => DTYPE_INFO[type.dtype].bytes;

/** How the pixels of an 8-bit or 16-bit image are read. */
export const pixelAccess = (dtype: DType): PixelAccess => (dtype === 'u8' || dtype === 'i16' ? dtype : 'i8');

export const operand = (node: AnyNode, i: number): ValueId => at(node.operands, i);
export const result = (node: AnyNode, i = 0): ValueId => at(node.results, i);

/** Lowers an op to an elementwise function over its operands with broadcasting. */
export const lowerMap = (ctx: Context, node: AnyNode, spec: MapSpec, extra: (f: Fn) => readonly Val[] = () => []): Emit => {
  const y = result(node);
  const to = ctx.use(y);
  const from = node.operands.map((v) => ({ slot: ctx.use(v), shape: ctx.type(v).shape }));
  const { shape } = ctx.type(y);
  const divided = ctx.divide(ctx.count(y));
  return (f) =>
    emitMap(
      f,
      ctx.asm,
      spec,
      { address: to.address, shape },
      from.map((o) => ({ address: o.slot.address, shape: o.shape })),
      extra,
      divided,
    );
};

/** Entries of an address table that lowering builds; more would cost the compiler more memory than the program itself. */
const MAX_TABLE = 2 ** 24;

/** Refuses what needs a table that is out of all proportion (sizes that no layer of a network has). */
export const limitTable = (entries: number, what: string): void => {
  if (entries > MAX_TABLE) unsupported(`${what} has ${entries} entries, more than ${MAX_TABLE}`)();
};

/** An axis counted from the end when negative; the program is verified, so it is within the rank. */
export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
