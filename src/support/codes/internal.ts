import type { CodeInfo } from './info.ts';

export const internalCodes = {
  INT0001: {
    title: 'internal error',
    explain: 'The compiler broke one of its own rules. The input is not to blame: report it with the input and the command line.',
    exit: 70,
  },
} as const satisfies Record<string, CodeInfo>;
