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
  BKD0020: {
    title: 'a file of an emitted model cannot be read',
    explain:
      'The loader of an emitted WebAssembly folder asks for model.json, the program and the weights by their addresses. The server refuses one, cannot be reached, breaks off, or belongs to another origin without Access-Control-Allow-Origin. ' +
      'Pages that are opened as files cannot read other files: start a server, such as `node serve.mjs` in the folder.',
    exit: 6,
  },
  BKD0021: {
    title: 'files of an emitted model do not belong together',
    explain:
      'model.json says how many bytes the weights have and their SHA-256, and names the program that each module has to carry in its section cortexc.program. ' +
      'A download was cut off, files of two versions of a folder are mixed (also by a cache), or a server answers with a page of its own. Copy the whole folder again and clear caches.',
    exit: 3,
  },
  BKD0022: {
    title: 'a WebAssembly module comes with another MIME type',
    explain:
      'Browsers compile while they download, and cache the machine code, only when the server sends Content-Type: application/wasm. With another type the loader compiles after the download; the bytes are the same. ' +
      'Servers need a line for .wasm, such as `application/wasm wasm` in the mime.types of nginx.',
    exit: 5,
  },
  BKD0023: {
    title: 'an emitted model is used wrongly',
    explain: 'The loader was asked for a number of threads that is none from 1 to 255, or a model was run after its close().',
    exit: 2,
  },
} as const satisfies Record<string, CodeInfo>;
