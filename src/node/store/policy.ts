/** A package of a store, as policies see it. Times are in seconds since 1970. */
export interface Held {
  /** In hex. */
  readonly hash: string;
  readonly size: number;
  readonly pinned: boolean;
  /** When it came. */
  readonly since: number;
  /** When it was asked for last. */
  readonly used: number;
}

/** A draft of a store. */
export interface HeldDraft {
  readonly hash: string;
  readonly size: number;
  /** When it was written to last. */
  readonly progress: number;
  /** Whether it is being written to. */
  readonly open: boolean;
}

/** Whether the chain names a package: registered, and not withdrawn past custody; undefined: not known yet. */
export type Referenced = (hash: string) => boolean | undefined;

/** Which packages a node keeps. Nothing on the consensus path depends on it. */
export interface StorePolicy {
  readonly name: 'full' | 'light';
  /** Whether a package of this size is fetched when the chain names it. */
  readonly fetches: (size: number) => boolean;
  /** Whether it may go though the chain names it, when room is needed. */
  readonly yields: (held: Held) => boolean;
  /** Whether it goes at a collection though the chain names it and there is room. */
  readonly sheds: (held: Held) => boolean;
}

/** Keeps whatever the chain names. */
export const fullPolicy: StorePolicy = { name: 'full', fetches: () => true, yields: () => false, sheds: () => false };

/** Keeps packages up to a size, while there is room: for machines with little disk. @param most - bytes */
export const lightPolicy = (most: number): StorePolicy => ({
  name: 'light',
  fetches: (size) => size <= most,
  yields: () => true,
  sheds: ({ size }) => size > most,
});

export interface Patience {
  /** A package that no registration names is kept for so many seconds after it came and after it was used. */
  readonly graceSeconds: number;
  /** The same when room is needed: long enough to register what was just uploaded. */
  readonly shortGraceSeconds: number;
  /** A draft without progress for so many seconds is given up. */
  readonly draftSeconds: number;
}

export const PATIENCE: Patience = { graceSeconds: 86_400, shortGraceSeconds: 3600, draftSeconds: 604_800 };

export interface Given {
  readonly hash: string;
  readonly size: number;
  readonly what: 'package' | 'draft';
  readonly reason: 'no registration names it' | 'above the size limit' | 'room is needed' | 'no progress';
}

export interface Holdings {
  readonly packages: readonly Held[];
  readonly drafts: readonly HeldDraft[];
}

/** Least recently used first; of the same second, by hash: the same on every machine. */
const byUse = (a: Held, b: Held): number => a.used - b.used || (a.hash < b.hash ? -1 : 1);

const given = (of: { readonly hash: string; readonly size: number }, what: Given['what'], reason: Given['reason']): Given => ({
  hash: of.hash,
  size: of.size,
  what,
  reason,
});

const staleDrafts = ({ drafts }: Holdings, now: number, seconds: number): readonly Given[] =>
  drafts
    .filter((d) => !d.open && now - d.progress > seconds)
    .sort((a, b) => a.progress - b.progress || (a.hash < b.hash ? -1 : 1))
    .map((d) => given(d, 'draft', 'no progress'));

const idle = (held: Held, now: number, seconds: number): boolean => now - Math.max(held.since, held.used) > seconds;

/** What a collection gives up, in this order. What is pinned is never in it. */
export const planCollection = (
  holdings: Holdings,
  policy: StorePolicy,
  referenced: Referenced,
  now: number,
  patience: Patience = PATIENCE,
): readonly Given[] => {
  const packages: Given[] = [];
  for (const held of [...holdings.packages].sort(byUse)) {
    if (held.pinned || !idle(held, now, patience.graceSeconds)) continue;
    if (referenced(held.hash) === false) packages.push(given(held, 'package', 'no registration names it'));
    else if (policy.sheds(held)) packages.push(given(held, 'package', 'above the size limit'));
  }
  return [...staleDrafts(holdings, now, patience.draftSeconds), ...packages];
};

/**
 * What is given up so that so many bytes are free: drafts that nobody goes on with, packages that no registration names, then what the
 * policy yields; no more than needed. @returns undefined when all of that is not enough: then nothing is given up
 */
export const planRoom = (
  holdings: Holdings,
  policy: StorePolicy,
  referenced: Referenced,
  now: number,
  bytes: number,
  patience: Patience = PATIENCE,
): readonly Given[] | undefined => {
  const sorted = holdings.packages.filter((p) => !p.pinned && idle(p, now, patience.shortGraceSeconds)).sort(byUse);
  const unnamed = sorted.filter((p) => referenced(p.hash) === false);
  const named = sorted.filter((p) => referenced(p.hash) !== false && policy.yields(p));
  const order = [
    ...staleDrafts(holdings, now, patience.shortGraceSeconds),
    ...unnamed.map((p) => given(p, 'package', 'no registration names it')),
    ...named.map((p) => given(p, 'package', 'room is needed')),
  ];
  const chosen: Given[] = [];
  let free = 0;
  for (const one of order) {
    if (free >= bytes) break;
    chosen.push(one);
    free += one.size;
  }
  return free >= bytes ? chosen : undefined;
};
