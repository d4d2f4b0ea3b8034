import type { Answer, PackageAt, Ran, WorkerStart } from './protocol.ts';
import type { PackedRequest } from './ready-model.ts';
import { type Isolation, type Running, startWorker } from './worker.ts';

/** The worker ended before it answered. What it was asked can be asked again elsewhere: the answer is the same. */
export class WorkerGone extends Error {
  override readonly name = 'WorkerGone';
  /** Whether it worked on this very model. */
  readonly blamed: boolean;
  constructor(how: string, blamed: boolean) {
    super(how);
    this.blamed = blamed;
  }
}

/** Workers of this kind do not start here. */
export class WorkerUseless extends Error {
  override readonly name = 'WorkerUseless';
}

/** What a request of a call or of a block is, while it waits and runs. */
export interface Ticket {
  /** For a block: goes before calls. */
  readonly urgent: boolean;
  /** Nobody waits for it any more. */
  gone: boolean;
}

interface Task<K extends 'load' | 'run', T> {
  readonly kind: K;
  readonly model: string;
  readonly ticket: Ticket;
  readonly done: (value: T) => void;
  readonly failed: (error: Error) => void;
}
interface LoadTask extends Task<'load', { readonly bytes: number; readonly ms: number } | string> {
  readonly from: PackageAt;
}
interface RunTask extends Task<'run', Ran> {
  readonly request: PackedRequest;
}
type AnyTask = LoadTask | RunTask;

export interface LaneOptions {
  readonly isolation: Isolation;
  /** The compiled worker-main.ts. */
  readonly main: URL;
  readonly start: WorkerStart;
  /** How many requests for a model may go to the worker at once: few where each takes long, so that others have their turn. */
  readonly groupOf: (model: string) => number;
  /** The worker is gone, and all that it had loaded. @param asked - by this node, to make room */
  readonly ended: (lane: Lane, how: string, asked: boolean) => void;
}

/** Ends before it is ready, after which what waits is told that it does not start. */
const START_ATTEMPTS = 3;

/** A worker and what waits for it. It is started when it is needed, and again when it has ended. */
export class Lane {
  /** Counts its workers: what one had loaded the next one has not. */
  generation = 0;
  private readonly options: LaneOptions;
  private readonly waiting: AnyTask[] = [];
  private current: readonly AnyTask[] = [];
  private running: Running | undefined;
  private ready = false;
  private badStarts = 0;
  private asked = false;
  private closed = false;

  constructor(options: LaneOptions) {
    this.options = options;
  }

  /** Tasks that run and wait. */
  get length(): number {
    return this.waiting.length + this.current.length;
  }
  get isRunning(): boolean {
    return this.running !== undefined;
  }
  /** Of one model. */
  lengthOf(model: string): number {
    let n = 0;
    for (const tasks of [this.waiting, this.current]) for (const task of tasks) if (task.kind === 'run' && task.model === model) n++;
    return n;
  }

  /** Starts the worker before anyone asks it something. */
  warm(): void {
    if (this.running === undefined && !this.closed) this.begin();
  }

  /** @returns what the model holds; a text: why this node cannot run it */
  load(model: string, from: PackageAt, ticket: Ticket): Promise<{ readonly bytes: number; readonly ms: number } | string> {
    return new Promise((done, failed) => this.add({ kind: 'load', model, ticket, from, done, failed }));
  }

  /** @param generation - that loaded the model */
  run(model: string, generation: number, request: PackedRequest, ticket: Ticket): Promise<Ran> {
    if (generation !== this.generation) return Promise.reject(new WorkerGone('it had ended', false));
    return new Promise((done, failed) => this.add({ kind: 'run', model, ticket, request, done, failed }));
  }

  /** Gives up a model. */
  drop(model: string, generation: number): void {
    if (generation === this.generation) this.running?.send({ kind: 'drop', model });
  }

  /** Something became gone: when nothing else runs and somebody waits, the worker is ended to make room. */
  relieve(): void {
    const { current, waiting } = this;
    if (current.length === 0 || !current.every((task) => task.ticket.gone) || !waiting.some((task) => !task.ticket.gone)) return;
    this.asked = true;
    this.running?.kill();
  }

  /** Ends the worker; what waits is refused. */
  close(): void {
    this.closed = true;
    this.asked = true;
    this.running?.kill();
    this.fail(new WorkerGone('the node ends', false));
  }

  private add(task: AnyTask): void {
    if (this.closed) return task.failed(new WorkerUseless('the node ends'));
    this.waiting.push(task);
    if (this.running === undefined) this.begin();
    else this.next();
    this.relieve();
  }

  private begin(): void {
    this.ready = false;
    this.asked = false;
    this.generation++;
    const { isolation, main, start } = this.options;
    const own: Running = startWorker(isolation, main, {
      answered: (answer) => this.answered(answer),
      ended: (how) => {
        if (this.running === own) this.ended(how);
      },
    });
    this.running = own;
    own.hold(true);
    own.send({ kind: 'start', start });
  }

  private answered(answer: Answer): void {
    if (answer.kind === 'ready' || answer.kind === 'useless') {
      if (answer.kind === 'useless') return this.fail(new WorkerUseless(answer.reason));
      this.ready = true;
      this.badStarts = 0;
      return this.next();
    }
    const tasks = this.current;
    this.current = [];
    const [first] = tasks;
    if (answer.kind === 'ran')
      tasks.forEach((task, i) => {
        if (task.kind === 'run') task.done(answer.results[i] ?? { trouble: 'the worker gave no answer' });
      });
    else if (first?.kind === 'load') first.done(answer.kind === 'loaded' ? { bytes: answer.bytes, ms: answer.ms } : answer.what);
    return this.next();
  }

  private next(): void {
    if (!this.ready || this.current.length > 0) return;
    const { waiting, running } = this;
    for (let i = waiting.length - 1; i >= 0; i--) {
      const task = waiting[i];
      if (task?.kind !== 'run' || !task.ticket.gone) continue;
      // whoever asked has had its answer; the model is free
      waiting.splice(i, 1);
      task.failed(new WorkerGone('nobody waits for it', false));
    }
    const first = waiting.find((task) => task.ticket.urgent) ?? waiting[0];
    running?.hold(first !== undefined);
    if (first === undefined) return;
    this.current = first.kind === 'load' ? [first] : this.groupOf(first);
    for (const task of this.current) waiting.splice(waiting.indexOf(task), 1);
    const { model } = first;
    if (first.kind === 'load') running?.send({ kind: 'load', model, from: first.from });
    else running?.send({ kind: 'run', model, requests: this.current.flatMap((task) => (task.kind === 'run' ? [task.request] : [])) });
  }

  /** Requests for the same model, of the same urgency, in the order in which they came. */
  private groupOf(first: RunTask): readonly AnyTask[] {
    const most = this.options.groupOf(first.model);
    const group: AnyTask[] = [];
    for (const task of this.waiting) {
      if (group.length >= most) break;
      if (task.kind === 'run' && task.model === first.model && task.ticket.urgent === first.ticket.urgent) group.push(task);
    }
    return group;
  }

  private ended(how: string): void {
    const { asked, ready, current } = this;
    this.running = undefined;
    this.generation++;
    this.current = [];
    this.ready = false;
    if (!ready && !asked) this.badStarts++;
    this.options.ended(this, how, asked);
    for (const task of current) task.failed(new WorkerGone(how, !asked));
    // those that wait for a model of this worker ask again, since nobody has it; loads have lost nothing
    const runs = this.waiting.filter((task) => task.kind === 'run');
    this.waiting.splice(0, this.waiting.length, ...this.waiting.filter((task) => task.kind === 'load'));
    for (const task of runs) task.failed(new WorkerGone(how, false));
    if (this.badStarts >= START_ATTEMPTS) {
      this.badStarts = 0;
      this.fail(new WorkerUseless(`workers do not start: ${how}`));
    } else if (this.waiting.length > 0 && !this.closed) this.begin();
  }

  private fail(error: Error): void {
    const tasks = [...this.current, ...this.waiting.splice(0)];
    this.current = [];
    for (const task of tasks) task.failed(error);
    this.running?.hold(false);
  }
}
