import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { invariant } from '../../../support/index.ts';
import type { EmittedFile } from '../../backend.ts';

/** Gives the JavaScript of a file of this folder, named without extension, such as `browser/loader`; undefined when there is none. */
export type ReadScript = (name: string) => string | undefined;

/** Beside this file lie the compiled ones; in TypeScript, which only tests run, what was built last lies in dist. */
const PLACES = ['./', '../../../../dist/src/backends/cpu/wasm/'] as const;

const readFile = (path: string): string | undefined => {
  try {
    return readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
  } catch {
    return undefined;
  }
};

const firstOf = (names: readonly string[]): string | undefined => {
  for (const place of PLACES)
    for (const name of names) {
      const text = readFile(`${place}${name}`);
      if (text !== undefined) return text;
    }
  return undefined;
};

/** What the build made of the TypeScript. */
export const readCompiled: ReadScript = (name) => firstOf([`${name}.js`]);

const IMPORT = /^import (?:type )?\{([^}]*)\} from ['"]([^'"]+)['"];\n/gm;
const RE_EXPORT = /^export \{([^}]*)\};\n/gm;
const DECLARATION = /^(?:export )?(?:async )?(?:const|let|class|function) (\w+)/gm;

/** @param from - a file, such as `browser/loader`. @param to - what it imports, such as `../runtime/session.ts` */
const resolveName = (from: string, to: string): string => {
  const url = new URL(to.replace(/\.[jt]s$/, ''), `file:///${from}`);
  return url.pathname.slice(1);
};

const withoutMap = (text: string): string => text.replace(/^\/\/# sourceMappingURL=.*\n?/m, '');

/**
 * One module that has the same code as a file and all that it imports, without any import: files in the order in which they need each other,
 * import lines left out, and only what the entry exports exported. Names at the top of files have to be different ones, which is checked.
 */
export const bundle = (entry: string, read: ReadScript): string => {
  const parts = new Map<string, string>();
  const owners = new Map<string, string>();
  const visiting = new Set<string>();
  const visit = (name: string): void => {
    if (parts.has(name) || visiting.has(name)) return;
    visiting.add(name);
    const text = read(name);
    invariant(text !== undefined, `src/backends/cpu/wasm/${name} is missing from the package`);
    for (const [, , to = ''] of text.matchAll(IMPORT)) visit(resolveName(name, to));
    for (const [, declared = ''] of text.matchAll(DECLARATION)) {
      const owner = owners.get(declared);
      invariant(owner === undefined, `${declared} is declared by ${owner} and ${name}, which share a module`);
      owners.set(declared, name);
    }
    const body = withoutMap(text).replace(IMPORT, '');
    parts.set(name, name === entry ? body : body.replace(RE_EXPORT, '').replace(/^export /gm, ''));
  };
  visit(entry);
  return [...parts.values()].map((part) => part.trim()).join('\n\n');
};

/** The one file beside which another is emitted: all lie in one folder. */
const flat = (name: string, read: ReadScript): string => {
  const text = read(name);
  invariant(text !== undefined, `src/backends/cpu/wasm/${name} is missing from the package`);
  return withoutMap(text).replace(/(from ['"]\.\/[\w-]+)\.ts(?=['"])/g, '$1.js');
};

const BANNER = `// Written by cortexc. It is the same for all models.\n`;

/** Everything of an emitted folder that does not depend on the model. */
export const scriptFiles = (read: ReadScript = readCompiled): readonly EmittedFile[] => {
  const types = firstOf(['browser/api.d.ts', 'browser/api.ts']);
  invariant(types !== undefined, 'src/backends/cpu/wasm/browser/api is missing from the package');
  const file = (name: string, text: string): EmittedFile => ({ name, content: `${BANNER}${text.trim()}\n` });
  return [
    file('loader.js', bundle('browser/loader', read)),
    file('loader.d.ts', withoutMap(types)),
    file('vectors.js', flat('browser/vectors', read)),
    file('demo.js', flat('browser/demo', read)),
    file('check.mjs', flat('browser/check', read)),
    file('serve.mjs', flat('browser/serve', read)),
  ];
};
