import type { CodeInfo } from './info.ts';

export const cliCodes = {} as const satisfies Record<string, CodeInfo>;
