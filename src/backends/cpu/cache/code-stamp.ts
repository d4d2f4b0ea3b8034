import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compareCodeUnits, sha256Hex } from '../../../support/index.ts';

/** The folders whose code decides what a program becomes, and what is known of it beside. */
const FOLDERS = ['support', 'ir', 'passes', 'cvm-bytecode', 'backends', 'cli'] as const;
/** C sources lie in src only, also where everything else is compiled into dist/src. */
const C_FOLDERS = ['backends/cpu/native/c', '../../src/backends/cpu/native/c'] as const;
/** Code files: neither tests, declarations nor maps. */
const CODE = /(?<![.]d|[.]test)[.](?:js|ts|c|h)$/;

/** The folder that holds those of the code, in a checkout, a build and a package. */
const codeRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'cvm-bytecode')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
};

const codeFiles = (folder: string): readonly string[] => {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return codeFiles(path);
    return CODE.test(entry.name) ? [path] : [];
  });
};

let stamp: string | undefined;

/**
 * Changes with every build of the compiler: a digest of the names, sizes and times of change of its files. With a version alone,
 * a checkout would recall programs of its own past. Costs a stat for each of some 400 files, once in a process.
 */
export const codeStamp = (): string => {
  if (stamp !== undefined) return stamp;
  const root = codeRoot();
  const lines = [...FOLDERS, ...C_FOLDERS]
    .flatMap((folder) => codeFiles(join(root, folder)))
    .map((path) => {
      const facts = statSync(path, { throwIfNoEntry: false });
      return `${path} ${facts?.size} ${facts?.mtimeMs}\n`;
    });
  stamp = sha256Hex(lines.sort(compareCodeUnits).join(''));
  return stamp;
};
