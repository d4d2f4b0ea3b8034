import type { ImportOptions, ImportReport } from '../../contract.ts';
import { damaged } from '../../import-problems.ts';
import { examineKeras } from '../examine.ts';

/** Options for a model with these files beside it. */
export const optionsFor = (
  file: string,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
  more: Partial<ImportOptions> = {},
): ImportOptions => ({
  file,
  beside: {
    read: (name) => {
      const bytes = files.get(name);
      return bytes === undefined ? { ok: false, diagnostics: [damaged('test', `no file ${name}`)] } : { ok: true, value: bytes };
    },
    has: (name) => files.has(name),
    list: () => [...files.keys()].sort(),
  },
  params: undefined,
  shapes: new Map(),
  randomParams: false,
  ...more,
});

export const examined = (bytes: Uint8Array, file = 'model.h5', more: Partial<ImportOptions> = {}): ImportReport =>
  examineKeras(bytes, optionsFor(file, new Map(), more));
