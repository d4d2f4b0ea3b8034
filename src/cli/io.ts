/** Where text goes: a terminal, a pipe, or a test's buffer. `process.stdout` is one. */
export interface Sink {
  write(chunk: string | Uint8Array): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Everything of the outside world that a command may touch besides files. */
export interface Io {
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Relative paths start here. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Most memory that this process has held, in bytes. */
  readonly peakBytes: () => number;
}

/** A stream of this process. A reader that closes the pipe early (head, less) has seen what it wanted: that is no failure. */
const guarded = (stream: NodeJS.WriteStream): Sink => {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 74);
  });
  return stream;
};

/** The streams, folder, clock and memory of this process. A stream is opened when it is first used: that takes a millisecond. */
export const processIo = (): Io => {
  let stdout: Sink | undefined;
  let stderr: Sink | undefined;
  return {
    get stdout() {
      return (stdout ??= guarded(process.stdout));
    },
    get stderr() {
      return (stderr ??= guarded(process.stderr));
    },
    cwd: process.cwd(),
    env: process.env,
    now: () => Number(process.hrtime.bigint()) / 1e6,
    peakBytes: () => process.resourceUsage().maxRSS * 1024,
  };
};
