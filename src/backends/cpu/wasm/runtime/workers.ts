import type { StartWorker, Worker, WorkerTask } from './crew.ts';

/** A worker of the platform, as both Node and browsers have it. */
export interface PlatformWorker {
  postMessage(task: WorkerTask): void;
  terminate(): unknown;
}

/** Starts a worker that runs a script; `lose` is told when it ends or cannot start. */
export type OpenWorker = (source: string, lose: (reason: string) => void) => PlatformWorker;

/** The part of `node:worker_threads` that is used. */
export interface NodeWorker extends PlatformWorker {
  unref(): void;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
}
type NodeWorkerOptions = { eval: true; execArgv: string[]; env: Record<string, string>; stdout: true; stderr: true };

/** Workers of Node; they never keep the process alive. @param Thread - the class Worker of `node:worker_threads` */
export const openNodeWorker =
  (Thread: new (source: string, options: NodeWorkerOptions) => NodeWorker): OpenWorker =>
  (source, lose) => {
    const thread = new Thread(source, { eval: true, execArgv: [], env: {}, stdout: true, stderr: true });
    thread.unref();
    thread.on('error', (error) => lose(String(error)));
    thread.on('exit', (code) => lose(`it ended with code ${code}`));
    return thread;
  };

/** Most workers that are kept for the next program: one takes some milliseconds to start and some megabytes. */
const MOST_KEPT = 16;

/** Workers that run one script; those that were sent away wait for the next program. */
export class WorkerPool {
  private readonly waiting: Worker[] = [];
  private readonly source: string;
  private readonly open: OpenWorker;
  private readonly most: number;

  constructor(open: OpenWorker, source: string, most = MOST_KEPT) {
    this.open = open;
    this.source = source;
    this.most = most;
  }

  /** A worker that waits for a task, or a new one. */
  readonly start: StartWorker = () => this.waiting.pop() ?? this.create();

  private create(): Worker {
    let tell: ((reason: string) => void) | undefined;
    const raw = this.open(this.source, (reason) => {
      const at = this.waiting.indexOf(worker);
      if (at >= 0) this.waiting.splice(at, 1);
      tell?.(reason);
      tell = undefined;
    });
    const worker: Worker = {
      post: (task) => raw.postMessage(task),
      onLost: (listener) => {
        tell = listener;
      },
      release: () => {
        tell = undefined;
        if (this.waiting.length < this.most) this.waiting.push(worker);
        else raw.terminate();
      },
      terminate: () => void raw.terminate(),
    };
    return worker;
  }
}
