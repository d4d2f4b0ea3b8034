import { elementCount, isStaticType, type OpName, type StaticType, type Tensor, zeros } from '../../ir/index.ts';
import { diagnostic, fail, ok, type Progress, type Result, silentProgress } from '../../support/index.ts';
import { operandsOf, type VectorCase } from '../case.ts';
import type { RefusedCase } from '../refused.ts';
import { type CaseResult, judgeResults, type Outcome } from '../run.ts';
import { greeting, type Hello, readHello, readReply, replyLimit, requestLine } from './protocol.ts';
import { type Heard, Session } from './session.ts';

export interface ExecOptions {
  readonly command: string;
  readonly cwd: string;
  /** Of cortexc, for the greeting. */
  readonly version: string;
  /** For a case. */
  readonly limitMs: number;
  /** For the answer to the greeting, when that takes longer: interpreters and virtual machines start slowly. */
  readonly startMs?: number;
  readonly digests?: ReadonlyMap<string, string>;
  readonly progress?: Progress;
}

export interface ExecRun {
  readonly name: string;
  readonly results: readonly CaseResult[];
  readonly refusals: readonly { readonly case: RefusedCase; readonly outcome: Outcome }[];
  /** Why the rest of the cases was not run. */
  readonly stopped?: string;
  /** How often the program was started again. */
  readonly restarts: number;
}

const MOST_REFUSED_ELEMENTS = 100_000;
const HELLO_BYTES = 1 << 20;
const START_MS = 30_000;
/** Starts in a row that fail before the run is given up. */
const MOST_STARTS = 3;
/** Cases in a row without a reply that can be read. */
const MOST_BROKEN = 10;

const failed = (kind: 'timeout' | 'protocol' | 'crash', reason: string): Outcome => ({ status: 'failed', kind, reason });

/** The sentence of a wait that brought no line. */
const withoutLine = (heard: Exclude<Heard, { kind: 'line' }>, limitMs: number, session: Session): Outcome => {
  const stderr = session.stderr.trim();
  const said = stderr === '' ? '' : `; stderr ends with: ${stderr.slice(-500)}`;
  switch (heard.kind) {
    case 'silent':
      return failed('timeout', `no reply within ${limitMs} ms${said}`);
    case 'ended':
      return failed('crash', `the program ended before its reply: ${heard.how}${said}`);
    case 'endless':
      return failed('protocol', `the reply is longer than any right one${said}`);
    default:
      return heard satisfies never;
  }
};

const reasonOf = (outcome: Outcome): string => (outcome.status === 'passed' ? '' : outcome.reason);

/** A program under test that is started again after it misbehaved. */
class Subject {
  private session: Session | undefined;
  private readonly options: ExecOptions;
  private broken = 0;
  starts = 0;
  hello: Hello | undefined;
  stopped: string | undefined;

  constructor(options: ExecOptions) {
    this.options = options;
  }

  /** The running program, started when there is none; undefined when it does not start any more. */
  async running(): Promise<Session | undefined> {
    let problem = '';
    for (let attempt = 0; this.session === undefined && attempt < MOST_STARTS; attempt++) {
      const session = new Session(this.options.command, this.options.cwd);
      this.starts++;
      session.say(greeting(this.options.version));
      const limitMs = Math.max(this.options.limitMs, this.options.startMs ?? START_MS);
      const heard = await session.hear(limitMs, HELLO_BYTES);
      const hello = heard.kind === 'line' ? readHello(heard.text) : reasonOf(withoutLine(heard, limitMs, session));
      if (typeof hello !== 'string') {
        this.hello = hello;
        this.session = session;
        break;
      }
      session.kill();
      problem = hello;
      // what it says will not change; what a crash or a wait was about may
      if (heard.kind === 'line') break;
    }
    if (this.session === undefined) this.stopped = `it does not start: ${problem}`;
    return this.session;
  }

  stop(): void {
    this.session?.kill();
    this.session = undefined;
  }

  /** One case: its reply judged. After a reply that cannot be read the program is started anew. */
  async ask(request: Parameters<typeof requestLine>[0], judge: (results: readonly Tensor[]) => Outcome): Promise<Outcome | undefined> {
    const session = await this.running();
    if (session === undefined) return undefined;
    const { limitMs } = this.options;
    session.say(requestLine(request));
    const heard = await session.hear(limitMs, replyLimit(request.results));
    if (heard.kind !== 'line') return this.misbehaved(withoutLine(heard, limitMs, session));
    const reply = readReply(heard.text, request.id, request.results);
    if (reply.kind === 'wrong') return this.misbehaved(failed('protocol', reply.problem));
    this.broken = 0;
    return reply.kind === 'refused' ? { status: 'refused', reason: reply.reason } : judge(reply.results);
  }

  private misbehaved(outcome: Outcome): Outcome {
    this.stop();
    if (++this.broken >= MOST_BROKEN)
      this.stopped = `${MOST_BROKEN} cases in a row had no reply that can be read; the last: ${reasonOf(outcome)}`;
    return outcome;
  }
}

const takes = (hello: Hello | undefined, op: OpName): boolean => hello !== undefined && (hello.ops === 'all' || hello.ops.has(op));

const runVectors = async (
  subject: Subject,
  cases: readonly VectorCase[],
  { digests, progress = silentProgress }: ExecOptions,
): Promise<CaseResult[]> => {
  const results: CaseResult[] = [];
  for (const [i, c] of cases.entries()) {
    const { op, attrs, results: types } = c.shape;
    progress.step('cases', i, cases.length, c.id);
    if (!takes(subject.hello, op)) {
      results.push({ case: c, outcome: { status: 'refused', reason: 'the program does not list the op' } });
      continue;
    }
    if (subject.stopped !== undefined) break;
    const operands = operandsOf(c);
    const outcome = await subject.ask({ id: c.id, op, attrs, operands, results: types }, (got) => judgeResults(c, operands, got, digests));
    if (outcome === undefined) break;
    results.push({ case: c, outcome });
  }
  progress.step('cases', results.length, cases.length);
  return results;
};

const runRefusals = async (subject: Subject, cases: readonly RefusedCase[]): Promise<ExecRun['refusals']> => {
  const results: { case: RefusedCase; outcome: Outcome }[] = [];
  for (const c of cases) {
    if (subject.stopped !== undefined || subject.hello?.refusals !== true) break;
    const types = c.operands.filter((t): t is StaticType => isStaticType(t));
    // symbols have no size to send, and some constraints are about sizes that nobody wants to send
    const large = types.some((t) => elementCount(t.shape) > MOST_REFUSED_ELEMENTS);
    if (large || !takes(subject.hello, c.op) || types.length < c.operands.length) continue;
    const outcome = await subject.ask({ id: c.id, op: c.op, attrs: c.attrs, operands: types.map(zeros), results: [] }, () => ({
      status: 'failed',
      kind: 'accepted',
      reason: `${c.constraint} is broken, but the program gives results`,
    }));
    if (outcome === undefined) break;
    results.push({ case: c, outcome: outcome.status === 'refused' ? { status: 'passed' } : outcome });
  }
  return results;
};

/**
 * Runs cases on a program over the protocol. What the program does wrong costs the case a named failure, never the run.
 * Error: CNF0007 when it does not even answer the greeting.
 */
export const runExec = async (
  cases: readonly VectorCase[],
  refused: readonly RefusedCase[],
  options: ExecOptions,
): Promise<Result<ExecRun>> => {
  const subject = new Subject(options);
  try {
    await subject.running();
    if (subject.hello === undefined) {
      return fail(
        diagnostic('CNF0007', `${options.command}: ${subject.stopped ?? ''}`, {
          notes: ['docs/conformance-protocol.md shows what it has to say.'],
        }),
      );
    }
    const { name } = subject.hello;
    const results = await runVectors(subject, cases, options);
    const refusals = await runRefusals(subject, refused);
    const stopped = subject.stopped === undefined ? {} : { stopped: subject.stopped };
    return ok({ name, results, refusals, restarts: subject.starts - 1, ...stopped });
  } finally {
    subject.stop();
  }
};
