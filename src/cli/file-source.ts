import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ByteSource, bytesSource, MrlError, ok, type Result } from '../support/index.ts';
import { fileUnreadable } from './diagnostics.ts';
import { type FileKind, folderBeside, readAll, reasonOf, withFile } from './files.ts';

/** Files up to this size are read as a whole: views of them cost nothing. */
export const WHOLE_BYTES = 2 ** 28;

/** The system reads and writes less than 2 GiB at once. */
export const MOST_AT_ONCE = 2 ** 30;

/** Files that nothing refers to any more. */
const abandoned = new FinalizationRegistry<number>((handle) => closeSync(handle));

/** An open file; it stays the file it was when it was opened. */
export class FileSource implements ByteSource {
  readonly size: number;
  readonly inMemory = false;
  private readonly path: string;
  private readonly handle: number;
  private readonly changed: bigint;

  /** @param handle - closed when nothing refers to the source any more */
  constructor(path: string, handle: number) {
    const stat = fstatSync(handle, { bigint: true });
    this.path = path;
    this.handle = handle;
    this.size = Number(stat.size);
    this.changed = stat.mtimeNs;
    abandoned.register(this, handle);
  }

  read(offset: number, length: number, room?: Uint8Array): Uint8Array {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const bytes = room !== undefined && room.length >= wanted ? room.subarray(0, wanted) : new Uint8Array(wanted);
    let done = 0;
    try {
      while (done < wanted) {
        const got = readSync(this.handle, bytes, done, Math.min(MOST_AT_ONCE, wanted - done), offset + done);
        if (got === 0) break;
        done += got;
      }
      if (done === wanted && fstatSync(this.handle, { bigint: true }).mtimeNs === this.changed) return bytes;
    } catch (error) {
      throw new MrlError([fileUnreadable(this.path, reasonOf(error))], { cause: error });
    }
    throw new MrlError([fileUnreadable(this.path, 'it was changed while it was in use')]);
  }
}

/**
 * Opens a file for reading in parts; a small one is read as a whole. What was checked of it stays true: a file that is written to
 * later is refused (CLI2004, thrown), one that is replaced makes no difference. Errors: CLI2001 to CLI2005.
 * @param wholeBytes - files up to this size are read as a whole
 */
export const openSource = (cwd: string, path: string, kind: FileKind, wholeBytes = WHOLE_BYTES): Result<ByteSource> => {
  const opened = withFile(cwd, path, kind, (handle, size) => (size <= wholeBytes ? bytesSource(readAll(handle, 0, size)) : undefined));
  if (!opened.ok) return opened;
  return opened.value === undefined ? ok(new FileSource(path, openSync(resolve(cwd, path), 'r'))) : ok(opened.value);
};

/** Opens a data file that an ONNX model names, inside the folder of the model. Errors: CLI2001 to CLI2005, CLI2008. */
export const openBeside = (cwd: string, model: string, location: string, wholeBytes = WHOLE_BYTES): Result<ByteSource> => {
  const folder = folderBeside(cwd, model, location);
  return folder.ok ? openSource(folder.value, location, 'data', wholeBytes) : folder;
};
