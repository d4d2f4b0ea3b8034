import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../app.ts';
import type { Io } from '../io.ts';

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  readonly now?: () => number;
  /** The build that it takes itself for. */
  readonly build?: string;
}

/** Runs a command line in this process with its streams in memory. */
export const cli = async (
  words: readonly string[],
  { cwd = process.cwd(), env = {}, terminal = false, now, build }: RunOptions = {},
): Promise<Ran> => {
  let stdout = '';
  let stderr = '';
  let time = 0;
  const text = (chunk: string | Uint8Array): string => (typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk));
  const io: Io = {
    stdout: {
      write: (chunk) => {
        stdout += text(chunk);
      },
    },
    stderr: {
      isTTY: terminal,
      columns: 100,
      write: (chunk) => {
        stderr += text(chunk);
      },
    },
    cwd,
    env,
    now: now ?? (() => time++),
    peakBytes: () => 0,
  };
  const exit = await runCli(words, io, { build });
  return { exit, stdout, stderr };
};

/** Runs with a fresh folder that is removed afterwards. */
export const inFolder = async <T>(use: (folder: string) => Promise<T> | T): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-cli-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
