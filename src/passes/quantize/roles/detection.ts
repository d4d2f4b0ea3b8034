import { type FAMILIES, unsupported } from '../../../ir/index.ts';
import type { RoleTable } from './common.ts';

export const detectionRoles = {
  nms: { lower: unsupported('its boxes would need a fixed-point scale of their own; write its integer form in .mrl') },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['detection']>;
