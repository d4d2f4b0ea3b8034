/** What `emit` writes. */
export const EMIT_TARGETS = ['c', 'cuda', 'hip', 'wasm', 'webgpu'] as const;
export type EmitTarget = (typeof EMIT_TARGETS)[number];
