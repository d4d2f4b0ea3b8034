/** Frameworks that models are exported to: the exporters, by name, without loading them. */
export const EXPORT_TARGETS = ['onnx', 'pytorch', 'keras', 'mxnet', 'tvm'] as const;
type ExportTarget = (typeof EXPORT_TARGETS)[number];
export const isExportTarget = (target: EmitTarget): target is ExportTarget => EXPORT_TARGETS.some((t) => t === target);

/** What `emit` writes. */
export const EMIT_TARGETS = ['c', 'cuda', 'hip', 'fpga', 'wasm', 'webgpu', 'gpujs', ...EXPORT_TARGETS] as const;
export type EmitTarget = (typeof EMIT_TARGETS)[number];

/** How integers stand in an ONNX model: exactly, or as reals with quantizers around them. */
export const EXPORT_FORMS = ['exact', 'qdq'] as const;
export type ExportForm = (typeof EXPORT_FORMS)[number];

/** How an FPGA runs a program. */
export const FPGA_MODES = ['overlay', 'dataflow', 'processor'] as const;
export type FpgaMode = (typeof FPGA_MODES)[number];
