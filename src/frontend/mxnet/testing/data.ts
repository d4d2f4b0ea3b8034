import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fail } from '../../../support/index.ts';
import type { FilesBeside, ImportReport } from '../../contract.ts';
import { incomplete } from '../../import-problems.ts';
import { mxnet } from '../index.ts';

/** Real models and labelled data, not part of the repository: CORTEXC_DATA, else ../shared/data. */
const DATA = resolve(process.env['CORTEXC_DATA'] ?? join(import.meta.dirname, '../../../../../shared/data'));
export const dataPath = (...parts: readonly string[]): string => join(DATA, ...parts);
export const hasData = (): boolean => existsSync(dataPath('mxnet'));

/** Files held in memory. */
export const filesOf = (files: Readonly<Record<string, Uint8Array>>): FilesBeside => ({
  has: (name) => Object.hasOwn(files, name),
  list: () => Object.keys(files).sort(),
  read: (name) => {
    const bytes = files[name];
    return bytes === undefined ? fail(incomplete(`there is no ${name}`)) : { ok: true, value: bytes };
  },
});

export interface Given {
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  readonly randomParams?: boolean;
  readonly params?: Uint8Array;
  readonly beside?: FilesBeside;
  readonly file?: string;
}

/** What is examined of bytes, with nothing beside them unless it is given. */
export const examined = (bytes: Uint8Array, given: Given = {}): ImportReport => {
  const report = mxnet.examine(bytes, {
    file: given.file ?? 'm-symbol.json',
    beside: given.beside ?? filesOf({}),
    params: given.params,
    shapes: new Map(Object.entries(given.shapes ?? {})),
    randomParams: given.randomParams ?? false,
  });
  if (report instanceof Promise) throw new TypeError('examine of this format is synchronous');
  return report;
};

/** A model of the data folder, with what stands beside it. */
export const examinedFile = (path: string, given: Given = {}): ImportReport => {
  const folder = dataPath(dirname(path));
  const names = readdirSync(folder);
  const beside: FilesBeside = {
    has: (name) => names.includes(name),
    list: () => [...names].sort(),
    read: (name) => ({ ok: true, value: new Uint8Array(readFileSync(join(folder, name))) }),
  };
  return examined(new Uint8Array(readFileSync(dataPath(path))), { beside, file: basename(path), ...given });
};
