import { cvmTarget } from './cvm.ts';
import type { Target } from './target.ts';

const TARGETS = { cvm: cvmTarget } as const satisfies Record<string, () => Target>;

export type TargetName = keyof typeof TARGETS;
export const TARGET_NAMES = Object.keys(TARGETS) as readonly TargetName[];
export const createTarget = (name: TargetName): Target => TARGETS[name]();
