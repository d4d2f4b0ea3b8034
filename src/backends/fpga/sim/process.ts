import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { diagnostic, MrlError } from '../../../support/index.ts';
import { causeOf, inTemporaryFolder, isSystemError, readIfThere, writeAll } from '../../cpu/cache/files.ts';

/** Operations of bench/cx_sim.cpp, in its order. */
export const OPERATIONS = [
  'OPEN',
  'CLOSE',
  'WRITE_MEMORY',
  'READ_MEMORY',
  'WRITE_REGISTER',
  'READ_REGISTER',
  'WAIT',
  'TICK',
  'TRAFFIC',
  'FAULTS',
  'RESET',
  'STEPS',
  'BUS_COUNTS',
] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface Answer {
  readonly results: readonly number[];
  readonly payload: Uint8Array;
}

const WORDS = 8;
const ARGUMENTS = 4;
/** Of what the process writes to stderr the end is told. */
const STDERR_BYTES = 2000;

/** Of Linux, for programs. */
const TICKS_A_SECOND = 100;

const NO_BYTES = new Uint8Array(0);

/** A named pipe whose ends block, each opened by this process; the reader's end of one belongs to the child, the writer's of the other. */
const openPipe = (path: string): { readonly read: number; readonly write: number } => {
  // neither end can be opened alone without waiting for the other, but for this one
  const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const write = openSync(path, constants.O_WRONLY);
  const read = openSync(path, constants.O_RDONLY);
  closeSync(first);
  return { read, write };
};

/**
 * A running simulator that is asked synchronously, one thing at a time. Its process ends with this one, since its input does; it keeps
 * neither the process nor files alive.
 */
export class Simulator {
  private readonly child: ChildProcess;
  private readonly to: number;
  private readonly from: number;
  private readonly errors: number;
  private closed = false;

  /** @throws {MrlError} FPG0032 when it cannot be started */
  constructor(path: string) {
    const opened = inTemporaryFolder((folder) => {
      const [requests, answers, errors] = [join(folder, 'requests'), join(folder, 'answers'), join(folder, 'errors')];
      const made = spawnSync('mkfifo', ['-m', '600', requests, answers], { encoding: 'utf8' });
      if (made.status !== 0) throw ended(`mkfifo makes no named pipe: ${made.error?.message ?? made.stderr.trim()}`);
      return { requests: openPipe(requests), answers: openPipe(answers), errors: openSync(errors, 'w+') };
    });
    this.to = opened.requests.write;
    this.from = opened.answers.read;
    this.errors = opened.errors;
    this.child = spawn(path, [], { stdio: [opened.requests.read, opened.answers.write, opened.errors] });
    this.child.on('error', () => undefined);
    this.child.unref();
    // the child alone holds these from now on: its end is seen
    closeSync(opened.requests.read);
    closeSync(opened.answers.write);
    if (this.child.pid === undefined) throw ended(`${path} does not start`);
  }

  /**
   * @throws {MrlError} FPG0032 when the simulator ends or refuses
   */
  ask(operation: Operation, instance = 0, args: readonly number[] = [], payload: Uint8Array = NO_BYTES): Answer {
    const head = new Uint32Array(WORDS);
    head.set([OPERATIONS.indexOf(operation) + 1, instance]);
    head.set(args.slice(0, ARGUMENTS), 2);
    head.set([payload.byteLength % 2 ** 32, Math.floor(payload.byteLength / 2 ** 32)], 6);
    if (this.closed) throw ended('it was closed');
    try {
      writeAll(this.to, new Uint8Array(head.buffer));
      writeAll(this.to, payload);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw this.lost(causeOf(error));
    }
    const answer = new Uint32Array(this.read(4 * WORDS).buffer);
    const [status, ...results] = answer;
    const content = this.read(results.pop() ?? 0);
    if (status !== 0) throw ended(new TextDecoder().decode(content));
    return { results, payload: content };
  }

  private read(bytes: number): Uint8Array {
    const content = new Uint8Array(bytes);
    for (let done = 0; done < bytes; ) {
      const got = readSync(this.from, content, done, bytes - done, null);
      if (got === 0) throw this.lost('it ended');
      done += got;
    }
    return content;
  }

  private lost(how: string): MrlError {
    const size = fstatSync(this.errors).size;
    const text = new Uint8Array(Math.min(size, STDERR_BYTES));
    readSync(this.errors, text, 0, text.length, size - text.length);
    const said = new TextDecoder().decode(text).trim();
    this.close();
    return ended(said === '' ? how : `${how}\n${said}`);
  }

  /** Seconds of processor time that the process has used; undefined where the system does not tell. */
  processorSeconds(): number | undefined {
    const stat = readIfThere(`/proc/${this.child.pid ?? 0}/stat`);
    if (stat === undefined) return undefined;
    // behind the name, which may hold anything, come the state and, as fields 14 and 15, the ticks of the process
    const fields = new TextDecoder()
      .decode(stat)
      .replace(/^.*[)] /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const file of [this.to, this.from, this.errors]) closeSync(file);
  }
}

const ended = (how: string): MrlError =>
  new MrlError([
    diagnostic('FPG0032', `the simulation of the core is over: ${how}`, {
      notes: ['Other backends give the same bytes: --fallback names one.'],
    }),
  ]);
