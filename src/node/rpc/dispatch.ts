import { DataUnavailable } from '../evm/engine.ts';
import { METHODS } from './methods/index.ts';
import type { DevNode } from './node.ts';
import { invalidRequest, parseError, RpcError, unavailable, unknownMethod } from './rpc-error.ts';

/** Levels of brackets in a request at most: the parser of JSON goes down with each. */
const MAX_DEPTH = 64;
/** Calls in one request at most. */
const MAX_BATCH = 100;

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
  if (error instanceof DataUnavailable) return unavailable(error.message);
  return new RpcError(-32603, `internal error: ${error instanceof Error ? error.message : String(error)}`);
};

const one = async (node: DevNode, call: unknown): Promise<Answer | undefined> => {
  if (typeof call !== 'object' || call === null || Array.isArray(call)) return failed(null, invalidRequest('a call is an object'));
  const { id, method, params } = call as { readonly id?: unknown; readonly method?: unknown; readonly params?: unknown };
  const known = typeof id === 'string' || typeof id === 'number' ? id : null;
  try {
    if (typeof method !== 'string') throw invalidRequest('method is missing');
    if (params !== undefined && !Array.isArray(params)) throw invalidRequest('params is a list');
    const run = METHODS.get(method);
    if (run === undefined) throw unknownMethod(method);
    const result: unknown = await run(node, params ?? []);
    // a notification has no id and gets no answer
    return id === undefined ? undefined : { jsonrpc: '2.0', id: known, result };
  } catch (error) {
    return failed(known, errorOf(error));
  }
};

/** Answers the text of a request: a call or a list of calls. @returns undefined where nothing is to be answered */
export const dispatch = async (node: DevNode, text: string): Promise<string | undefined> => {
  let request: unknown;
  try {
    if (tooDeep(text)) return JSON.stringify(failed(null, invalidRequest(`brackets are nested deeper than ${MAX_DEPTH}`)));
    request = JSON.parse(text);
  } catch {
    return JSON.stringify(failed(null, parseError()));
  }
  if (!Array.isArray(request)) {
    const answer = await one(node, request);
    return answer === undefined ? undefined : JSON.stringify(answer);
  }
  if (request.length === 0 || request.length > MAX_BATCH)
    return JSON.stringify(failed(null, invalidRequest(`a list has 1 to ${MAX_BATCH} calls, this has ${request.length}`)));
  const answers: Answer[] = [];
  for (const call of request) {
    const answer = await one(node, call);
    if (answer !== undefined) answers.push(answer);
  }
  return answers.length === 0 ? undefined : JSON.stringify(answers);
};
