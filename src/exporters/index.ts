import type { Exporter } from './exporter.ts';
import { kerasExporter } from './keras/index.ts';
import { onnxExporter } from './onnx/index.ts';
import { pytorchExporter } from './pytorch/index.ts';

export { functionLibrary } from './onnx/index.ts';
export { CHECK_SCRIPT } from './check-script.ts';
export type { Exported, ExportedFile, Exporter, ExportStatus } from './exporter.ts';

/** Frameworks that programs are written for. */
export const EXPORTERS: readonly Exporter[] = [onnxExporter, pytorchExporter, kerasExporter];

export const exporterByName = (name: string): Exporter | undefined => EXPORTERS.find((e) => e.name === name);
