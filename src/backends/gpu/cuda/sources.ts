import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invariant } from '../../../support/index.ts';
import { cFolder } from '../../cpu/native/sources.ts';

/** A file of the runtime, by its name without folders. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

const FOLDERS = { kernels: 'cuda/kernels/', runner: 'cuda/runner/', shim: 'shim/c/' } as const;
export type Folder = keyof typeof FOLDERS;

/** A folder of sources lies beside this one; in the package, the compiled file is in dist/src and the folder in src. */
export const folderOf = (folder: Folder): string => {
  const name = FOLDERS[folder];
  const paths = [`../${name}`, `../../../../../src/backends/gpu/${name}`].map((p) => fileURLToPath(new URL(p, import.meta.url)));
  const found = paths.find((path) => {
    try {
      return readdirSync(path).some((file) => file.startsWith('cxg_'));
    } catch {
      return false;
    }
  });
  invariant(found !== undefined, `src/backends/gpu/${name} is missing from the package`);
  return found;
};

const filesIn = (folder: string, pattern: RegExp): readonly SourceFile[] =>
  readdirSync(folder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => ({ name, text: readFileSync(`${folder}${name}`, 'utf8') }));

let headers: readonly SourceFile[] | undefined;
/** Everything that units of a program include: templates, primitives, the machine's instructions. */
export const unitHeaders = (): readonly SourceFile[] =>
  (headers ??= [...filesIn(folderOf('kernels'), /^cxg_\w+[.]cuh$/), ...filesIn(cFolder(), /^cx_machine\w*[.]h$/)]);

/** The runner in C, with what reads and writes .npy. */
export const runnerFiles = (): readonly SourceFile[] => [
  ...filesIn(folderOf('runner'), /^cxg_\w+[.][ch]$/),
  ...filesIn(cFolder(), /^(cx_npy\w*[.][ch]|cx_env[.]h|cx_runtime[.]h)$/),
];

/** Kernels on the CPU: linked to each module, and the driver that runs them. */
export const shimFiles = (): readonly SourceFile[] => filesIn(folderOf('shim'), /^cxg_\w+[.](h|cpp)$/);
