import type { CodeInfo } from './info.ts';

export const onnxCodes = {} as const satisfies Record<string, CodeInfo>;
