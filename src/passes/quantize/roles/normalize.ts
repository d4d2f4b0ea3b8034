import type { Role } from '../emit.ts';
import { lowerNormalize, type Norm } from '../lower/normalize.ts';

/** Composites that stay where `normFits` says so; others are expanded before planning. */
const norm: Role = { lower: lowerNormalize, clamps: true, wide: 'source' };

export const normalizeRoles = { layer_norm: norm, rms_norm: norm, instance_norm: norm, group_norm: norm } as const satisfies Readonly<
  Record<Norm, Role>
>;
