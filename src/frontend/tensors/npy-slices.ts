import { type DType, elementCount, formatShape, StoredTensor, type Tensor, type TensorDesk } from '../../ir/index.ts';
import { type ByteSource, type Diagnostic, fail, ok, partOf, type Result, sourcePieces } from '../../support/index.ts';
import { elementTypeUnsupported, type NamedSource, npyHeaderMalformed, npyTrailingBytes, npyTruncated } from './diagnostics.ts';
import { checkShape, decodeNpy, readElements, readHeaderText, resolveElement } from './npy.ts';
import { parseNpyHeader } from './npy-header.ts';

/** A .npy file of which parts can be read. */
export interface NpySlices {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The elements as they stand in the file, where that is their canonical form: row-major, little-endian, none to be converted or checked. */
  readonly canonical: ByteSource | undefined;
  /** Elements [start, start + count) in C order, and IO2007 when float64 values were rounded. Errors: IO2002, IO2006. */
  read(start: number, count: number): Result<{ readonly data: Tensor['data']; readonly warnings: readonly Diagnostic[] }>;
}

/** Headers of numpy are 128 bytes; a longer one is read again. */
const USUAL_HEADER = 4096;
const LONGEST_HEADER = 2 ** 20;

/** numpy's names of the types that a tensor has as they are. Float16, 64-bit types and bool are read value by value. */
const CANONICAL = /^([<|=]?[iu]1|<[fi]4|<i2)$/;
const isCanonical = (descr: string): boolean => CANONICAL.test(descr);

const headerOf = (source: ByteSource, name: string | undefined): ReturnType<typeof readHeaderText> => {
  const usual = readHeaderText(source.read(0, Math.min(source.size, USUAL_HEADER)), name);
  return usual.ok || source.size <= USUAL_HEADER ? usual : readHeaderText(source.read(0, Math.min(source.size, LONGEST_HEADER)), name);
};

/**
 * Reads the header of a .npy file and checks that the file holds exactly the elements it declares; elements are read on demand.
 * Fortran order of two dimensions or more is read as a whole at the first demand.
 * Errors: IO2001 to IO2005, IO2008, IO2009.
 */
export const openNpy = (source: ByteSource, { name }: NamedSource = {}): Result<NpySlices> => {
  const raw = headerOf(source, name);
  if (!raw.ok) return raw;
  const parsed = parseNpyHeader(raw.value.text);
  if (parsed.kind === 'records') return fail(elementTypeUnsupported(name, '[...]', 'records with fields are not tensor elements'));
  if (parsed.kind === 'malformed') return fail(npyHeaderMalformed(name, parsed.problem));
  const { descr, fortranOrder, shape } = parsed.header;
  const resolved = resolveElement(descr, name);
  if (!resolved.ok) return resolved;
  const counted = checkShape(shape, name);
  if (!counted.ok) return counted;
  const { dataStart } = raw.value;
  const { bytes: size, dtype } = resolved.value.element;
  const [needed, present] = [counted.value * size, source.size - dataStart];
  if (present < needed) return fail(npyTruncated(name, `shape ${formatShape(shape)} of '${descr}'`, needed, present));
  if (present > needed) return fail(npyTrailingBytes(name, present - needed));
  let whole: ReturnType<typeof decodeNpy> | undefined;
  return ok({
    dtype,
    shape,
    canonical: isCanonical(descr) && !(fortranOrder && shape.length > 1) ? partOf(source, dataStart, needed) : undefined,
    read: (start, count) => {
      if (fortranOrder && shape.length > 1) {
        whole ??= decodeNpy(source.read(0, source.size), { name });
        if (!whole.ok) return whole;
        return ok({ data: whole.value.data.subarray(start, start + count) as Tensor['data'], warnings: whole.value.warnings });
      }
      const bytes = source.read(dataStart + start * size, count * size);
      if (bytes.length < count * size) return fail(npyTruncated(name, `${count} elements at ${start}`, count * size, bytes.length));
      return readElements(bytes, resolved.value, count, descr, name);
    },
  });
};

/** Elements from which on a tensor of a file is read when it is asked for. */
const STORED_FROM = 2 ** 20;
/** The array as a tensor: a large one stays in its file. Errors: those of `read`. */
export const npyTensor = (array: NpySlices, desk: TensorDesk): Result<Tensor> => {
  const { dtype, shape, canonical } = array;
  const count = elementCount(shape);
  if (canonical !== undefined && !canonical.inMemory && count >= STORED_FROM)
    return ok(new StoredTensor({ dtype, shape }, { pieces: () => sourcePieces(canonical) }, desk));
  const read = array.read(0, count);
  return read.ok ? ok({ dtype, shape, data: read.value.data }) : read;
};
