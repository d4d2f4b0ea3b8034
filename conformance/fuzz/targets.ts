import { cvmTarget } from './cvm.ts';
import { mrlTarget } from './mrl.ts';
import { onnxTarget } from './onnx.ts';
import type { Target } from './target.ts';

const TARGETS = { cvm: cvmTarget, mrl: mrlTarget, onnx: onnxTarget } as const satisfies Record<string, () => Target>;

export type TargetName = keyof typeof TARGETS;
export const TARGET_NAMES = Object.keys(TARGETS) as readonly TargetName[];
export const createTarget = (name: TargetName): Target => TARGETS[name]();
