import { setImmediate as others } from 'node:timers/promises';
import { StateDamaged } from '../chain/state-nodes.ts';
import { DataUnavailable } from '../evm/engine.ts';
import type { Caller } from './caller.ts';
import type { Gates } from './gates.ts';
import { METHODS } from './methods/index.ts';
import type { DevNode } from './node.ts';
import { invalidRequest, limitExceeded, parseError, RpcError, noResult, unavailable, unknownMethod } from './rpc-error.ts';
import { messageOf } from '../../support/index.ts';

/** Levels of brackets in a request at most: the parser of JSON goes down with each. */
const MAX_DEPTH = 64;
/** Calls in one request at most. */
const MAX_BATCH = 100;
/** Characters of an answer at most. */
const MAX_ANSWER = 2 ** 25;
/** Milliseconds of a list after which others have their turn. */
const TURN_MS = 5;
/** Characters of an id, which an answer repeats. */
const MAX_ID = 256;

interface Answer {
  readonly jsonrpc: '2.0';
  readonly id: string | number | null;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: string };
}

/** Brackets outside of texts: deeper than the limit is no request of ours. */
const tooDeep = (text: string): boolean => {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quoted) {
      if (c === 92) i++;
      else if (c === 34) quoted = false;
    } else if (c === 34) quoted = true;
    else if (c === 91 || c === 123) {
      if (++depth > MAX_DEPTH) return true;
    } else if (c === 93 || c === 125) depth--;
  }
  return false;
};

const failed = (id: Answer['id'], error: RpcError): Answer => ({
  jsonrpc: '2.0',
  id,
  error: { code: error.code, message: error.message, ...(error.data === undefined ? {} : { data: error.data }) },
});

const errorOf = (error: unknown): RpcError => {
  if (error instanceof RpcError) return error;
  if (error instanceof DataUnavailable) return noResult(error);
  if (error instanceof StateDamaged) return unavailable(`${error.code} ${error.message}`);
  return new RpcError(INTERNAL, `internal error: ${messageOf(error)}`);
};

const INTERNAL = -32603;
const LIMIT = -32005;

/** Numbers calls in the log. */
let requests = 0;

/** What requests are answered with. */
export interface Desk {
  readonly node: DevNode;
  readonly gates: Gates;
}

/** An answer as text; undefined: a notification, which gets none. */
const one = async ({ node, gates }: Desk, call: unknown, caller: Caller): Promise<string | undefined> => {
  if (typeof call !== 'object' || call === null || Array.isArray(call)) return said(failed(null, invalidRequest('a call is an object')));
  const { id, method, params } = call as { readonly id?: unknown; readonly method?: unknown; readonly params?: unknown };
  const known = (typeof id === 'string' && id.length <= MAX_ID) || typeof id === 'number' ? id : null;
  const started = performance.now();
  const told = typeof method === 'string' && METHODS.has(method) ? method : 'unknown';
  const done = (outcome: string): void => {
    const ms = performance.now() - started;
    node.metrics.count('rpcRequests', 1, { method: told, outcome });
    node.metrics.time('rpc', ms / 1000, { method: told });
    node.log.debug({ request: ++requests, method: told, outcome, ms: Math.round(ms) }, 'a call of the RPC was answered');
  };
  try {
    if (typeof method !== 'string') throw invalidRequest('method is missing');
    if (params !== undefined && !Array.isArray(params)) throw invalidRequest('params is a list');
    const run = METHODS.get(method);
    if (run === undefined) throw unknownMethod(method);
    const result: unknown = await gates.run(method, caller, async () => run(node, params ?? [], caller));
    // a notification has no id and gets no answer
    const text = id === undefined ? undefined : said({ jsonrpc: '2.0', id: known, result: result ?? null });
    if (text !== undefined && text.length > MAX_ANSWER)
      throw limitExceeded(`the answer has ${text.length} characters, the limit is ${MAX_ANSWER}: ask for less`);
    done('ok');
    return text;
  } catch (error) {
    const problem = errorOf(error);
    if (error instanceof StateDamaged)
      node.log.error({ method: told, reason: error.message }, `${error.code} the state on disk is damaged`);
    if (problem.code === INTERNAL)
      node.log.error({ method: told, reason: problem.message }, 'a call of the RPC met an error of this program');
    done(problem.code === LIMIT ? 'busy' : 'error');
    return said(failed(known, problem));
  }
};

const said = (answer: Answer): string => JSON.stringify(answer);

/** Answers the text of a request: a call or a list of calls. @returns undefined where nothing is to be answered */
export const dispatch = async (desk: Desk, text: string, caller: Caller): Promise<string | undefined> => {
  let request: unknown;
  try {
    if (tooDeep(text)) return said(failed(null, invalidRequest(`brackets are nested deeper than ${MAX_DEPTH}`)));
    request = JSON.parse(text);
  } catch {
    return said(failed(null, parseError()));
  }
  if (!Array.isArray(request)) return one(desk, request, caller);
  if (request.length === 0 || request.length > MAX_BATCH)
    return said(failed(null, invalidRequest(`a list has 1 to ${MAX_BATCH} calls, this has ${request.length}`)));
  const answers: string[] = [];
  let length = 0;
  let turn = performance.now();
  for (const call of request as readonly unknown[]) {
    if (caller.gone()) return undefined;
    // calls that wait for nothing would hold the event loop one after another
    if (performance.now() - turn > TURN_MS) {
      await others();
      turn = performance.now();
    }
    const answer = await one(desk, call, caller);
    length += answer?.length ?? 0;
    if (length > MAX_ANSWER)
      return said(failed(null, limitExceeded(`the answers of the list have more than ${MAX_ANSWER} characters: ask for less`)));
    if (answer !== undefined) answers.push(answer);
  }
  return answers.length === 0 ? undefined : `[${answers.join(',')}]`;
};
