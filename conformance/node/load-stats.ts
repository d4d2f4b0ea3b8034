/** Latencies of one kind of request, in buckets of an eighth of a power of two: any number of them in bounded room. */
export interface KindStats {
  count: number;
  errors: number;
  /** Refused because too much was asked of the node. */
  busy: number;
  buckets: number[];
}

/** What client processes tell the one that started them. */
export interface ClientReport {
  readonly kinds: Readonly<Record<string, KindStats>>;
  /** Answers that are not what the chain says. */
  readonly wrong: readonly string[];
  readonly errors: Readonly<Record<string, number>>;
}

const PER_DOUBLING = 8;
const bucketOf = (ms: number): number => Math.max(0, Math.round(PER_DOUBLING * Math.log2(Math.max(ms, 0.125) * 8)));
/** Upper end of a bucket, in milliseconds. */
const msOf = (bucket: number): number => 2 ** ((bucket + 0.5) / PER_DOUBLING) / 8;

/** Counts of a client process. */
export class Stats {
  private readonly kinds = new Map<string, KindStats>();
  private readonly errors = new Map<string, number>();
  private readonly wrong: string[] = [];

  private kind(name: string): KindStats {
    const have = this.kinds.get(name) ?? { count: 0, errors: 0, busy: 0, buckets: [] };
    this.kinds.set(name, have);
    return have;
  }
  done(name: string, ms: number): void {
    const kind = this.kind(name);
    const bucket = bucketOf(ms);
    kind.count++;
    kind.buckets[bucket] = (kind.buckets[bucket] ?? 0) + 1;
  }
  failed(name: string, what: string): void {
    this.kind(name).errors++;
    this.errors.set(what, (this.errors.get(what) ?? 0) + 1);
  }
  busy(name: string): void {
    this.kind(name).busy++;
  }
  /** @param what - bounded: the first are enough */
  mistake(what: string): void {
    if (this.wrong.length < 20) this.wrong.push(what);
  }
  report(): ClientReport {
    return { kinds: Object.fromEntries(this.kinds), wrong: this.wrong, errors: Object.fromEntries(this.errors) };
  }
}

/** The latency in milliseconds that a share of requests stays below. */
export const quantile = ({ buckets, count }: KindStats, share: number): number => {
  let left = share * count;
  for (const [bucket, n] of buckets.entries()) {
    left -= n ?? 0;
    if (left <= 0) return msOf(bucket);
  }
  return 0;
};

export const sum = (all: readonly KindStats[]): KindStats => {
  const total: KindStats = { count: 0, errors: 0, busy: 0, buckets: [] };
  for (const k of all) {
    total.count += k.count;
    total.errors += k.errors;
    total.busy += k.busy;
    for (const [b, n] of k.buckets.entries()) total.buckets[b] = (total.buckets[b] ?? 0) + (n ?? 0);
  }
  return total;
};

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
