import { type FAMILIES, unsupported } from '../../../ir/index.ts';
import type { RoleTable } from './common.ts';

const positions = unsupported('its positions would need a fixed-point scale of their own; write its integer form in .mrl');

export const samplingRoles = {
  interpolate: { lower: positions },
  roi_align: { lower: positions },
  roi_pool: { lower: positions },
} as const satisfies RoleTable<keyof (typeof FAMILIES)['sampling']>;
