import { fromHex } from '../../support/index.ts';
import { stateOf } from '../catalog/query.ts';
import type { Fetcher } from '../store/fetcher.ts';
import { reasonOf } from '../store/transfer.ts';
import type { DevNode } from './node.ts';

export interface KeeperOptions {
  /** Brings what the chain names and the store lacks; left out: nothing is brought. */
  readonly fetcher?: Fetcher | undefined;
  /** Milliseconds between two looks at the chain. */
  readonly lookMs?: number;
  /** Milliseconds between two collections. */
  readonly collectMs?: number;
}

const LOOK_MS = 1000;
const COLLECT_MS = 300_000;

/** Keeps a store in step with its chain: what is registered is fetched, what the policy gives up goes. @returns ends it */
export const keepStore = (
  node: DevNode,
  { fetcher, lookMs = LOOK_MS, collectMs = COLLECT_MS }: KeeperOptions = {},
): (() => Promise<void>) => {
  const { objects, catalog, chain } = node;
  let seen = '';
  /** Packages that were asked for since they were named: the fetcher tries them again by itself, and gives up. */
  let asked = new Set<string>();
  const named = new Map<string, number>();
  let whole = false;
  objects.setReferences((hash) => (named.has(hash) ? true : whole ? false : undefined));

  const look = async (): Promise<void> => {
    await catalog.sync();
    if (catalog.at.hash === seen) return;
    seen = catalog.at.hash;
    named.clear();
    for (const model of catalog.all())
      if (stateOf(model, chain.cvm.params, catalog.at.number + 1) !== 'withdrawn') named.set(model.hash.slice(2), model.size);
    whole = catalog.leftOut === 0;
    if (fetcher === undefined) return;
    asked = new Set([...asked].filter((hash) => named.has(hash)));
    for (const [hash, size] of named) {
      if (asked.has(hash) || (await objects.has(fromHex(hash)))) continue;
      asked.add(hash);
      void fetcher.want(fromHex(hash), size, []);
    }
  };

  let last: Promise<void> = Promise.resolve();
  let busy = false;
  const soon = (work: () => Promise<unknown>): void => {
    if (busy) return;
    busy = true;
    last = work()
      .then(() => undefined)
      .catch((error: unknown) => node.log.error({ reason: reasonOf(error) }, 'the store is not kept in step with the chain'))
      .finally(() => (busy = false));
  };
  const looking = setInterval(() => soon(look), lookMs);
  const collecting = setInterval(() => soon(() => look().then(objects.collect)), collectMs);
  looking.unref();
  collecting.unref();
  return async () => {
    clearInterval(looking);
    clearInterval(collecting);
    await last;
    await fetcher?.close();
  };
};
