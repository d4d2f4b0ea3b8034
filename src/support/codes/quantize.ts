import type { CodeInfo } from './info.ts';

export const quantizeCodes = {} as const satisfies Record<string, CodeInfo>;
