import type { CodeInfo } from './info.ts';

export const backendCodes = {
  BKD0001: { title: 'no such backend', explain: 'Name one of the backends that `cortexc run --help` lists.', exit: 2 },
  BKD0002: {
    title: 'op is refused by the backend',
    explain: 'The backend does not run this op, for the reason given (docs/support-matrix.md). Choose another backend.',
    exit: 4,
  },
  BKD0003: {
    title: 'program needs too much memory',
    explain:
      'Weights and intermediate tensors together need more than the 4 GiB that WebAssembly can address, or more than this machine gives. Use a smaller batch or the reference backend.',
    exit: 5,
  },
  BKD0004: {
    title: 'program is beyond the limits of the WebAssembly engine',
    explain:
      'Engines limit the size of one function. Ops with thousands of operands can exceed it: join them in several steps, or use the reference backend.',
    exit: 5,
  },
} as const satisfies Record<string, CodeInfo>;
