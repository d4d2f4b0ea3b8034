import type { CodeInfo } from './info.ts';

/** What `cortexc fuzz` finds. Each is a bug of cortexc or of the machine. */
export const fuzzCodes = {
  FUZ0001: {
    title: 'backend differs from the reference',
    explain:
      'A backend gave other bytes than the reference interpreter for a random program. Report it with the model string that was written.',
    exit: 1,
  },
  FUZ0002: {
    title: 'pass changes results',
    explain:
      'A pass that keeps results bit for bit did not, for a random program. Report it with the model string; `cortexc opt --pass` repeats it.',
    exit: 1,
  },
  FUZ0003: {
    title: 'round trip gives another program',
    explain: 'A random program was printed and parsed, or encoded and decoded, and came back with another identity or other bytes.',
    exit: 1,
  },
  FUZ0004: {
    title: 'pass breaks a valid program',
    explain: 'The program that a pass made is not valid, or may overflow where the original could not.',
    exit: 1,
  },
  FUZ0005: {
    title: 'valid program is refused',
    explain: 'A random program that verifies and cannot overflow was refused by a backend, a pass, the printer or the bytecode.',
    exit: 1,
  },
  FUZ0006: {
    title: 'valid program ends in an exception',
    explain: 'Running, transforming, printing or encoding a valid program threw an exception.',
    exit: 1,
  },
} as const satisfies Record<string, CodeInfo>;
