import { type FAMILIES, unsupported } from '../../../ir/index.ts';
import { integerAlready, type RoleTable } from './common.ts';

/** Draws of integers stand between integers, and are copied as they are. */
const floatDraw = { lower: unsupported('it draws float32 numbers: quantize the draw in the model (random_int, random_normal as i16)') };

export const randomRoles = {
  random_bits: integerAlready,
  random_uniform: floatDraw,
  random_int: integerAlready,
  random_bernoulli: { lower: unsupported('its probability or its result is float32') },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['random']>;
