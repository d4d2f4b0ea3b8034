import { type FAMILIES, unsupported } from '../../../ir/index.ts';
import type { RoleTable } from './common.ts';

export const scatterRoles = {
  scatter_elements: { lower: unsupported('its two sources may have different scales') },
  scatter_nd: { lower: unsupported('its two sources may have different scales') },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['scatter']>;
