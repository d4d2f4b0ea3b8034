import { elementCount, StoredTensor, type Tensor, type TensorDesk } from '../../ir/index.ts';
import { type ByteSource, type Diagnostic, fail, ok, partOf, type Result, sourcePieces } from '../../support/index.ts';
import { checkShape, type ElemName, ELEMS, hostFromBytes, programTensor } from '../host-tensor.ts';
import { caught, damaged, parameterProblem } from '../import-problems.ts';
import { keyTwice } from './keys.ts';

/** Types of the format that a program holds. */
const TYPES: Readonly<Record<string, ElemName>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
};

/** The format's own bound on the header. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
/** Elements from which on a tensor of a file is read when it is asked for. */
const STORED_FROM = 2 ** 20;

/** A tensor of the file, its place checked. */
export interface SafeTensor {
  readonly elem: ElemName;
  readonly shape: readonly number[];
  /** As a program keeps it: floats as float32, integers by their own type or int32. Errors: IMP1005, IMP1008, IMP1009. */
  readonly tensor: (desk: TensorDesk) => Result<Tensor>;
}

interface Entry {
  readonly name: string;
  readonly elem: ElemName;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const isWholes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((v) => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0);

const entryOf = (name: string, value: unknown): Result<Entry> => {
  const {
    dtype,
    shape,
    data_offsets: place,
  } = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const elem = typeof dtype === 'string' && Object.hasOwn(TYPES, dtype) ? TYPES[dtype] : undefined;
  if (elem === undefined) return fail(parameterProblem(name, `its dtype is ${JSON.stringify(dtype)?.slice(0, 40) ?? 'missing'}`));
  if (!isWholes(shape)) return fail(parameterProblem(name, 'its shape is no list of sizes'));
  if (!isWholes(place) || place.length !== 2) return fail(parameterProblem(name, 'its data_offsets are no two places'));
  const [begin = 0, end = 0] = place;
  try {
    checkShape(name, shape);
  } catch (error) {
    return fail(...caught(error));
  }
  const needed = elementCount(shape) * ELEMS[elem].bytes;
  return end - begin === needed
    ? ok({ name, elem, shape, begin, end })
    : fail(parameterProblem(name, `${String(dtype)}[${shape.join(', ')}] needs ${needed} bytes, but has those from ${begin} to ${end}`));
};

/** The header: JSON that begins on a brace, every key once. */
const headerOf = (source: ByteSource): Result<{ readonly header: Readonly<Record<string, unknown>>; readonly dataStart: number }> => {
  const broken = (detail: string): Result<never> => fail(damaged('safetensors', detail));
  const lead = source.read(0, LENGTH_BYTES);
  if (lead.length < LENGTH_BYTES) return broken(`it has ${lead.length} bytes`);
  const length = Number(new DataView(lead.buffer, lead.byteOffset, LENGTH_BYTES).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || LENGTH_BYTES + length > source.size) return broken(`its header says that it has ${length} bytes`);
  const bytes = source.read(LENGTH_BYTES, length);
  if (bytes[0] !== 0x7b) return broken('its header begins on no brace');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const header: unknown = JSON.parse(text);
    const twice = keyTwice(text);
    if (twice !== undefined) return broken(`its header names ${twice.slice(0, 80)} twice`);
    return ok({ header: header as Readonly<Record<string, unknown>>, dataStart: LENGTH_BYTES + length });
  } catch {
    return broken('its header is no JSON in UTF-8');
  }
};

/** Tensors lie one behind the other, from the first byte of data to the last. */
const layoutProblems = (entries: readonly Entry[], dataBytes: number): readonly Diagnostic[] => {
  const ordered = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  const problems: Diagnostic[] = [];
  let place = 0;
  for (const { name, begin, end } of ordered) {
    if (begin !== place)
      problems.push(
        parameterProblem(
          name,
          `it begins at byte ${begin} of the data, ${begin > place ? 'behind a hole' : 'in another'} that ends at ${place}`,
        ),
      );
    place = Math.max(place, end);
  }
  if (place !== dataBytes) problems.push(damaged('safetensors', `its tensors end at byte ${place} of ${dataBytes} bytes of data`));
  return problems;
};

/**
 * Opens a safetensors file. Nothing of a tensor is read before it is asked for.
 * @returns tensors by name, in the order of the header. Errors: IMP1001, IMP1005, of all tensors at once.
 * @see https://github.com/huggingface/safetensors#format
 */
export const openSafetensors = (source: ByteSource): Result<ReadonlyMap<string, SafeTensor>> => {
  const read = headerOf(source);
  if (!read.ok) return read;
  const { header, dataStart } = read.value;
  const named = Object.entries(header).filter(([name]) => name !== '__metadata__');
  const entries = named.map(([name, value]) => entryOf(name, value));
  const problems = entries.flatMap((e) => (e.ok ? [] : e.diagnostics));
  if (problems.length > 0) return fail(...problems);
  const good = entries.flatMap((e) => (e.ok ? [e.value] : []));
  const places = layoutProblems(good, source.size - dataStart);
  if (places.length > 0) return fail(...places);
  return ok(new Map(good.map((entry) => [entry.name, tensorAt(source, dataStart, entry)])));
};

const tensorAt = (source: ByteSource, dataStart: number, { name, elem, shape, begin, end }: Entry): SafeTensor => {
  const part = partOf(source, dataStart + begin, end - begin);
  const { dtype } = ELEMS[elem];
  return {
    elem,
    shape,
    tensor: (desk) => {
      // elements that are stored as a program keeps them may stay in the file
      if ((elem === 'float32' || elem === 'int32' || elem === 'int8') && !part.inMemory && elementCount(shape) >= STORED_FROM)
        return ok(new StoredTensor({ dtype, shape }, { pieces: () => sourcePieces(part) }, desk));
      try {
        return ok(programTensor(name, hostFromBytes(name, elem, shape, part.read(0, part.size))));
      } catch (error) {
        return fail(...caught(error));
      }
    },
  };
};
