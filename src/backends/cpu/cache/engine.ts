import { cpus } from 'node:os';

/** The engine and the processor: what was tested on one is not taken for tested on another. */
export const engineName = (): string =>
  `node ${process.versions.node}, V8 ${process.versions.v8}, ${process.platform} ${process.arch}, ${cpus()[0]?.model.trim() || 'unknown processor'}`;
