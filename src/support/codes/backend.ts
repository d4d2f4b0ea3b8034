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
      'Weights and intermediate tensors together need more than the 4 GiB that WebAssembly can address, or more than this machine gives. Use a smaller batch, or the native backend, which maps parameters of any size.',
    exit: 5,
  },
  BKD0004: {
    title: 'program is beyond the limits of the WebAssembly engine',
    explain:
      'Engines limit the size of one function. Ops with thousands of operands can exceed it: join them in several steps, or use the reference backend.',
    exit: 5,
  },
  BKD0005: {
    title: 'op fails the power-on self-test',
    explain:
      'Before an op is used for the first time, the backend runs small cases of it and compares their bytes with digests that come with cortexc. ' +
      'Here they differ, so this engine or this processor does not compute the op as it is defined, and no result of it can be trusted. ' +
      'Try another version of Node, another machine or another backend, and report it with the versions in the message. `cortexc selftest` tests every op.',
    exit: 70,
  },
  BKD0010: {
    title: 'threads are missing',
    explain:
      'Fewer threads run the program than were asked for: the platform gives no shared memory or no more workers. The bytes are the same, only the time differs. ' +
      'A page gets shared memory (SharedArrayBuffer) when its server sends Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.',
    exit: 5,
  },
  BKD0011: {
    title: 'a thread was lost during a run',
    explain:
      'A worker ended, or was not heard of for half a minute after the others had done their share. The run was repeated on one thread in new memory, and later runs stay there. ' +
      'The bytes are the same, only the time differs. Workers end when the machine has no memory left or something ends them from outside.',
    exit: 5,
  },
} as const satisfies Record<string, CodeInfo>;
