export { Cache, sharedCache } from './cache/cache.ts';
export { codeStamp } from './cache/code-stamp.ts';
export type { KeptPrograms } from './kept.ts';
export { nativeBackend } from './native/index.ts';
export { hostLevels } from './native/toolchain-levels.ts';
export { nativeKept } from './native/kept.ts';
export { referenceBackend } from './reference/index.ts';
export { wasmBackend } from './wasm/index.ts';
export { wasmKept } from './wasm/kept.ts';
