import { type ChildProcess, spawn } from 'node:child_process';

/** What came of waiting for a line. */
export type Heard =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'silent' }
  | { readonly kind: 'ended'; readonly how: string }
  | { readonly kind: 'endless' };

const concat = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const joined = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
};

const STDERR_BYTES = 4096;

/** What is not a right UTF-8 text becomes U+FFFD, and then fails to parse. */
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/**
 * A running program that is spoken to line by line. Nothing that it does can hurt the caller: replies are bounded in time and
 * length, output that nobody asked for stays in the pipe, of stderr the end is kept.
 */
export class Session {
  private readonly child: ChildProcess;
  private received: Uint8Array[] = [];
  private receivedBytes = 0;
  private errors = new Uint8Array(0);
  private ended: string | undefined;
  private wake: (() => void) | undefined;
  private readonly onExit = (): void => this.kill();

  /** @param command - for the shell, so that arguments and redirections work as typed */
  constructor(command: string, cwd: string) {
    // a group of its own: the shell's children die with it
    this.child = spawn(command, { shell: true, cwd, detached: process.platform !== 'win32', stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (chunk: Uint8Array) => {
      this.received.push(chunk);
      this.receivedBytes += chunk.length;
      this.child.stdout?.pause();
      this.wake?.();
    });
    this.child.stderr?.on('data', (chunk: Uint8Array) => {
      const joined = concat([this.errors, chunk]);
      this.errors = joined.subarray(Math.max(0, joined.length - STDERR_BYTES));
    });
    // a broken pipe shows as the end of the program
    this.child.stdin?.on('error', () => undefined);
    this.child.on('error', (error) => this.end(error.message));
    this.child.on('close', (status, signal) => this.end(signal === null ? `it exited with status ${status}` : `it was ended by ${signal}`));
    process.once('exit', this.onExit);
  }

  private end(how: string): void {
    this.ended ??= how;
    this.wake?.();
  }

  /** The end of what the program wrote to stderr. */
  get stderr(): string {
    return textOf(this.errors);
  }

  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** A whole line of what was received, taken out. */
  private takeLine(): string | undefined {
    const last = this.received.at(-1);
    // only the newest part can hold the first newline, unless a line was taken before
    if (last === undefined || !this.received.some((part) => part.includes(10))) return undefined;
    const joined = concat(this.received);
    const end = joined.indexOf(10);
    const rest = joined.subarray(end + 1);
    this.received = rest.length === 0 ? [] : [rest];
    this.receivedBytes = rest.length;
    return textOf(joined.subarray(0, end));
  }

  private look(limitBytes: number): Heard | undefined {
    const text = this.takeLine();
    if (text !== undefined) return text.length > limitBytes ? { kind: 'endless' } : { kind: 'line', text };
    if (this.receivedBytes > limitBytes) return { kind: 'endless' };
    return this.ended === undefined ? undefined : { kind: 'ended', how: this.ended };
  }

  /** The next line, within a time and a length. */
  async hear(limitMs: number, limitBytes: number): Promise<Heard> {
    const now = this.look(limitBytes);
    if (now !== undefined) return now;
    return new Promise((resolve) => {
      const finish = (heard: Heard): void => {
        clearTimeout(timer);
        this.wake = undefined;
        resolve(heard);
      };
      const timer = setTimeout(() => finish({ kind: 'silent' }), limitMs);
      this.wake = () => {
        const heard = this.look(limitBytes);
        if (heard !== undefined) finish(heard);
        else this.child.stdout?.resume();
      };
      this.child.stdout?.resume();
    });
  }

  /** Ends the program and what it started, at once. */
  kill(): void {
    process.removeListener('exit', this.onExit);
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      if (process.platform === 'win32') this.child.kill('SIGKILL');
      else process.kill(-pid, 'SIGKILL');
    } catch {
      // it is gone already
    }
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    this.child.stdin?.destroy();
    this.child.unref();
  }
}
