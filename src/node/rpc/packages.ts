import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ByteSource, bytesSource, sha256, toHex, messageOf } from '../../support/index.ts';
import { type NodeMetrics, noMetrics } from '../metrics/index.ts';
import type { ManagedStore } from '../store/contract.ts';
import { StoreFull } from '../store/disk.ts';
import { rangeBytes } from '../store/ranges.ts';
import type { AdminGate } from './admin.ts';
import { ByteBudget } from './byte-budget.ts';
import { type Part, readContentRange, readRange } from './content-range.ts';
import type { Route } from './http-rpc.ts';
import { corsHeaders } from './origins.ts';
import { readPart } from './part-body.ts';
import { sendSource } from './send-source.ts';
import { Uploads } from './uploads.ts';

export interface PackageRouteOptions {
  readonly store: ManagedStore;
  readonly admin: () => AdminGate;
  /** Whether the chain names a package: such a one is taken from anybody. */
  readonly named: (hash: string) => Promise<boolean>;
  /** Told when a package came whole. */
  readonly onArrived?: (hash: Uint8Array) => void;
  readonly metrics?: NodeMetrics;
  /** Milliseconds that a client may take over what it sends or reads. */
  readonly patienceMs?: number;
}

export interface PackageRoutes {
  readonly route: Route;
  readonly close: () => Promise<void>;
}

/** Bytes of a part at most. */
export const MAX_PART_BYTES = 2 ** 23;
/** Largest package: the white paper's 8 GB of parameters, with room for their float originals. */
const MAX_PACKAGE_BYTES = 2 ** 36;
/** Bytes of parts of all clients that are held at a time: those above wait for nobody and are told to come again. */
const PARTS_BYTES = 2 ** 26;
const MAX_INPUT_BYTES = 2 ** 25;
const MIN_RATE = 65_536;
const PATIENCE_MS = 10_000;
/** Files that are sent at a time. */
const MAX_SENDING = 128;

const PATH = /^\/(packages|inputs)\/([0-9a-f]{64})(\/draft)?$/;
const DIGEST = /^sha-256=:([A-Za-z0-9+/]{43}=):$/;

const STATUS: readonly (readonly [code: string, status: number])[] = [['NOD0060', 507], ['NOD0063', 503]]; // biome-ignore format: a list
const statusOf = (words: string): number => STATUS.find(([code]) => words.startsWith(code))?.[1] ?? 422;

type Answer = readonly [status: number, words: string, headers?: Readonly<Record<string, string>>];

const say = (request: IncomingMessage, response: ServerResponse, [status, words, headers = {}]: Answer): void => {
  if (response.destroyed || response.headersSent) return;
  const { socket } = request;
  // a body that nobody reads would hold the connection
  const unread = !request.complete && request.method !== 'GET' && request.method !== 'HEAD';
  const empty = status === 204 || request.method === 'HEAD';
  response.writeHead(status, {
    ...(empty ? {} : { 'content-type': 'application/json' }),
    ...(unread ? { connection: 'close' } : {}),
    ...(status === 503 ? { 'retry-after': '2' } : {}),
    ...corsHeaders(request.headers.origin),
    ...headers,
  });
  response.end(empty ? undefined : JSON.stringify(status < 400 ? { ok: true } : { error: words }));
  if (unread) response.once('finish', () => socket.destroySoon());
};

const fromHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (b) => Number.parseInt(b, 16));

/** Packages and inputs by HTTP: `PUT /packages/HASH` in parts that can be sent again, `GET` with ranges. */
export const packageRoutes = (options: PackageRouteOptions): PackageRoutes => {
  const { store, admin, named, patienceMs = PATIENCE_MS, onArrived, metrics = noMetrics } = options;
  const uploads = new Uploads(store);
  const parts = new ByteBudget(PARTS_BYTES);
  let sending = 0;

  const send = async (request: IncomingMessage, response: ServerResponse, source: ByteSource, name: string): Promise<void> => {
    const range = readRange(request.headers.range, source.size);
    if (range === undefined)
      return say(request, response, [416, 'the range is outside the file', { 'content-range': `bytes */${source.size}` }]);
    const { from, to } = range === 'all' ? { from: 0, to: source.size } : range;
    response.writeHead(range === 'all' ? 200 : 206, {
      'content-type': 'application/octet-stream',
      'content-length': String(to - from),
      'accept-ranges': 'bytes',
      etag: `"${name}"`,
      ...(range === 'all' ? {} : { 'content-range': `bytes ${from}-${to - 1}/${source.size}` }),
      ...corsHeaders(request.headers.origin),
    });
    if (request.method === 'HEAD') return void response.end();
    sending++;
    metrics.count('packageBytesSent', to - from);
    try {
      await sendSource(response, source, from, to, patienceMs);
    } finally {
      sending--;
    }
  };

  /** What there is of a package on its way. */
  const progressOf = async (hash: Uint8Array): Promise<{ size: number; present: readonly (readonly [number, number])[] } | undefined> => {
    const open = uploads.progress(hash);
    if (open !== undefined) return { size: open.size, present: open.present() };
    const there = store.drafts().find((d) => d.hash === toHex(hash) && !d.open);
    if (there === undefined) return undefined;
    const found = await uploads.with(hash, there.size, ({ draft }) => Promise.resolve({ size: draft.size, present: draft.present() }));
    return typeof found === 'string' ? undefined : found;
  };

  const read = async (request: IncomingMessage, response: ServerResponse, kind: string, hash: Uint8Array): Promise<void> => {
    if (sending >= MAX_SENDING) return say(request, response, [503, `${MAX_SENDING} files are being sent: ask again later`]);
    const input = kind === 'inputs' ? await store.input(hash) : undefined;
    const source = kind === 'packages' ? await store.package(hash) : input && bytesSource(input);
    if (source !== undefined) return send(request, response, source, toHex(hash));
    const draft = kind === 'packages' && request.method === 'HEAD' ? await progressOf(hash) : undefined;
    if (draft === undefined) return say(request, response, [404, 'it is not here']);
    const headers = { 'upload-size': String(draft.size), 'upload-bytes': String(rangeBytes(draft.present)) };
    return say(request, response, [202, '', headers]);
  };

  const putPart = async (request: IncomingMessage, hash: Uint8Array, part: Part, digest: string): Promise<Answer> => {
    const length = part.to - part.from;
    if (!parts.take(length)) return [503, 'many parts are being received: ask again later'];
    try {
      const bytes = await readPart(request, length, { graceMs: patienceMs, minRate: MIN_RATE });
      if (!(bytes instanceof Uint8Array)) return bytes;
      const found = btoa(String.fromCharCode(...sha256(bytes)));
      if (found !== digest) return [400, `the part has the SHA-256 ${found} but ${digest} was announced`];
      const outcome = await uploads.with(hash, part.size, async (open): Promise<Answer> => {
        const { draft } = open;
        if (open.finishing === undefined) await draft.write(part.from, bytes);
        const have = rangeBytes(draft.present());
        if (have < draft.size) return [204, '', { 'upload-bytes': String(have) }];
        const refused = await uploads.finish(open);
        metrics.count('packages', 1, { way: 'upload', outcome: refused === undefined ? 'kept' : 'refused' });
        if (refused === undefined) metrics.count('packageBytes', part.size, { way: 'upload' });
        if (refused === undefined) onArrived?.(hash);
        return refused === undefined ? [201, ''] : [statusOf(refused), refused];
      });
      if (outcome === undefined) return [200, ''];
      return typeof outcome === 'string' ? [statusOf(outcome), outcome] : outcome;
    } catch (error) {
      if (error instanceof StoreFull) return [507, error.message];
      if (error instanceof RangeError) return [400, error.message];
      throw error;
    } finally {
      parts.give(length);
    }
  };

  const write = async (request: IncomingMessage, kind: string, hash: Uint8Array): Promise<Answer> => {
    const gate = admin();
    if (!gate.allows(request.headers.authorization) && !(kind === 'packages' && (await named(toHex(hash)))))
      return [403, `NOD0065 ${gate.need}`];
    const length = Number(request.headers['content-length'] ?? Number.NaN);
    if (!Number.isSafeInteger(length)) return [411, 'the header content-length is needed'];
    if (kind === 'inputs') {
      if (length > MAX_INPUT_BYTES) return [413, `the input has ${length} bytes, the limit is ${MAX_INPUT_BYTES}`];
      if (!parts.take(length)) return [503, 'many parts are being received: ask again later'];
      try {
        const bytes = await readPart(request, length, { graceMs: patienceMs, minRate: MIN_RATE });
        if (!(bytes instanceof Uint8Array)) return bytes;
        if (toHex(sha256(bytes)) !== toHex(hash)) return [422, `the input has the SHA-256 ${toHex(sha256(bytes))}`];
        await store.putInput(bytes);
        return [201, ''];
      } catch (error) {
        if (error instanceof StoreFull) return [507, error.message];
        throw error;
      } finally {
        parts.give(length);
      }
    }
    if (await store.has(hash)) return [200, ''];
    const part = readContentRange(request.headers['content-range']);
    if (part === undefined) return [400, 'the header content-range: bytes FIRST-LAST/SIZE is needed, within the size'];
    if (part.size > MAX_PACKAGE_BYTES) return [413, `the package has ${part.size} bytes, the limit is ${MAX_PACKAGE_BYTES}`];
    if (part.to - part.from !== length) return [400, `the body has ${length} bytes but its range has ${part.to - part.from}`];
    if (length > MAX_PART_BYTES) return [413, `the part has ${length} bytes, the limit is ${MAX_PART_BYTES}`];
    const given = request.headers['content-digest'];
    const [, digest] = DIGEST.exec(typeof given === 'string' ? given : '') ?? [];
    if (digest === undefined) return [400, 'the header content-digest: sha-256=:BASE64: is needed'];
    return putPart(request, hash, part, digest);
  };

  const handle = async (request: IncomingMessage, response: ServerResponse, kind: string, hex: string, draft: boolean): Promise<void> => {
    const hash = fromHex(hex);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (draft && kind === 'packages' && reads) {
      const progress = await progressOf(hash);
      if (progress === undefined) return say(request, response, [404, 'nothing of it is here']);
      response.writeHead(200, { 'content-type': 'application/json', ...corsHeaders(request.headers.origin) });
      return void response.end(JSON.stringify(progress));
    }
    if (draft || (!reads && request.method !== 'PUT')) return say(request, response, [405, 'GET, HEAD and PUT are known here']);
    return reads ? read(request, response, kind, hash) : say(request, response, await write(request, kind, hash));
  };

  return {
    route: (request, response) => {
      const [, kind, hex, draft] = PATH.exec(request.url ?? '') ?? [];
      if (kind === undefined || hex === undefined) return false;
      // an error here is a bug or a dying disk: the client is told, and the node goes on
      handle(request, response, kind, hex, draft !== undefined).catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else say(request, response, [500, messageOf(error)]);
      });
      return true;
    },
    close: () => uploads.close(),
  };
};
