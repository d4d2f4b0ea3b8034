/** What `emit` writes. */
export const EMIT_TARGETS = ['c', 'cuda', 'hip', 'wasm', 'webgpu', 'gpujs'] as const;
export type EmitTarget = (typeof EMIT_TARGETS)[number];
