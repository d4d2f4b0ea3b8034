import type { Exporter } from './exporter.ts';
import { onnxExporter } from './onnx/index.ts';

export { CHECK_SCRIPT } from './check-script.ts';
export type { Exported, ExportedFile, Exporter, ExportStatus } from './exporter.ts';

/** Frameworks that programs are written for. */
export const EXPORTERS: readonly Exporter[] = [onnxExporter];

export const exporterByName = (name: string): Exporter | undefined => EXPORTERS.find((e) => e.name === name);
