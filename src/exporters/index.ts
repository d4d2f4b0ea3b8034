import type { Exporter } from './exporter.ts';
import { kerasExporter } from './keras/index.ts';
import { mxnetExporter } from './mxnet/index.ts';
import { onnxExporter } from './onnx/index.ts';
import { pytorchExporter } from './pytorch/index.ts';
import { tvmExporter } from './tvm/index.ts';

export { functionLibrary } from './onnx/index.ts';
export { checkScript } from './check-script.ts';
export { expandForTable } from './nodes.ts';
export type { Exported, ExportedFile, Exporter, ExportStatus } from './exporter.ts';

/** Frameworks that programs are written for. */
export const EXPORTERS: readonly Exporter[] = [onnxExporter, pytorchExporter, kerasExporter, tvmExporter, mxnetExporter];

export const exporterByName = (name: string): Exporter | undefined => EXPORTERS.find((e) => e.name === name);
