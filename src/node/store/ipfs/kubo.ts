import { randomBytes } from 'node:crypto';
import { blockCid, type BlockName, blockPlaces } from '../../../cvm-bytecode/index.ts';
import { type ByteSource, joinBytes, sha256, sourcePieces, toHex } from '../../../support/index.ts';
import type { Transport, Wanted } from '../contract.ts';
import { SizeChoice } from '../size-choice.ts';
import { checkSignal, reasonOf, TransferError, within } from '../transfer.ts';
import { assemble, fileSizes, MAX_BLOCK_BYTES, storageHint } from './assemble.ts';
import { PEER_ADDRESS } from './transport.ts';

/** Bytes of an answer that is no block. */
const MAX_ANSWER_BYTES = 2 ** 20;
/** Names in one request to pin: the address of a request is bounded. */
const PINS_PER_REQUEST = 64;
const MAX_PEERS = 16;
const IDLE_MS = 30_000;

export interface KuboOptions {
  /** Where the RPC of the daemon is: http://127.0.0.1:5001. */
  readonly api: string;
  /** Peers that the daemon is told to connect to. */
  readonly peers?: readonly string[];
  /** How long an answer may take to begin, and to go on; 30 s unless it says otherwise. */
  readonly idleMs?: number;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
const text = new TextEncoder();

/** Calls of the RPC of Kubo. Source: Kubo RPC API v0 reference, docs.ipfs.tech. */
class KuboRpc {
  private readonly api: string;
  private readonly idleMs: number;

  constructor(api: string, idleMs: number) {
    this.api = api.replace(/\/+$/, '');
    this.idleMs = idleMs;
  }

  /** @param limit - bytes of the answer at most. @throws {TransferError} with the daemon's words */
  async call(
    command: string,
    query: readonly (readonly [string, string])[],
    limit: number,
    signal: AbortSignal,
    body?: Body,
  ): Promise<Uint8Array> {
    const url = `${this.api}/api/v0/${command}?${new URLSearchParams(query.map(([k, v]): [string, string] => [k, v])).toString()}`;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    signal.addEventListener('abort', end, { once: true });
    try {
      checkSignal(signal);
      const sent = fetch(url, {
        method: 'POST',
        redirect: 'error',
        signal: ended.signal,
        ...(body === undefined ? {} : { body: body.stream, headers: { 'content-type': body.type }, duplex: 'half' }),
      } as RequestInit);
      // a body takes as long as it takes; the daemon answers when it has all of it
      const response = await (body === undefined ? within(sent, this.idleMs, signal, command) : sent);
      const bytes = await this.answer(response, limit, signal, command);
      if (response.ok) return bytes;
      throw new TransferError(`${command}: ${this.refusal(bytes, response.status)}`);
    } catch (error) {
      checkSignal(signal);
      if (error instanceof TransferError) throw error;
      throw new TransferError(`the Kubo daemon at ${this.api} does not answer: ${reasonOf(error)}`);
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
  }

  private refusal(bytes: Uint8Array, status: number): string {
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
      if (isRecord(value) && typeof value['Message'] === 'string') return reasonOf(value['Message']);
    } catch {
      // proxies answer in other forms
    }
    return `the daemon answers with HTTP status ${status}`;
  }

  private async answer(response: Response, limit: number, signal: AbortSignal, what: string): Promise<Uint8Array> {
    const reader = response.body?.getReader();
    if (reader === undefined) return new Uint8Array(0);
    const parts: Uint8Array[] = [];
    let count = 0;
    for (;;) {
      const { done, value } = await within(reader.read(), this.idleMs, signal, what);
      if (done) return joinBytes(parts);
      const part = value as Uint8Array;
      count += part.length;
      if (count > limit) throw new TransferError(`${what}: the answer has more than ${limit} bytes`);
      parts.push(part);
    }
  }
}

interface Body {
  readonly type: string;
  readonly stream: ReadableStream<Uint8Array>;
}

/** A file as one field of a form, read when the daemon takes it. */
const fileBody = (file: ByteSource): Body => {
  const mark = `cvm${toHex(new Uint8Array(randomBytes(16)))}`;
  const pieces = (function* parts(): Generator<Uint8Array> {
    yield text.encode(
      `--${mark}\r\nContent-Disposition: form-data; name="file"; filename="package.car"\r\nContent-Type: application/octet-stream\r\n\r\n`,
    );
    // a piece may be written over when the next one is read
    for (const piece of sourcePieces(file)) yield piece.slice();
    yield text.encode(`\r\n--${mark}--\r\n`);
  })();
  return {
    type: `multipart/form-data; boundary=${mark}`,
    stream: new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          const next = pieces.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        },
      },
      { highWaterMark: 1 },
    ),
  };
};

/** What was pinned for an offer. */
interface Pins {
  readonly names: readonly string[];
  readonly recursive: boolean;
}

class KuboTransport implements Transport {
  readonly name = 'kubo';
  private readonly rpc: KuboRpc;
  private readonly peers: readonly string[];
  private readonly pins = new Map<string, Pins>();
  private readonly ended = new AbortController();
  private readonly sizes = new SizeChoice();

  constructor({ api, peers = [], idleMs = IDLE_MS }: KuboOptions) {
    this.rpc = new KuboRpc(api, idleMs);
    this.peers = peers;
  }

  async offer(hash: Uint8Array, file: ByteSource): Promise<readonly string[]> {
    const { signal } = this.ended;
    const places = blockPlaces(file);
    if (!places.ok) throw new TransferError(places.diagnostics.map((d) => `${d.code} ${d.message}`).join('; '));
    const [root, second] = places.value;
    if (root === undefined || toHex(root.name.digest) !== toHex(hash)) throw new TransferError('its first block is another root');
    // pinning during the import waits for blocks that a compressed file does not have
    const imported = await this.rpc.call('dag/import', [['pin-roots', 'false'], ['allow-big-block', 'true']], MAX_ANSWER_BYTES, signal, fileBody(file)); // biome-ignore format: pairs
    this.checkImport(imported);
    const storage = second?.name.kind === 'record' ? storageHint(second.name, file.size) : undefined;
    // the root of a compressed file names chunks that are not in it: its blocks are pinned one by one
    const pins: Pins =
      storage === undefined
        ? { names: [blockCid(root.name)], recursive: true }
        : { names: [...new Set(places.value.map((p) => blockCid(p.name)))], recursive: false };
    await this.pin('pin/add', pins);
    this.pins.set(toHex(hash), pins);
    const id = this.json(await this.rpc.call('id', [], MAX_ANSWER_BYTES, signal));
    const addresses: unknown = isRecord(id) ? id['Addresses'] : undefined;
    const hints = Array.isArray(addresses) ? addresses.filter((a): a is string => typeof a === 'string' && PEER_ADDRESS.test(a)) : [];
    return [...hints.slice(0, MAX_PEERS), ...(storage === undefined ? [] : [storage])];
  }

  async withdraw(hash: Uint8Array): Promise<void> {
    const pins = this.pins.get(toHex(hash));
    if (pins === undefined) return;
    this.pins.delete(toHex(hash));
    await this.pin('pin/rm', pins);
  }

  async sizeOf(wanted: Wanted, signal: AbortSignal): Promise<number | undefined> {
    const ends = await this.connect(wanted, signal);
    const sizes = await fileSizes(wanted, (name, atMost, all) => this.block(name, atMost, all), ends);
    return this.sizes.choose(wanted.hash, wanted.size, sizes);
  }

  async fetch(...[wanted, draft, signal]: Parameters<Transport['fetch']>): Promise<void> {
    const ends = await this.connect(wanted, signal);
    try {
      await assemble(wanted, draft, (name, atMost, all) => this.block(name, atMost, all), ends);
    } catch (error) {
      this.sizes.failed(wanted.hash, wanted.size);
      throw error;
    }
  }

  /** Tells the daemon of peers; whoever cannot be reached may be found by it in another way. @returns a signal that ends with the node too */
  private async connect({ hints }: Wanted, signal: AbortSignal): Promise<AbortSignal> {
    const all = AbortSignal.any([signal, this.ended.signal]);
    const addresses = [...new Set([...this.peers, ...hints])].filter((hint) => PEER_ADDRESS.test(hint)).slice(0, MAX_PEERS);
    await Promise.allSettled(addresses.map((address) => this.rpc.call('swarm/connect', [['arg', address]], MAX_ANSWER_BYTES, all)));
    return all;
  }

  close(): Promise<void> {
    this.ended.abort(new TransferError('the node ends'));
    return Promise.resolve();
  }

  private async block(name: BlockName, atMost: number, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = await this.rpc.call('block/get', [['arg', blockCid(name)]], Math.min(atMost, MAX_BLOCK_BYTES), signal);
    const digest = toHex(sha256(bytes));
    if (digest !== toHex(name.digest))
      throw new TransferError(`the daemon sent ${bytes.length} bytes with the digest ${digest} for ${blockCid(name)}`);
    return bytes;
  }

  private async pin(command: 'pin/add' | 'pin/rm', { names, recursive }: Pins): Promise<void> {
    for (let i = 0; i < names.length; i += PINS_PER_REQUEST) {
      const query = names.slice(i, i + PINS_PER_REQUEST).map((name) => ['arg', name] as const);
      await this.rpc.call(command, [...query, ['recursive', String(recursive)]], MAX_ANSWER_BYTES, this.ended.signal);
    }
  }

  private json(bytes: Uint8Array): unknown {
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      throw new TransferError('the daemon answers with what is no JSON');
    }
  }

  /** One record of JSON in each line; a root that could not be kept has words. */
  private checkImport(bytes: Uint8Array): void {
    for (const line of new TextDecoder().decode(bytes).split('\n')) {
      if (line.trim() === '') continue;
      const value = this.json(text.encode(line));
      const root: unknown = isRecord(value) ? value['Root'] : undefined;
      const words: unknown = isRecord(root) ? root['PinErrorMsg'] : undefined;
      if (typeof words === 'string' && words !== '') throw new TransferError(`dag/import: ${reasonOf(words)}`);
    }
  }
}

/** Blocks by a Kubo daemon of the operator: it keeps a copy of what is offered, finds peers in its own ways, and is trusted with nothing: all blocks are checked. */
export const createKubo = (options: KuboOptions): Transport => new KuboTransport(options);
