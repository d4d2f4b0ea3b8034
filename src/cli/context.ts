import type { ByteSource, Progress, Result } from '../support/index.ts';
import { type Draft, draftFile, writeFileAtomic } from './drafts.ts';
import { openSource } from './file-source.ts';
import { fileDigest, type FileKind, readFileLimited } from './files.ts';
import type { Io } from './io.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

/** What a command works with: files relative to the current folder, progress, and the clock for its summary. */
export interface Context {
  readonly io: Io;
  readonly progress: Progress;
  /** Names the build that runs, where it knows: what it remembers is found under this name. */
  readonly build: string | undefined;
  /** The completion script of a shell, over all commands. */
  completion(shell: Shell): Promise<string>;
  /** Reads a whole file of the given kind. */
  read(path: string, kind: FileKind): Result<Uint8Array>;
  /** SHA-256 of a file, however large. */
  digest(path: string, kind: FileKind): Result<string>;
  /** Opens a file that may be larger than memory. */
  open(path: string, kind: FileKind): Result<ByteSource>;
  /** Writes a file that gets its name later. */
  draft(path: string, pieces: Iterable<Uint8Array>): Result<Draft>;
  /** Writes a whole file or nothing. */
  write(path: string, content: Uint8Array | string): Result<{ readonly replaced: boolean }>;
}

export const createContext = (io: Io, progress: Progress, completion: Context['completion'], build?: string): Context => ({
  io,
  progress,
  build,
  completion,
  read: (path, kind) => readFileLimited(io.cwd, path, kind),
  digest: (path, kind) => fileDigest(io.cwd, path, kind),
  open: (path, kind) => openSource(io.cwd, path, kind),
  draft: (path, pieces) => draftFile(io.cwd, path, pieces),
  write: (path, content) => writeFileAtomic(io.cwd, path, content),
});
