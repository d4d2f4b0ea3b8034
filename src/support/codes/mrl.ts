import type { CodeInfo } from './info.ts';

export const mrlCodes = {} as const satisfies Record<string, CodeInfo>;
