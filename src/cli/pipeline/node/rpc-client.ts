import { diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import { visible } from '../../text.ts';

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

/** Calls methods of a node. Errors: NOD0002 when it does not answer, NOD0003 with what it says. */
export class RpcClient {
  private readonly url: string;
  private readonly token: string | undefined;
  private id = 0;

  /** @param token - of whoever runs the node */
  constructor(url: string, token?: string) {
    this.url = url;
    this.token = token;
  }

  async call(method: string, ...params: readonly unknown[]): Promise<Result<unknown>> {
    const silent = (reason: string): Result<unknown> =>
      fail(
        diagnostic('NOD0002', `${visible(this.url)}: ${visible(reason)}`, {
          notes: ['Start one: cortexc node --dev, or name another: --rpc URL.'],
        }),
      );
    let answer: unknown;
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }) },
        body: JSON.stringify({ jsonrpc: '2.0', id: ++this.id, method, params }),
      });
      answer = await response.json();
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return silent(cause instanceof Error ? cause.message : String(cause));
    }
    if (!isRecord(answer)) return silent('the answer is no JSON-RPC');
    const { error } = answer;
    if (!isRecord(error)) return ok(answer['result']);
    return fail(diagnostic('NOD0003', `${method}: ${visible(String(error['message']))}`, { where: visible(this.url) }));
  }
}
