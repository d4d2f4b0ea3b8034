import type { PrefixedHexString } from '@ethereumjs/util';
import type { CvmParams } from '../evm/params.ts';
import type { Catalog, CatalogModel } from './catalog.ts';
import type { Names } from './names.ts';

export const STATES = ['registered', 'uploading', 'maturing', 'usable', 'leaving', 'withdrawn'] as const;
/** Where a model is in its life; `leaving`: withdrawn, and runs for the blocks of custody. */
export type ModelState = (typeof STATES)[number];

/** @param next - number of the block that calls and transactions run in */
export const stateOf = (m: CatalogModel, params: CvmParams, next: number): ModelState => {
  if (m.withdrawn > 0) return next > m.withdrawn + Number(params.custodyBlocks) ? 'withdrawn' : 'leaving';
  if (m.remaining > 0) return m.remaining === m.size ? 'registered' : 'uploading';
  return next < m.ready + Number(params.matureBlocks) ? 'maturing' : 'usable';
};

/** What models are asked for; what is left out does not matter. */
export interface ModelQuery {
  readonly address?: string | undefined;
  readonly hash?: string | undefined;
  readonly author?: string | undefined;
  /** A part of the name; capitals are the same as small letters of ASCII. Models whose package is not here have none. */
  readonly name?: string | undefined;
  /** A dtype, a shape, or both, of any input or output: `i8`, `[1,28,28]`, `i8[1,28,28]`. */
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  readonly state?: ModelState | undefined;
  readonly minSize?: number | undefined;
  readonly maxSize?: number | undefined;
  readonly maxGas?: number | undefined;
  readonly minRuns?: number | undefined;
}

export const ORDERS = ['block', 'runs', 'fees', 'size', 'gas'] as const;
/** By which number, the greatest first. */
export type ModelOrder = (typeof ORDERS)[number];

export interface Page {
  readonly models: readonly CatalogModel[];
  /** Models that the query fits. */
  readonly total: number;
  /** Where the next page begins; undefined: this is the last. */
  readonly next: Cursor | undefined;
}

/** The last model of a page. */
export interface Cursor {
  readonly key: number;
  readonly address: PrefixedHexString;
}

const lower = (text: string): string => text.replace(/[A-Z]/g, (c) => c.toLowerCase());

const typeFits = (types: readonly string[], wanted: string): boolean => {
  if (wanted.startsWith('[')) return types.some((t) => t.endsWith(wanted));
  return wanted.includes('[') ? types.includes(wanted) : types.some((t) => t.startsWith(`${wanted}[`));
};

const fits = (q: ModelQuery, m: CatalogModel, names: Names, state: (m: CatalogModel) => ModelState): boolean =>
  (q.address === undefined || m.address === q.address) &&
  (q.hash === undefined || m.hash === q.hash) &&
  (q.author === undefined || m.author === q.author) &&
  (q.minSize === undefined || m.size >= q.minSize) &&
  (q.maxSize === undefined || m.size <= q.maxSize) &&
  (q.maxGas === undefined || m.gas <= q.maxGas) &&
  (q.minRuns === undefined || m.runs >= q.minRuns) &&
  (q.input === undefined || typeFits(m.inputs, q.input)) &&
  (q.output === undefined || typeFits(m.outputs, q.output)) &&
  (q.state === undefined || state(m) === q.state) &&
  (q.name === undefined || lower(names.get(m.hash)?.name ?? '').includes(lower(q.name)));

/** Whether a model stands before another; addresses decide between equals. */
const before = (a: Cursor, b: Cursor): boolean => a.key > b.key || (a.key === b.key && a.address < b.address);

export interface PageRequest {
  readonly order: ModelOrder;
  readonly limit: number;
  readonly after: Cursor | undefined;
}

/** The models that a query fits, a page of them: one pass, however many there are, that holds a page. */
export const selectModels = (
  { catalog, names, params }: { readonly catalog: Catalog; readonly names: Names; readonly params: CvmParams },
  query: ModelQuery,
  { order, limit, after }: PageRequest,
): Page => {
  const next = catalog.at.number + 1;
  const state = (m: CatalogModel): ModelState => stateOf(m, params, next);
  const page: { readonly at: Cursor; readonly model: CatalogModel }[] = [];
  let total = 0;
  for (const model of catalog.all()) {
    if (!fits(query, model, names, state)) continue;
    total++;
    const at: Cursor = { key: model[order], address: model.address };
    if (after !== undefined && !before(after, at)) continue;
    const last = page[limit];
    if (last !== undefined && !before(at, last.at)) continue;
    let [low, high] = [0, page.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = page[middle];
      if (there !== undefined && before(there.at, at)) low = middle + 1;
      else high = middle;
    }
    page.splice(low, 0, { at, model });
    // one more than the page tells whether there is another
    if (page.length > limit + 1) page.pop();
  }
  const models = page.slice(0, limit).map((p) => p.model);
  return { models, total, next: page.length > limit ? page[limit - 1]?.at : undefined };
};
