import { type Block, createBlockFromRLP } from '@ethereumjs/block';
import { bytesToHex, hexToBytes } from '@ethereumjs/util';
import type { Chain } from '../chain/chain.ts';
import { rlpProblem } from '../rpc/rlp-guard.ts';
import type { Journal, JournalEntry, JournalTransaction } from '../trace/journal.ts';

/** What is wrong with a peer: it does not answer, it says no, or what it says cannot be. */
export class PeerError extends Error {
  override readonly name = 'PeerError';
  readonly kind: 'silent' | 'refused' | 'lying';
  constructor(kind: PeerError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Bytes of one answer at most: a node sends no more than 2^25 characters. */
const MAX_ANSWER = 2 ** 25 + 2 ** 16;
const TIMEOUT_MS = 30_000;
/** A block that runs again, or a model that is compiled, takes a while. */
const WORK_MS = 180_000;
/** Bytes of a block, and of an object that is taken in one piece: larger packages come in parts, by the transports of the store. */
const MAX_BLOCK = 2 ** 28;
const MAX_OBJECT = { package: 2 ** 28, input: 2 ** 24 } as const;
const PART = 2 ** 22;
const MAX_INFERENCES = 4096;
const MAX_TRANSACTIONS = 65_536;
const HASH = /^(0x)?[0-9a-f]{64}$/;

const lying = (what: string): PeerError => new PeerError('lying', what);

const record = (value: unknown, what: string): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw lying(`${what} is no object`);
  return value as Readonly<Record<string, unknown>>;
};
const list = (value: unknown, what: string, most: number): readonly unknown[] => {
  if (!Array.isArray(value) || value.length > most) throw lying(`${what} is no list of at most ${most}`);
  return value;
};
const text = (value: unknown, what: string, form: RegExp): string => {
  if (typeof value !== 'string' || !form.test(value)) throw lying(`${what} is ${JSON.stringify(value)?.slice(0, 60) ?? 'not there'}`);
  return value;
};
const number = (value: unknown, what: string): number => {
  const n = Number(text(value, what, /^0x[0-9a-f]{1,16}$/));
  if (!Number.isSafeInteger(n)) throw lying(`${what} is ${n}`);
  return n;
};
const big = (value: unknown, what: string): bigint => BigInt(text(value, what, /^0x[0-9a-f]{1,64}$/));
const bytes = (value: unknown, what: string): Uint8Array => hexToBytes(text(value, what, /^0x([0-9a-f]{2})*$/) as `0x${string}`);

/** The body of an answer, not more of it than an answer may have. */
const bodyOf = async (response: Response): Promise<string> => {
  const decoder = new TextDecoder();
  let body = '';
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > MAX_ANSWER) throw lying(`the answer is longer than ${MAX_ANSWER} bytes`);
    body += decoder.decode(piece, { stream: true });
  }
  return body + decoder.decode();
};

const messageOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return (cause instanceof Error ? cause.message || cause.name : String(cause)).slice(0, 200);
};

/** What a peer says of itself. */
export interface Described {
  readonly version: string;
  readonly backend: string;
  readonly head: number;
  readonly agreed: Readonly<Record<string, unknown>>;
}

export interface Served {
  readonly head: number;
  readonly blocks: readonly Block[];
}

/** Another node, by its RPC. It is believed in nothing: sizes and forms are checked here, what it means by whoever asks. */
export class Peer {
  readonly url: string;
  private readonly signal: AbortSignal;
  private id = 0;

  constructor(url: string, signal: AbortSignal) {
    this.url = url;
    this.signal = signal;
  }

  /** @throws {PeerError} */
  async call(method: string, params: readonly unknown[], timeoutMs = TIMEOUT_MS): Promise<unknown> {
    let answer: unknown;
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: ++this.id, method, params }),
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(timeoutMs)]),
        redirect: 'error',
      });
      answer = JSON.parse(await bodyOf(response)) as unknown;
    } catch (error) {
      if (error instanceof PeerError) throw error;
      throw error instanceof SyntaxError || error instanceof RangeError
        ? lying('the answer is no JSON')
        : new PeerError('silent', messageOf(error));
    }
    const { error, result } = record(answer, 'the answer');
    if (error === undefined || error === null) return result;
    throw new PeerError('refused', `${method}: ${String(record(error, 'the error')['message']).slice(0, 300)}`);
  }

  async describe(): Promise<Described> {
    const told = record(await this.call('cortex_network', []), 'cortex_network');
    const name = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 60) : 'not told');
    return {
      version: name(told['version']),
      backend: name(told['backend']),
      head: number(told['head'], 'head'),
      agreed: record(told['agreed'], 'agreed'),
    };
  }

  /** Blocks from a number on, with the head of the peer. The first is there when the peer has it. */
  async blocks(chain: Pick<Chain, 'common'>, first: number, count: number): Promise<Served> {
    const quantity = (n: number): string => `0x${n.toString(16)}`;
    const told = record(await this.call('cortex_blocks', [quantity(first), quantity(count)]), 'cortex_blocks');
    const head = number(told['head'], 'head');
    let raw: Uint8Array[];
    if (told['size'] === undefined) raw = list(told['blocks'], 'blocks', count).map((b) => bytes(b, 'block'));
    else
      raw = [
        await this.whole(number(told['size'], 'size'), bytes(told['part'], 'part'), MAX_BLOCK, async (offset) => {
          const more = record(await this.call('cortex_blocks', [quantity(first), quantity(1), quantity(offset)]), 'cortex_blocks');
          return bytes(more['part'], 'part');
        }),
      ];
    return { head, blocks: raw.map((r, i) => this.block(chain, r, first + i)) };
  }

  private block({ common }: Pick<Chain, 'common'>, raw: Uint8Array, expected: number): Block {
    const problem = rlpProblem(raw, 0);
    if (problem !== undefined) throw lying(`block ${expected} cannot be read: ${problem}`);
    let block: Block;
    try {
      block = createBlockFromRLP(raw, { common, setHardfork: false, skipConsensusFormatValidation: true });
    } catch (error) {
      throw lying(`block ${expected} cannot be read: ${messageOf(error)}`);
    }
    if (block.header.number !== BigInt(expected)) throw lying(`block ${expected} says that it is block ${block.header.number}`);
    return block;
  }

  private async whole(size: number, first: Uint8Array, most: number, next: (offset: number) => Promise<Uint8Array>): Promise<Uint8Array> {
    if (size > most) throw new PeerError('refused', `${size} bytes are more than the ${most} that are taken in this way`);
    // what was said is not reserved before it comes
    const parts = [first];
    let have = first.length;
    while (have < size) {
      const part = await next(have);
      if (part.length === 0) throw lying(`${size} bytes were told, and ${have} came`);
      parts.push(part);
      have += part.length;
    }
    if (have > size) throw lying(`${size} bytes were told, and ${have} came`);
    const all = new Uint8Array(size);
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  }

  /** The bytes of a package or of an input, unchecked; undefined: the peer lacks it. */
  async object(kind: 'package' | 'input', hash: Uint8Array): Promise<Uint8Array | undefined> {
    const part = async (offset: number): Promise<Readonly<Record<string, unknown>> | undefined> => {
      const told = await this.call('cortex_object', [kind, bytesToHex(hash), `0x${offset.toString(16)}`, `0x${PART.toString(16)}`]);
      return told === null ? undefined : record(told, 'cortex_object');
    };
    const first = await part(0);
    if (first === undefined) return undefined;
    return this.whole(number(first['size'], 'size'), bytes(first['part'], 'part'), MAX_OBJECT[kind], async (offset) =>
      bytes((await part(offset))?.['part'], 'part'),
    );
  }

  /** What a block did there. */
  async journal(block: string): Promise<Journal> {
    const told = record(await this.call('cortex_inferences', [block], WORK_MS), 'cortex_inferences');
    const inferences = list(told['inferences'], 'inferences', MAX_INFERENCES).map((given): JournalEntry => {
      const e = record(given, 'inference');
      const [first, second] = list(e['seed'], 'seed', 2);
      return {
        transaction: number(e['transaction'], 'transaction'),
        model: text(e['model'], 'model', /^0x[0-9a-f]{40}$/),
        hash: text(e['hash'], 'hash', HASH),
        caller: e['caller'] === null ? undefined : text(e['caller'], 'caller', /^0x[0-9a-f]{40}$/),
        input: text(e['input'], 'input', HASH),
        output: text(e['output'], 'output', HASH),
        seed: [Number(first), Number(second)],
        gas: big(e['gas'], 'gas'),
        operations: big(e['operations'], 'operations'),
      };
    });
    const transactions = list(told['transactions'], 'transactions', MAX_TRANSACTIONS).map((given): JournalTransaction => {
      const t = record(given, 'transaction');
      return {
        hash: text(t['hash'], 'hash', HASH),
        succeeded: t['succeeded'] === true,
        gasUsed: big(t['gasUsed'], 'gas'),
        logs: text(t['logs'], 'logs', HASH),
        stateRoot: text(t['stateRoot'], 'state root', HASH),
      };
    });
    return { inferences, count: number(told['count'], 'count'), transactions };
  }

  async digests(block: string, inference: number, nodes: readonly number[]): Promise<readonly string[]> {
    const asked = [block, `0x${inference.toString(16)}`, nodes.map((n) => `0x${n.toString(16)}`)];
    const told = record(await this.call('cortex_layerDigest', asked, WORK_MS), 'cortex_layerDigest');
    const found = list(told['digests'], 'digests', nodes.length);
    if (found.length !== nodes.length) throw lying(`${nodes.length} digests were asked for, and ${found.length} came`);
    return found.map((d) => text(d, 'digest', HASH));
  }

  /** Packed results of a node of the model of an inference. */
  async results(block: string, inference: number, node: number): Promise<Uint8Array> {
    return bytes(
      await this.call('cortex_layerResults', [block, `0x${inference.toString(16)}`, `0x${node.toString(16)}`], WORK_MS),
      'results',
    );
  }

  /** Gives it a transaction. @returns its hash */
  async submit(raw: Uint8Array): Promise<Uint8Array> {
    return bytes(await this.call('eth_sendRawTransaction', [bytesToHex(raw)]), 'hash');
  }
}
