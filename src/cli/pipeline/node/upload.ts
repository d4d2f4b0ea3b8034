import { MAX_PART_BYTES, gapsOf, type Range, rangeBytes } from '../../../node/index.ts';
import { type ByteSource, diagnostic, fail, ok, type Progress, type Result, sha256 } from '../../../support/index.ts';
import { visible } from '../../text.ts';

export interface UploadTo {
  /** URL of the RPC of the node. */
  readonly rpc: string;
  /** In hex. */
  readonly hash: string;
  readonly token: string | undefined;
  readonly progress: Progress;
}

/** Tries of one part, with growing pauses between them. */
const TRIES = 6;
/** Looks at what is there, after each of which what lacks is sent. */
const ROUNDS = 4;
const FIRST_WAIT_MS = 250;
const KIB = 1024;
/** Longest answer that is read. */
const MAX_ANSWER = 2 ** 20;

interface Reply {
  readonly status: number;
  readonly words: string;
  readonly present: readonly Range[];
}

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
};

const readReply = async (response: Response): Promise<Reply> => {
  const text = (await response.text()).slice(0, MAX_ANSWER);
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    said = {};
  }
  const { error, present } = (typeof said === 'object' && said !== null ? said : {}) as { error?: unknown; present?: unknown };
  const ranges = Array.isArray(present)
    ? present.filter(
        (r): r is [number, number] => Array.isArray(r) && r.length === 2 && r.every((n) => Number.isSafeInteger(n) && Number(n) >= 0),
      )
    : [];
  return { status: response.status, words: typeof error === 'string' ? error : text.slice(0, 200), present: ranges };
};

const WAIT: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Sends a request, again where the connection broke or the node says so. */
const ask = async (url: string, init: RequestInit, rpc: string): Promise<Result<Reply>> => {
  let problem = '';
  for (let n = 0; n < TRIES; n++) {
    if (n > 0) await new Promise((next) => setTimeout(next, FIRST_WAIT_MS * 2 ** n));
    try {
      const reply = await readReply(await fetch(url, { ...init, redirect: 'error' }));
      if (!WAIT.has(reply.status)) return ok(reply);
      problem = `it answers ${reply.status} ${reply.words}`;
    } catch (error) {
      problem = reasonOf(error);
    }
  }
  return fail(
    diagnostic('NOD0002', `${visible(rpc)}: ${visible(problem)}`, {
      notes: ['What was sent is kept there: the same command goes on with it.'],
    }),
  );
};

/**
 * Sends what a node lacks of a package, a part at a time; what an earlier run sent is not sent again. One part is in memory.
 * @returns bytes that were sent; undefined: the node had it. Errors: NOD0002, NOD0003
 */
export const uploadPackage = async (file: ByteSource, { rpc, hash, token, progress }: UploadTo): Promise<Result<number | undefined>> => {
  const url = `${new URL(rpc).origin}/packages/${hash}`;
  const key = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let sent = 0;
  // a node that ended without what it had not made durable is told of it once more
  for (let round = 0; round < ROUNDS; round++) {
    const there = await ask(url, { method: 'HEAD' }, rpc);
    if (!there.ok) return there;
    if (there.value.status === 200) return ok(round === 0 ? undefined : sent);
    const draft = there.value.status === 202 ? await ask(`${url}/draft`, {}, rpc) : ok(undefined);
    if (!draft.ok) return draft;
    const present = draft.value?.present.filter(([a, b]) => a < b && b <= file.size) ?? [];
    let done = rangeBytes(present);
    const gaps = [...gapsOf(present, file.size, MAX_PART_BYTES)];
    // all of it came before, but the node ended before it was checked: a part asks for that
    if (gaps.length === 0) gaps.push([Math.max(0, file.size - MAX_PART_BYTES), file.size]);
    for (const [from, to] of gaps) {
      progress.step('upload (KiB)', Math.floor(done / KIB), Math.ceil(file.size / KIB));
      // a copy: the request holds it until it is sent
      const bytes = file.read(from, to - from).slice();
      const part = await ask(
        url,
        {
          method: 'PUT',
          headers: {
            ...key,
            'content-range': `bytes ${from}-${to - 1}/${file.size}`,
            'content-digest': `sha-256=:${btoa(String.fromCharCode(...sha256(bytes)))}:`,
          },
          body: bytes,
        },
        rpc,
      );
      if (!part.ok) return part;
      const { status, words } = part.value;
      if (status !== 200 && status !== 201 && status !== 204)
        return fail(diagnostic('NOD0003', `the package is refused (${status}): ${visible(words)}`, { where: visible(rpc) }));
      done = Math.min(file.size, done + to - from);
      sent += to - from;
      if (status !== 204) return ok(sent);
    }
  }
  return fail(
    diagnostic('NOD0003', `all ${file.size} bytes were sent, but the node does not say that it has the package`, { where: visible(rpc) }),
  );
};
