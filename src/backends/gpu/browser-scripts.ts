import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invariant } from '../../support/index.ts';
import type { EmittedFile } from '../backend.ts';

/** Gives the JavaScript of a file of a folder, such as `host/loader`; undefined when there is none. */
export type ReadScript = (name: string) => string | undefined;

/**
 * Scripts beside a module, compiled. In TypeScript, which only tests run, what was built last lies in dist.
 * @param module - `import.meta.url` of a module of the folder   @param folder - its path in the repository
 */
export const compiledScripts = (module: string, folder: string): ReadScript => {
  const up = folder.replace(/[^/]+/g, '..');
  return (name) => {
    for (const place of ['.', `${up}/dist/${folder}`]) {
      try {
        return readFileSync(fileURLToPath(new URL(`${place}/${name}.js`, module)), 'utf8');
      } catch {
        // the next place
      }
    }
    return undefined;
  };
};

/** A script of the folder `host` for an emitted folder, where it lies beside the others it imports. */
export const hostScript = (name: string, read: ReadScript): EmittedFile => {
  const text = read(`host/${name}`);
  invariant(text !== undefined, `the script host/${name} is missing from the package`);
  const flat = text.replace(/^\/\/# sourceMappingURL=.*\n?/m, '').replace(/(from ['"]\.\/[\w-]+)\.ts(?=['"])/g, '$1.js');
  return { name: `${name}.js`, content: `// Written by cortexc. It is the same for all models.\n${flat.trim()}\n` };
};
