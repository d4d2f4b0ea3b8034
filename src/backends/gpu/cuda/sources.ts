import { cFolder } from '../../cpu/native/sources.ts';
import { type SourceFile, sourceFiles } from '../../source-folder.ts';
import { kernelFolder, runnerFolder, shimFolder } from '../folders.ts';

let headers: readonly SourceFile[] | undefined;
/** Everything that units of a program include: templates, primitives, the machine's instructions. */
export const unitHeaders = (): readonly SourceFile[] =>
  (headers ??= [...sourceFiles(kernelFolder(), /^cxg_\w+[.]cuh$/), ...sourceFiles(cFolder(), /^cx_machine\w*[.]h$/)]);

/** The runner in C, with what reads and writes .npy. */
export const runnerFiles = (): readonly SourceFile[] => [
  ...sourceFiles(runnerFolder(), /^cxg_\w+[.][ch]$/),
  ...sourceFiles(cFolder(), /^(cx_npy\w*[.][ch]|cx_env[.]h|cx_runtime[.]h)$/),
];

/** Kernels on the CPU: linked to each module, and the driver that runs them. */
export const shimFiles = (): readonly SourceFile[] => sourceFiles(shimFolder(), /^cxg_\w+[.](h|cpp)$/);
