import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { ByteBudget } from './byte-budget.ts';
import type { Desk } from './dispatch.ts';
import { Duty } from './duty.ts';
import { Gates } from './gates.ts';
import { handleHttp, type HttpRules, problemOf, type Route } from './http-rpc.ts';
import type { DevNode } from './node.ts';
import { createSockets } from './socket-rpc.ts';

export interface ServerOptions {
  /** Loopback when left out; anything else is open to whoever reaches it. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  /** Largest request, in bytes. */
  readonly maxBytes?: number;
  /** Names that requests may come under besides loopback's: a page elsewhere that resolves its own name to this machine is refused. */
  readonly hosts?: readonly string[];
  /** Origins of web pages that may use this node, besides pages of this machine and extensions. */
  readonly origins?: readonly string[];
  /** What else is served at this port. */
  readonly routes?: readonly Route[];
  /** Connections at a time; more are closed at once. */
  readonly maxConnections?: number;
  /** Of one address that is not loopback. */
  readonly maxPerAddress?: number;
  /** Milliseconds within which headers, and bodies whatever their length, have to come. */
  readonly patienceMs?: number;
}

export interface RunningServer {
  readonly port: number;
  /** What clients hold here: for metrics. */
  readonly loads: () => ServerLoads;
  readonly close: () => Promise<void>;
}

export interface ServerLoads {
  readonly connections: number;
  readonly webSockets: number;
  /** Bytes of requests that are being read or answered. */
  readonly bytes: number;
  readonly queues: ReturnType<Gates['loads']>;
}

const DEFAULT_MAX_BYTES = 2 ** 25;
const DEFAULT_CONNECTIONS = 8192;
const DEFAULT_PER_ADDRESS = 256;
const DEFAULT_PATIENCE_MS = 20_000;
/** Connections that the system keeps until they are looked at. */
const BACKLOG = 4096;
/** Bytes of requests of all connections together. */
const BUDGET_BYTES = 2 ** 28;
/** Bytes a second that a long body has to come at. */
const MIN_RATE = 65_536;
const MAX_HEADERS = 100;
const KEEP_ALIVE_MS = 30_000;

const isLoopback = (address: string | undefined): boolean => /^(::ffff:)?127\.|^::1$/.test(address ?? '');

/** Counts connections by address, and closes those above the limits. */
const guardConnections = (server: Server, maxConnections: number, maxPerAddress: number): (() => number) => {
  const counts = new Map<string, number>();
  let all = 0;
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const own = counts.get(address) ?? 0;
    if (all >= maxConnections || (own >= maxPerAddress && !isLoopback(address))) return void socket.destroy();
    all++;
    counts.set(address, own + 1);
    socket.once('close', () => {
      all--;
      const left = (counts.get(address) ?? 1) - 1;
      if (left === 0) counts.delete(address);
      else counts.set(address, left);
    });
    return undefined;
  });
  return () => all;
};

/** Serves JSON-RPC over HTTP (POST /) and WebSocket. Every bound is told in docs/node.md. */
export const serveRpc = async (node: DevNode, options: ServerOptions): Promise<RunningServer> => {
  const { host = '127.0.0.1', port, maxBytes = DEFAULT_MAX_BYTES, hosts = [], origins = [], routes = [] } = options;
  const { maxConnections = DEFAULT_CONNECTIONS, maxPerAddress = DEFAULT_PER_ADDRESS, patienceMs = DEFAULT_PATIENCE_MS } = options;
  const budget = new ByteBudget(BUDGET_BYTES);
  const desk: Desk = { node, gates: new Gates() };
  const duty = new Duty();
  const rules: HttpRules = {
    desk,
    duty,
    body: { maxBytes, budget, graceMs: patienceMs, minRate: MIN_RATE },
    origins: { hosts, origins },
    routes,
  };
  const server = createServer(
    {
      headersTimeout: patienceMs,
      // bodies are timed where they are read: those of packages are long
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(1000, patienceMs),
      noDelay: true,
    },
    (request, response) => void handleHttp(rules, request, response),
  );
  server.maxHeadersCount = MAX_HEADERS;
  const connections = guardConnections(server, maxConnections, maxPerAddress);
  const sockets = createSockets({ desk, duty, budget, maxBytes }, maxConnections);
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (problemOf(rules.origins, request) === undefined) sockets.upgrade(request, socket, head);
    else socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n', () => socket.destroy());
  });

  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen({ port, host, backlog: BACKLOG }, done);
  });
  return {
    port: (server.address() as AddressInfo).port,
    loads: () => ({ connections: connections(), webSockets: sockets.count(), bytes: budget.bytes, queues: desk.gates.loads() }),
    close: () =>
      new Promise((done) => {
        sockets.close();
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
};
