import type { Exporter } from './exporter.ts';

export type { Exported, ExportedFile, Exporter } from './exporter.ts';

/** Frameworks that programs are written for. */
export const EXPORTERS: readonly Exporter[] = [];
