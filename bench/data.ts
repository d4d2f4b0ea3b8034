import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const findRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
};

/** The folder of package.json. */
export const ROOT = findRoot();

/** The folder of real models and data sets, if this machine has it. */
export const dataFolder = (): string | undefined => {
  const folder = process.env['CORTEXC_DATA'] ?? join(ROOT, '..', 'shared', 'data');
  return existsSync(join(folder, 'MANIFEST.md')) ? folder : undefined;
};

/** A labelled set of 8-bit gray pictures in IDX files (yann.lecun.com/exdb/mnist). */
export interface IdxSet {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

export const readIdx = (imagePath: string, labelPath: string): IdxSet => {
  const images = gunzipSync(readFileSync(imagePath));
  const labels = gunzipSync(readFileSync(labelPath));
  const view = new DataView(images.buffer, images.byteOffset, images.byteLength);
  const [count, height, width] = [view.getUint32(4), view.getUint32(8), view.getUint32(12)];
  return { count, height, width, pixels: new Uint8Array(images.subarray(16)), labels: new Uint8Array(labels.subarray(8)) };
};

/** A file of an archive. */
export interface ArchiveFile {
  /** Without its folder. */
  readonly name: string;
  /** The name of the folder it lies in. */
  readonly folder: string;
  readonly bytes: Uint8Array;
}

/** Files of a .tar.zst, sorted by path; undefined when tar or zstd is not on this machine. */
export const readArchive = (path: string): readonly ArchiveFile[] | undefined => {
  const folder = mkdtempSync(join(tmpdir(), 'cortexc-bench-'));
  try {
    if (spawnSync('tar', ['--zstd', '-xf', path, '-C', folder]).status !== 0) return undefined;
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => ({ name: basename(file), folder: basename(dirname(file)), bytes: new Uint8Array(readFileSync(file)) }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Runs the command line in a process of its own. */
export const runCommand = (
  words: readonly string[],
): { readonly status: number; readonly stdout: string; readonly stderr: string; readonly ms: number } => {
  const main = join(ROOT, 'dist', 'src', 'cli', 'main.js');
  const started = process.hrtime.bigint();
  const result = spawnSync(process.execPath, [main, ...words], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  return { status: result.status ?? 70, stdout: result.stdout, stderr: result.stderr, ms: Number(process.hrtime.bigint() - started) / 1e6 };
};

/** The JSON of a command that has to succeed. */
export const runJson = <T>(words: readonly string[]): T => {
  const { status, stdout, stderr } = runCommand([...words, '--json']);
  if (status !== 0) throw new Error(`cortexc ${words.join(' ')} ended with ${status}: ${stdout.slice(0, 2000)}${stderr.slice(0, 2000)}`);
  return JSON.parse(stdout) as T;
};
