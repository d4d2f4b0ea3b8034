import { type ByteSource, toHex } from '../../support/index.ts';
import type { PackageDraft, Transport, Wanted } from './contract.ts';
import { StoreFull } from './disk.ts';
import { gapsOf, type Range } from './ranges.ts';
import { checkSignal, reasonOf, TransferError, within } from './transfer.ts';

export interface HttpTransportOptions {
  /** Nodes that are asked for every package: `http://HOST:PORT`. */
  readonly peers?: readonly string[];
  /** Told of peers that are left. */
  readonly tell?: (line: string) => void;
  /** Milliseconds without a byte after which a peer is left. */
  readonly patienceMs?: number;
}

/** Bytes of a request. */
const PIECE_BYTES = 2 ** 22;
/** Peers of a package that are asked at a time. */
const MAX_PEERS = 8;
const PATIENCE_MS = 10_000;
const MAX_SIZE = 2 ** 36;
/** Packages about which it is remembered who sent what was refused. */
const MAX_REMEMBERED = 256;

/** What is remembered of a package until it is here. */
interface Memory {
  /** Peers that sent something else. */
  readonly liars: Set<string>;
  /** Who sent all of what was finished last: if it is asked for again, that was refused. */
  last: readonly string[] | undefined;
  tries: number;
}

/** The start of a URL of a node; undefined: none. Nothing else of a hint is used, so that it cannot make a node ask for another path. */
export const nodeUrl = (hint: string): string | undefined => {
  try {
    const url = new URL(hint);
    if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username !== '' || url.password !== '') return undefined;
    return url.origin;
  } catch {
    return undefined;
  }
};

/** Packages from other nodes by HTTP (`GET /packages/HASH`), ranges from several at a time. */
export const createHttpTransport = ({
  peers = [],
  tell = () => undefined,
  patienceMs = PATIENCE_MS,
}: HttpTransportOptions = {}): Transport => {
  const remembered = new Map<string, Memory>();
  const closing = new AbortController();

  const memoryOf = (hash: string): Memory => {
    const memory = remembered.get(hash) ?? { liars: new Set<string>(), last: undefined, tries: 0 };
    remembered.delete(hash);
    remembered.set(hash, memory);
    const [oldest] = remembered.keys();
    if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    return memory;
  };

  const sourcesOf = ({ hints }: Wanted, memory: Memory): readonly string[] => {
    const urls = [...new Set([...peers, ...hints].flatMap((hint) => nodeUrl(hint) ?? []))];
    return urls.filter((url) => !memory.liars.has(url)).slice(0, MAX_PEERS);
  };

  const ask = async (url: string, init: RequestInit, signal: AbortSignal): Promise<Response> => {
    const both = AbortSignal.any([signal, closing.signal]);
    const asked = fetch(url, { ...init, signal: both, redirect: 'error' });
    return within(asked, patienceMs, both, new URL(url).host);
  };

  /** Size of the file at a peer; undefined: it has none. */
  const sizeAt = async (url: string, hash: string, signal: AbortSignal): Promise<number | undefined> => {
    try {
      const response = await ask(`${url}/packages/${hash}`, { method: 'HEAD' }, signal);
      const size = Number(response.headers.get('content-length'));
      return response.status === 200 && Number.isSafeInteger(size) && size > 0 && size <= MAX_SIZE ? size : undefined;
    } catch {
      return undefined;
    }
  };

  /** Brings a range from a peer. What came is in the draft even when it ends early. */
  const bring = async (url: string, [from, to]: Range, draft: PackageDraft, signal: AbortSignal): Promise<void> => {
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const response = await ask(`${url}/packages/${toHex(draft.hash)}`, { headers: { range: `bytes=${from}-${to - 1}` } }, both);
    try {
      const wanted = `bytes ${from}-${to - 1}/${draft.size}`;
      if (response.status === 404 || response.status === 202) throw new TransferError('it does not have the package');
      if (response.status !== 206) throw new TransferError(`it answers ${response.status} to a range`);
      if (response.headers.get('content-range') !== wanted)
        throw new TransferError(
          `it sends ${(response.headers.get('content-range') ?? 'no range').slice(0, 60)} where ${wanted} was asked for`,
        );
      const reader = response.body?.getReader();
      if (reader === undefined) throw new TransferError('it sends nothing');
      let at = from;
      while (at < to) {
        const { done, value } = await within(reader.read(), patienceMs, both, 'it');
        if (done) throw new TransferError(`it ended after ${at - from} of ${to - from} bytes`);
        if (at + value.length > to) throw new TransferError(`it sends more than the ${to - from} bytes that were asked for`);
        await draft.write(at, value);
        at += value.length;
      }
    } finally {
      // a body that is not read to its end holds its connection
      stop.abort();
    }
  };

  return {
    name: 'http',
    sizeOf: async (wanted, signal) => {
      const name = toHex(wanted.hash);
      const memory = memoryOf(name);
      const sizes = (await Promise.all(sourcesOf(wanted, memory).map((url) => sizeAt(url, name, signal)))).filter((s) => s !== undefined);
      checkSignal(signal);
      // peers may have it in different forms, and one may lie: another is taken when it was tried before
      const distinct = [...new Set(sizes)].sort(
        (a, b) => sizes.filter((s) => s === b).length - sizes.filter((s) => s === a).length || a - b,
      );
      return distinct[memory.tries % Math.max(1, distinct.length)];
    },
    // the node's own server sends what the store has: `GET /packages`
    offer: (_hash: Uint8Array, _file: ByteSource) => Promise.resolve([]),
    withdraw: () => Promise.resolve(),
    fetch: async (wanted, draft, signal) => {
      const name = toHex(wanted.hash);
      const memory = memoryOf(name);
      if (memory.last !== undefined && draft.present().length === 0) {
        const [only, ...others] = memory.last;
        if (only !== undefined && others.length === 0) {
          memory.liars.add(only);
          tell(`package ${name}: ${only} sent what is not the package; it is not asked for it again`);
        }
      }
      // once several peers together sent what was refused, one at a time is asked, so that it is seen which one lies
      const alone = memory.last !== undefined;
      memory.last = undefined;
      const all = sourcesOf(wanted, memory);
      const [first] = all;
      if (first === undefined) throw new TransferError('no other node is known that has it');
      const turn = all[memory.tries++ % all.length] ?? first;
      const asked = alone ? [turn, ...all.filter((url) => url !== turn)] : all;
      const gaps = [...gapsOf(draft.present(), draft.size, PIECE_BYTES)];
      const senders = new Set<string>();
      const reasons: string[] = [];
      const serve = async (url: string): Promise<void> => {
        for (let gap = gaps.shift(); gap !== undefined; gap = gaps.shift())
          try {
            checkSignal(signal);
            senders.add(url);
            await bring(url, gap, draft, signal);
          } catch (error) {
            gaps.unshift(gap);
            // a disk that is full is no fault of a peer
            if (error instanceof StoreFull || signal.aborted) throw error;
            const reason = `${url}: ${reasonOf(error)}`;
            reasons.push(reason);
            tell(`package ${name}: ${reason}; it is left`);
            return;
          }
      };
      if (alone) for (const url of asked) await serve(url);
      else {
        const done = await Promise.allSettled(asked.map(serve));
        const failed = done.find((d) => d.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
        // what peers that were left did not bring, those that served bring now
        for (const url of asked.filter((u) => senders.has(u) && !reasons.some((r) => r.startsWith(`${u}:`)))) await serve(url);
      }
      const [missing] = gapsOf(draft.present(), draft.size, PIECE_BYTES);
      if (missing !== undefined) throw new TransferError(reasons.join('; ').slice(0, 1000) || 'no peer sent all of it');
      memory.last = [...senders];
    },
    close: () => {
      closing.abort();
      return Promise.resolve();
    },
  };
};
