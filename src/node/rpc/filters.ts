import { randomBytes } from 'node:crypto';
import type { Block } from '@ethereumjs/block';
import type { ChainWatcher } from '../chain/chain.ts';
import { Queue } from '../evm/queue.ts';
import type { Caller } from './caller.ts';
import { hex } from './fields.ts';
import { limitExceeded, notFound, RpcError } from './rpc-error.ts';

/** Filters of all clients at most. By HTTP nobody says that a client is gone: one that is not asked for is given up. */
const MAX_FILTERS = 1024;
const IDLE_MS = 5 * 60_000;
/** Subscriptions of all connections, and of one. */
const MAX_SUBSCRIPTIONS = 2048;
const MAX_OF_ONE = 32;
/** Blocks that are looked through for logs at a time. */
const STEP = 256;
/** Results of one answer, from where on the rest comes with the next. */
const ENOUGH = 5_000;
/** Hashes of blocks in one answer. */
const MAX_HASHES = 10_000;

/** What filters see of a chain. */
export interface FilterSource {
  readonly head: () => number;
  readonly hashes: (from: number, to: number) => Promise<readonly string[]>;
  /** Logs of blocks that fit a filter as `eth_getLogs` takes it. @throws {RpcError} limit */
  readonly logs: (filter: object, from: number, to: number) => Promise<readonly unknown[]>;
  /** A header as `newHeads` shows it. */
  readonly headView: (block: Block) => unknown;
  /** Tells of each new head, and of the height that the chain went back to. */
  readonly watch: (told: ChainWatcher) => void;
}

interface Filter {
  /** Undefined: hashes of blocks. */
  readonly logs: object | undefined;
  /** Number of the last block that was told. */
  seen: number;
  usedAt: number;
}

interface Subscription {
  readonly id: string;
  readonly logs: object | undefined;
  readonly send: (text: string) => void;
}

/** Filters that clients ask for news, and connections that are told of them. All of it is bounded, and ends with the process. */
export class Filters {
  private readonly source: FilterSource;
  private readonly clock: () => number;
  private readonly filters = new Map<string, Filter>();
  private readonly subscriptions = new Map<Caller, Map<string, Subscription>>();
  private total = 0;
  private readonly queue = new Queue();

  /** @param clock - milliseconds, for what is idle */
  constructor(source: FilterSource, clock: () => number) {
    this.source = source;
    this.clock = clock;
    source.watch({
      added: (block) => void this.queue.run(() => this.tell(block)),
      // what was told of blocks that are gone stays told; blocks in their place are new
      wentBack: (height) => {
        for (const filter of this.filters.values()) filter.seen = Math.min(filter.seen, height);
      },
    });
  }

  /** @param logs - a filter of logs; undefined: new blocks. @throws {RpcError} limit, or the filter is none */
  async create(logs: object | undefined): Promise<string> {
    const seen = this.source.head();
    // a filter that cannot be read is refused now, not when it is asked
    if (logs !== undefined) await this.source.logs(logs, seen, seen);
    const now = this.clock();
    for (const [id, filter] of this.filters) if (now - filter.usedAt > IDLE_MS) this.filters.delete(id);
    if (this.filters.size >= MAX_FILTERS)
      throw limitExceeded(`${MAX_FILTERS} filters are open: uninstall one, or wait until one that nobody asks is given up`);
    const id = newId();
    this.filters.set(id, { logs, seen, usedAt: now });
    return id;
  }

  uninstall(id: string): boolean {
    return this.filters.delete(id);
  }

  /** The filter of logs that an id stands for. @throws {RpcError} there is none */
  logsOf(id: string): object {
    const { logs } = this.get(id);
    if (logs === undefined) throw notFound(`filter of logs ${id}`);
    return logs;
  }

  /** News since the last time; with very much of it the rest comes the next time. @throws {RpcError} no such filter */
  async changes(id: string): Promise<readonly unknown[]> {
    const filter = this.get(id);
    const head = this.source.head();
    const first = filter.seen + 1;
    if (filter.logs === undefined) {
      const last = Math.min(head, filter.seen + MAX_HASHES);
      const hashes = await this.source.hashes(first, last);
      filter.seen = Math.max(filter.seen, first - 1 + hashes.length);
      return hashes;
    }
    const found: unknown[] = [];
    for (let from = first; from <= head && found.length < ENOUGH; ) {
      const [logs, to] = await this.step(filter.logs, from, Math.min(head, from + STEP - 1), found.length === 0);
      if (to < from) break;
      found.push(...logs);
      filter.seen = to;
      from = to + 1;
    }
    return found;
  }

  /** Logs of blocks, of fewer where there are too many. @returns the last block too; one before `from` where even one has too many */
  private async step(logs: object, from: number, to: number, first: boolean): Promise<readonly [readonly unknown[], number]> {
    for (let last = to; ; last = from + Math.floor((last - from) / 2))
      try {
        return [await this.source.logs(logs, from, last), last];
      } catch (error) {
        if (!(error instanceof RpcError) || error.code !== -32005) throw error;
        if (last > from) continue;
        // what was found before it is told first
        if (first) throw error;
        return [[], from - 1];
      }
  }

  private get(id: string): Filter {
    const filter = this.filters.get(id);
    if (filter === undefined) throw notFound(`filter ${id.slice(0, 80)}`);
    filter.usedAt = this.clock();
    return filter;
  }

  /** @param logs - a filter of logs; undefined: new heads. @throws {RpcError} limit, or the filter is none */
  async subscribe(caller: Caller, send: (text: string) => void, logs: object | undefined): Promise<string> {
    const head = this.source.head();
    if (logs !== undefined) await this.source.logs(logs, head, head);
    const own = this.subscriptions.get(caller) ?? new Map<string, Subscription>();
    if (own.size >= MAX_OF_ONE) throw limitExceeded(`this connection has ${MAX_OF_ONE} subscriptions: end one`);
    if (this.total >= MAX_SUBSCRIPTIONS) throw limitExceeded(`${MAX_SUBSCRIPTIONS} subscriptions are open`);
    // it went while its filter was tried: nobody would end the subscription
    if (caller.gone()) throw limitExceeded('the connection ended');
    if (!this.subscriptions.has(caller)) {
      this.subscriptions.set(caller, own);
      caller.onClose(() => {
        this.total -= own.size;
        own.clear();
        this.subscriptions.delete(caller);
      });
    }
    const id = newId();
    own.set(id, { id, logs, send });
    this.total++;
    return id;
  }

  unsubscribe(caller: Caller, id: string): boolean {
    const done = this.subscriptions.get(caller)?.delete(id) === true;
    if (done) this.total--;
    return done;
  }

  /** Filters and subscriptions that are open. */
  get counts(): { readonly filters: number; readonly subscriptions: number } {
    return { filters: this.filters.size, subscriptions: this.total };
  }

  private async tell(block: Block): Promise<void> {
    if (this.total === 0) return;
    const number = Number(block.header.number);
    const head = this.source.headView(block);
    const news = (id: string, result: unknown): string =>
      JSON.stringify({ jsonrpc: '2.0', method: 'eth_subscription', params: { subscription: id, result } });
    for (const own of this.subscriptions.values())
      for (const { id, logs, send } of own.values()) {
        if (logs === undefined) {
          send(news(id, head));
          continue;
        }
        try {
          for (const log of await this.source.logs(logs, number, number)) if (own.has(id)) send(news(id, log));
        } catch (error) {
          // the block has more logs than an answer holds, or the chain went back: who counts on all of them asks eth_getLogs
          if (!(error instanceof RpcError)) throw error;
        }
      }
  }
}

/** Not to be guessed: whoever knows it can end the filter. */
const newId = (): string => hex(randomBytes(16));
