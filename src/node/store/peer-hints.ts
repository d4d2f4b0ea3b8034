import { joinBytes, toHex } from '../../support/index.ts';
import type { Transport, Wanted } from './contract.ts';
import { within } from './transfer.ts';

/** Peers that are asked, hints that are taken of each, and their length. */
const MAX_PEERS = 16;
const MAX_HINTS = 16;
const MAX_HINT = 4096;
const MAX_ANSWER_BYTES = 2 ** 17;
const ANSWER_MS = 5000;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

/** An answer that is no longer than it may be. */
const readAnswer = async (response: Response): Promise<unknown> => {
  const parts: Uint8Array[] = [];
  let count = 0;
  for await (const part of response.body ?? []) {
    count += part.length;
    if (count > MAX_ANSWER_BYTES) return undefined;
    parts.push(part);
  }
  return JSON.parse(new TextDecoder().decode(joinBytes(parts)));
};

/** Asks a node by its RPC where a package is. Whatever goes wrong: it knows no place. */
const hintsOf = async (url: string, hash: Uint8Array, signal: AbortSignal): Promise<readonly string[]> => {
  const ended = new AbortController();
  const ask = async (): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'cortex_packageHints', params: [`0x${toHex(hash)}`] });
    const headers = { 'content-type': 'application/json' };
    return readAnswer(await fetch(url, { method: 'POST', redirect: 'error', headers, body, signal: ended.signal }));
  };
  try {
    const answer = await within(ask(), ANSWER_MS, signal, url);
    const list: unknown = isRecord(answer) ? answer['result'] : undefined;
    if (!Array.isArray(list)) return [];
    return list.filter((hint): hint is string => typeof hint === 'string' && hint.length <= MAX_HINT).slice(0, MAX_HINTS);
  } catch {
    return [];
  } finally {
    ended.abort();
  }
};

/** A transport that asks the nodes which this one knows where a package is, beside what is known already. @param peers - URLs of their RPC */
export const withPeerHints = (transport: Transport, peers: readonly string[]): Transport => {
  const more = async (wanted: Wanted, signal: AbortSignal): Promise<Wanted> => {
    const found = await Promise.all(peers.slice(0, MAX_PEERS).map((url) => hintsOf(url, wanted.hash, signal)));
    return { ...wanted, hints: [...new Set([...wanted.hints, ...found.flat()])] };
  };
  return {
    name: transport.name,
    sizeOf: async (wanted, signal) => (transport.sizeOf === undefined ? wanted.size : transport.sizeOf(await more(wanted, signal), signal)),
    fetch: async (wanted, draft, signal) => transport.fetch(await more(wanted, signal), draft, signal),
    offer: (hash, file) => transport.offer(hash, file),
    withdraw: (hash) => transport.withdraw(hash),
    close: () => transport.close(),
  };
};
