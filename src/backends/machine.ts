import { cpus } from 'node:os';

/** The engine and the processor, as a report needs them; what was tested on one machine is not taken for tested on another. */
export const machineText = (): string =>
  `node ${process.versions.node}, V8 ${process.versions.v8}, ${process.platform} ${process.arch}, ${cpus()[0]?.model.trim() || 'unknown processor'}`;
