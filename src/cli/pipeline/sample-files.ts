import { type NpySlices, openNpy, openNpz, pictureFormat } from '../../frontend/tensors/index.ts';
import { elementCount, Philox, randomTensor, type StaticType, type Tensor } from '../../ir/index.ts';
import type { CalibrationSample, SampleSource } from '../../passes/index.ts';
import {
  type ByteSource,
  bytesSource,
  at,
  type Diagnostic,
  fail,
  ok,
  type Progress,
  type Result,
  Sha256,
  sha256Hex,
  silentProgress,
  unwrap,
} from '../../support/index.ts';
import { inputsMismatch } from '../diagnostics.ts';
import { fileSize, isFolder, listFolder, readFileLimited, readFilePart } from '../files.ts';
import { pictureSample, type PreparationOptions, SAMPLE_EXTENSIONS, sampleCount, starts, toFloat, toInteger } from './samples.ts';

/** An input that samples are for. */
export interface SampleInput {
  readonly name: string;
  readonly type: StaticType;
}

/** Where samples come from. Plain data: every thread opens its own source of the same samples. */
export type SampleSpec =
  | {
      readonly kind: 'files';
      readonly cwd: string;
      /** Files and folders. */
      readonly paths: readonly string[];
      readonly inputs: readonly SampleInput[];
      readonly preparation: PreparationOptions;
      /** Most samples that are used. */
      readonly most: number;
    }
  | { readonly kind: 'random'; readonly inputs: readonly SampleInput[]; readonly count: number; readonly seed: number };

/** Samples of a specification. */
export interface OpenSamples extends SampleSource {
  readonly spec: SampleSpec;
  /** Bytes that the source holds while it is open: those of unpacked archives. */
  readonly heldBytes: number;
  /** What was odd about the samples read so far, once a file. */
  readonly warnings: () => readonly Diagnostic[];
  /** SHA-256 of everything that the samples are made from, in hex. It costs reading the files, but no decoding. */
  readonly fingerprint: () => string;
}

/** Consecutive samples of one input, from one array or picture. */
interface Column {
  readonly path: string;
  readonly count: number;
  /** @throws {MrlError} with the diagnostics of the file */
  read(index: number): Tensor;
}

type Warn = (path: string, warnings: readonly Diagnostic[]) => void;

/** Enough to tell every format. */
const MAGIC_BYTES = 64;
const PART_BYTES = 2 ** 22;

const arrayColumn = (slices: NpySlices, { type }: SampleInput, path: string, warn: Warn): Result<Column> => {
  const count = sampleCount(slices.shape, type.shape, path);
  if (!count.ok) return count;
  const size = elementCount(type.shape);
  const read = (index: number): Tensor => {
    const { data, warnings } = unwrap(slices.read(index * size, size));
    warn(path, warnings);
    const tensor = { dtype: slices.dtype, shape: type.shape, data } as Tensor;
    if (type.dtype === 'f32') return toFloat(tensor);
    return tensor.dtype === type.dtype ? tensor : unwrap(toInteger(tensor, type, path));
  };
  return ok({ path, count: count.value, read });
};

const pictureColumn = (cwd: string, path: string, { type }: SampleInput, preparation: PreparationOptions): Column => ({
  path,
  count: 1,
  read: () => unwrap(pictureSample(unwrap(readFileLimited(cwd, path, 'tensor')), path, type, preparation)),
});

/** The bytes of a file, read when they are needed. */
const fileBytes = (cwd: string, path: string, size: number): ByteSource => ({
  size,
  inMemory: false,
  read: (offset, length) => unwrap(readFilePart(cwd, path, 'tensor', offset, length)),
});

/** What a file holds: the arrays of an archive by name, or one array or picture. */
type Opened =
  | { readonly kind: 'arrays'; readonly arrays: ReadonlyMap<string, NpySlices>; readonly bytes: number }
  | { readonly kind: 'picture' };

const openFile = (cwd: string, path: string): Result<Opened> => {
  const size = fileSize(cwd, path, 'tensor');
  if (!size.ok) return size;
  const magic = readFilePart(cwd, path, 'tensor', 0, MAGIC_BYTES);
  if (!magic.ok) return magic;
  if (starts(magic.value, 0x50, 0x4b)) {
    const file = readFileLimited(cwd, path, 'tensor');
    if (!file.ok) return file;
    const arrays = openNpz(bytesSource(file.value), { name: path });
    return arrays.ok ? ok({ kind: 'arrays', arrays: arrays.value, bytes: size.value }) : arrays;
  }
  if (pictureFormat(magic.value) !== undefined || /[.](png|jpe?g|bmp|gif|webp|tiff?)$/i.test(path)) return ok({ kind: 'picture' });
  const array = openNpy(fileBytes(cwd, path, size.value), { name: path });
  return array.ok ? ok({ kind: 'arrays', arrays: new Map([['', array.value]]), bytes: 0 }) : array;
};

type FilesSpec = Extract<SampleSpec, { kind: 'files' }>;

/** One column for each array of a file: for models with one input. */
const singleColumns = (
  spec: FilesSpec,
  path: string,
  opened: Opened,
  warn: Warn,
  problems: Diagnostic[],
): readonly (readonly Column[])[] => {
  const input = at(spec.inputs, 0);
  if (opened.kind === 'picture') return [[pictureColumn(spec.cwd, path, input, spec.preparation)]];
  return [...opened.arrays.values()].flatMap((slices) => {
    const column = arrayColumn(slices, input, path, warn);
    if (column.ok) return [[column.value]];
    problems.push(...column.diagnostics);
    return [];
  });
};

/** One column for each input, by name, from an archive. */
const namedColumns = (
  spec: FilesSpec,
  path: string,
  opened: Opened,
  warn: Warn,
  problems: Diagnostic[],
): readonly (readonly Column[])[] => {
  const arrays = opened.kind === 'picture' ? new Map<string, NpySlices>() : opened.arrays;
  const before = problems.length;
  const columns = spec.inputs.flatMap((input) => {
    const slices = arrays.get(input.name);
    if (slices === undefined) {
      const has = opened.kind === 'picture' ? 'a picture' : [...arrays.keys()].map((name) => name || 'one array without a name').join(', ');
      const wanted = `a .npz with ${spec.inputs.map((p) => p.name).join(', ')}`;
      problems.push(inputsMismatch(`${path} has no array for input ${input.name} (it has ${has})`, wanted));
      return [];
    }
    const column = arrayColumn(slices, input, `${path}:${input.name}`, warn);
    if (column.ok) return [column.value];
    problems.push(...column.diagnostics);
    return [];
  });
  const counts = columns.map((c) => c.count);
  if (problems.length > before) return [];
  if (new Set(counts).size > 1) {
    problems.push(inputsMismatch(`${path} has ${counts.join(', ')} samples for its inputs`, 'the same number for each'));
    return [];
  }
  return [columns];
};

const listFiles = (spec: FilesSpec, problems: Diagnostic[]): readonly string[] =>
  spec.paths.flatMap((path) => {
    if (!isFolder(spec.cwd, path)) return [path];
    const listed = listFolder(spec.cwd, path, SAMPLE_EXTENSIONS);
    if (listed.ok) return listed.value;
    problems.push(...listed.diagnostics);
    return [];
  });

/** SHA-256 of a file's bytes, read in parts. */
const hashFile = (cwd: string, path: string): string => {
  const hash = new Sha256();
  const size = unwrap(fileSize(cwd, path, 'tensor'));
  for (let offset = 0; offset < size; offset += PART_BYTES) hash.update(unwrap(readFilePart(cwd, path, 'tensor', offset, PART_BYTES)));
  return hash.finish();
};

const openFiles = (spec: FilesSpec, progress: Progress): Result<OpenSamples> => {
  const problems: Diagnostic[] = [];
  const warnings = new Map<string, readonly Diagnostic[]>();
  const warn: Warn = (path, found) => void (found.length > 0 && !warnings.has(path) && warnings.set(path, found));
  const named = spec.inputs.length !== 1 || at(spec.inputs, 0).type.dtype !== 'f32';
  const files = listFiles(spec, problems);
  /** Columns side by side, and the index of their first sample. */
  const rows: { readonly columns: readonly Column[]; readonly first: number }[] = [];
  const used: string[] = [];
  let [count, heldBytes] = [0, 0];
  for (const [i, path] of files.entries()) {
    if (count >= spec.most) break;
    progress.step('looking at samples', i, files.length, path);
    const opened = openFile(spec.cwd, path);
    if (!opened.ok) {
      problems.push(...opened.diagnostics);
      continue;
    }
    used.push(path);
    if (opened.value.kind === 'arrays') heldBytes += opened.value.bytes;
    for (const columns of (named ? namedColumns : singleColumns)(spec, path, opened.value, warn, problems)) {
      rows.push({ columns, first: count });
      count += at(columns, 0).count;
    }
  }
  if (problems.length > 0) return fail(...problems);
  const read = (index: number): CalibrationSample => {
    const row = rows.findLast((r) => r.first <= index);
    return row === undefined ? [] : row.columns.map((c) => c.read(index - row.first));
  };
  const fingerprint = (): string =>
    sha256Hex(JSON.stringify([spec.inputs, spec.preparation, spec.most]), ...used.map((path) => hashFile(spec.cwd, path)));
  return ok({ spec, count: Math.min(count, spec.most), read, heldBytes, warnings: () => [...warnings.values()].flat(), fingerprint });
};

/** Seeded samples: real inputs uniform in [-1, 1), integers over their range. */
const openRandom = (spec: Extract<SampleSpec, { kind: 'random' }>): OpenSamples => ({
  spec,
  count: spec.count,
  heldBytes: 0,
  warnings: () => [],
  read: (index) =>
    spec.inputs.map(({ type }, k) => {
      const random = new Philox(spec.seed, k, index);
      return type.dtype === 'f32' ? randomTensor(type, random, -1, 1) : randomTensor(type, random);
    }),
  fingerprint: () => sha256Hex(JSON.stringify(spec)),
});

/**
 * Opens samples: files and headers are checked now, elements and pictures are read and decoded when they are asked for.
 * Errors: CLI2001 to CLI2005, CLI2009 to CLI2011 and those of the file formats; every unusable file is told.
 */
export const openSamples = (spec: SampleSpec, progress: Progress = silentProgress): Result<OpenSamples> =>
  spec.kind === 'random' ? ok(openRandom(spec)) : openFiles(spec, progress);
