import type { FAMILIES } from '../../../ir/index.ts';
import { lowerConcat, lowerPad } from '../lower/move.ts';
import { move } from './common.ts';
import type { RoleTable } from './common.ts';

export const shapeRoles = {
  reshape: move,
  transpose: move,
  concat: { lower: lowerConcat, passthrough: true },
  split: move,
  pad: { ...move, lower: lowerPad },
  slice: move,
  expand: move,
  gather: move,
} as const satisfies RoleTable<keyof (typeof FAMILIES)['shape']>;
