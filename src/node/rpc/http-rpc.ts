import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type BodyFault, type BodyRules, readBody } from './body.ts';
import type { Caller } from './caller.ts';
import { type Desk, dispatch } from './dispatch.ts';
import type { Duty } from './duty.ts';
import { corsHeaders, hostAllowed, isJson, originAllowed, type OriginRules } from './origins.ts';

/** Something else at the same port, as files of packages are. @returns false: not mine */
export type Route = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface HttpRules {
  readonly desk: Desk;
  readonly duty: Duty;
  readonly body: BodyRules;
  readonly origins: OriginRules;
  readonly routes: readonly Route[];
}

/** Requests that one connection may have sent without an answer (HTTP pipelining). */
const MAX_PIPELINED = 64;
/** A client that does not read its answer is let go after so long. */
const WRITE_MS = 30_000;

export const refusal = (message: string): string => JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32005, message } });

const FAULTS: Readonly<Record<BodyFault, readonly [status: number, message: string]>> = {
  'too large': [413, 'the request is too large'],
  'too slow': [408, 'the request came too slowly'],
  'no room': [503, 'too many requests are being read: ask again later'],
  broken: [400, 'the request ended early'],
  'not UTF-8': [400, 'the request is no UTF-8'],
};

/** What is kept for a connection. */
interface Line {
  readonly caller: Caller;
  open: number;
}

const lines = new WeakMap<Socket, Line>();
const lineOf = (socket: Socket): Line => {
  const have = lines.get(socket);
  if (have !== undefined) return have;
  const line: Line = {
    caller: { notify: undefined, gone: () => socket.destroyed, onClose: (told) => socket.once('close', told) },
    open: 0,
  };
  lines.set(socket, line);
  return line;
};

const answer = (request: IncomingMessage, response: ServerResponse, status: number, body: string, close = false): void => {
  const { socket } = request;
  const slow = setTimeout(() => socket.destroy(), WRITE_MS);
  slow.unref();
  response.once('close', () => clearTimeout(slow));
  response.writeHead(status, {
    ...(status === 204 ? {} : { 'content-type': 'application/json' }),
    ...corsHeaders(request.headers.origin),
    ...(close ? { connection: 'close' } : {}),
  });
  response.end(body);
  // a body that nobody reads would keep the connection open
  if (close) response.once('finish', () => socket.destroySoon());
};

/** Why a request is not looked at, before its body is; undefined: it is. */
export const problemOf = (rules: OriginRules, request: IncomingMessage): string | undefined => {
  if (!hostAllowed(rules, request.headers.host)) return 'the host name of the request is not one of this node';
  if (!originAllowed(rules, request.headers.origin))
    return `pages of ${JSON.stringify(request.headers.origin?.slice(0, 200))} may not use this node: its keys are known. --allow-origin lets them`;
  return undefined;
};

/** Answers a request of HTTP: POST / with JSON-RPC, or what a route takes. */
export const handleHttp = async (rules: HttpRules, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const refused = (reason: string): void => rules.desk.node.metrics.count('rpcRefused', 1, { reason });
  const problem = problemOf(rules.origins, request);
  if (problem !== undefined) {
    // its page is not to read the answer either
    delete request.headers.origin;
    refused('name or origin');
    return answer(request, response, 403, refusal(problem), true);
  }
  if (request.method === 'OPTIONS') return answer(request, response, 204, '');
  if (rules.routes.some((route) => route(request, response))) return undefined;
  if (request.method !== 'POST' || !isJson(request)) refused('no JSON');
  if (request.method !== 'POST') return answer(request, response, 405, refusal('POST a JSON-RPC request'), true);
  if (!isJson(request)) return answer(request, response, 415, refusal('the request needs the header content-type: application/json'), true);
  const line = lineOf(request.socket);
  const { authorization } = request.headers;
  // a header that opens nothing gives no share of its own
  const caller =
    authorization !== undefined && rules.desk.node.admin.allows(authorization) ? { ...line.caller, authorization } : line.caller;
  if (line.open >= MAX_PIPELINED) return void request.socket.destroy();
  line.open++;
  try {
    const body = await readBody(request, rules.body);
    if (typeof body === 'string') {
      const [status, message] = FAULTS[body];
      refused(body);
      return answer(request, response, status, refusal(message), true);
    }
    try {
      const said = await rules.duty.run(body.bytes, () => dispatch(rules.desk, body.text, caller));
      answer(request, response, said === undefined ? 204 : 200, said ?? '');
    } finally {
      body.release();
    }
  } catch {
    response.destroy();
  } finally {
    line.open--;
  }
};
