import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { dispatch } from './dispatch.ts';
import type { DevNode } from './node.ts';

export interface ServerOptions {
  /** Loopback when left out; anything else is open to whoever reaches it. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  /** Largest request, in bytes. */
  readonly maxBytes?: number;
  /** Names that requests may come under besides loopback's: a page elsewhere that resolves its own name to this machine is refused. */
  readonly hosts?: readonly string[];
}

export interface RunningServer {
  readonly port: number;
  readonly close: () => Promise<void>;
}

const DEFAULT_MAX_BYTES = 2 ** 25;
/** Requests that are worked on at a time; more wait, up to the second number. */
const MAX_ACTIVE = 64;
const MAX_QUEUED = 4096;
const HEADERS_MS = 10_000;
const REQUEST_MS = 60_000;

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

const nameOf = (host: string | undefined): string => (host ?? '').replace(/:\d+$/, '').toLowerCase();

class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

const bodyOf = async (request: IncomingMessage, limit: number): Promise<string> => {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw new BodyTooLarge();
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for await (const piece of request as AsyncIterable<Uint8Array>) {
    size += piece.length;
    if (size > limit) throw new BodyTooLarge();
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
};

/** Lets so many work at a time, and so many wait. */
class Gate {
  private active = 0;
  private readonly waiting: (() => void)[] = [];

  async enter(): Promise<boolean> {
    if (this.active < MAX_ACTIVE) {
      this.active++;
      return true;
    }
    if (this.waiting.length >= MAX_QUEUED) return false;
    await new Promise<void>((go) => this.waiting.push(go));
    return true;
  }
  leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.active--;
    else next();
  }
}

const CORS = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'content-type', 'access-control-allow-methods': 'POST' };

const answer = (response: ServerResponse, status: number, body: string): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...CORS });
  response.end(body);
};

const refusal = (message: string): string => JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32005, message } });

/** Serves JSON-RPC over HTTP (POST /) and WebSocket. */
export const serveRpc = async (node: DevNode, options: ServerOptions): Promise<RunningServer> => {
  const { host = '127.0.0.1', port, maxBytes = DEFAULT_MAX_BYTES, hosts = [] } = options;
  const gate = new Gate();
  const allowed = (request: IncomingMessage): boolean => {
    const name = nameOf(request.headers.host);
    return LOOPBACK.has(name) || hosts.includes(name);
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!allowed(request)) return answer(response, 403, refusal('the host name of the request is not one of this node'));
    if (request.method === 'OPTIONS') return answer(response, 204, '');
    if (request.method !== 'POST') return answer(response, 405, refusal('POST a JSON-RPC request'));
    if (!(await gate.enter())) return answer(response, 503, refusal('too many requests wait'));
    try {
      const said = await dispatch(node, await bodyOf(request, maxBytes));
      answer(response, said === undefined ? 204 : 200, said ?? '');
    } catch (error) {
      if (error instanceof BodyTooLarge) {
        response.setHeader('connection', 'close');
        answer(response, 413, refusal(`a request has at most ${maxBytes} bytes`));
      } else response.destroy();
    } finally {
      gate.leave();
    }
  };

  const server: Server = createServer({ headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS }, (request, response) => {
    void handle(request, response);
  });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxBytes });
  server.on('upgrade', (request, socket, head) => {
    if (!allowed(request)) return void socket.destroy();
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => ws.terminate());
      ws.on('message', (data: Uint8Array) => {
        void (async () => {
          if (!(await gate.enter())) return ws.send(refusal('too many requests wait'));
          try {
            const said = await dispatch(node, new TextDecoder().decode(data));
            if (said !== undefined) ws.send(said);
          } finally {
            gate.leave();
          }
        })();
      });
    });
  });

  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, host, done);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((done) => {
        for (const ws of sockets.clients) ws.terminate();
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
};
