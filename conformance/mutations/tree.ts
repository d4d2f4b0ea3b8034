import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transformSync } from '@swc/core';

/** The JavaScript of one TypeScript file; imports of `.ts` files name the `.js` ones. */
export const transpile = (text: string, path: string): string =>
  transformSync(text, {
    filename: path,
    configFile: false,
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' }, transform: { verbatimModuleSyntax: true } },
    module: { type: 'es6' },
  }).code.replace(/((?:from|import|import\()\s*)(["'])(\.{1,2}\/[^"']*)\.ts\2/g, '$1$2$3.js$2');

/** Sources below `folder`, relative to `root`, without tests. */
const sourcesOf = (root: string, folder: string): readonly string[] =>
  readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && e.name.endsWith('.ts') && !e.name.endsWith('.test.ts'))
    .map((e) => join(e.parentPath ?? e.path, e.name).slice(root.length + 1));

/** Writes one source of the tree as JavaScript. */
export const writeSource = (tree: string, path: string, text: string): void => {
  const to = join(tree, path.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, transpile(text, path));
};

/** A copy of the sources that Node runs: `folders` of the repository as JavaScript, its packages by a link. */
export const writeTree = (root: string, tree: string, folders: readonly string[]): void => {
  for (const path of folders.flatMap((folder) => sourcesOf(root, folder))) writeSource(tree, path, readFileSync(join(root, path), 'utf8'));
  writeFileSync(join(tree, 'package.json'), '{ "name": "tree", "version": "0.0.0", "type": "module" }\n');
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'), 'junction');
};
