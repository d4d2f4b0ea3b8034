/** What `emit` writes. */
export const EMIT_TARGETS = ['c', 'cuda', 'hip', 'fpga', 'wasm', 'webgpu', 'gpujs'] as const;
export type EmitTarget = (typeof EMIT_TARGETS)[number];

/** How an FPGA runs a program. */
export const FPGA_MODES = ['overlay', 'dataflow', 'processor'] as const;
export type FpgaMode = (typeof FPGA_MODES)[number];
