import { type OpName, type PrimitiveName, unsupported } from '../../../ir/index.ts';
import type { Role } from '../emit.ts';
import { lowerMove } from '../lower/move.ts';

/** The rows of one family: one for each of its primitives. */
export type RoleTable<K extends OpName> = { readonly [P in Extract<K, PrimitiveName>]: Role };

/** A function of one tensor, element by element: a table (NUMERICS §1.3). */
export const pointwise: Role = {
  elementwise: true,
  lower: unsupported('its operands depend on more than one run-time tensor, or on a constant that varies along other axes than channels'),
};
/** The same, with its own form for two run-time tensors. */
export const onlyAsTable = (reason: string): Role => ({ elementwise: true, lower: unsupported(reason) });
export const move: Role = { lower: lowerMove, passthrough: true, wide: 'follow' };
export const same: Role = { lower: lowerMove, passthrough: true };
export const integerAlready: Role = { lower: unsupported('it belongs to an integer-level program') };
export const compare = onlyAsTable('it compares two run-time tensors; only functions of one tensor are supported');
export const integers = onlyAsTable('it works on two run-time tensors; only functions of one tensor are supported');
