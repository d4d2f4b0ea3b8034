import type { CodeInfo } from './info.ts';

export const cvmCodes = {} as const satisfies Record<string, CodeInfo>;
