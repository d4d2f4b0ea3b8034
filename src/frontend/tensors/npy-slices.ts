import { type DType, formatShape, type Tensor } from '../../ir/index.ts';
import { type ByteSource, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import { elementTypeUnsupported, type NamedSource, npyHeaderMalformed, npyTrailingBytes, npyTruncated } from './diagnostics.ts';
import { checkShape, decodeNpy, readElements, readHeaderText, resolveElement } from './npy.ts';
import { parseNpyHeader } from './npy-header.ts';

/** A .npy file of which parts can be read. */
export interface NpySlices {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Elements [start, start + count) in C order, and IO2007 when float64 values were rounded. Errors: IO2002, IO2006. */
  read(start: number, count: number): Result<{ readonly data: Tensor['data']; readonly warnings: readonly Diagnostic[] }>;
}

/** Headers of numpy are 128 bytes; a longer one is read again. */
const USUAL_HEADER = 4096;
const LONGEST_HEADER = 2 ** 20;

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
