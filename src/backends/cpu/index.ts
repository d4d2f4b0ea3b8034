export { nativeBackend } from './native/index.ts';
export { referenceBackend } from './reference/index.ts';
export { wasmBackend } from './wasm/index.ts';
