import type { Exporter } from './exporter.ts';

export type { Exported, ExportedFile, Exporter, ExportStatus } from './exporter.ts';

/** Frameworks that programs are written for. */
export const EXPORTERS: readonly Exporter[] = [];

export const exporterByName = (name: string): Exporter | undefined => EXPORTERS.find((e) => e.name === name);
