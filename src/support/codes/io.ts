import type { CodeInfo } from './info.ts';

export const ioCodes = {} as const satisfies Record<string, CodeInfo>;
