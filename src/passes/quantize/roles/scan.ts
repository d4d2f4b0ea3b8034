import { type FAMILIES, unsupported } from '../../../ir/index.ts';
import type { RoleTable } from './common.ts';

export const scanRoles = {
  cumsum: { lower: unsupported('its zero points add up along the axis') },
  cumprod: { lower: unsupported('a product of many elements has no integer form') },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['scan']>;
