import { type Diagnostic, diagnostic } from '../../support/index.ts';

/** Says which file or archive member is meant; left out when the caller names it otherwise. */
export interface NamedSource {
  readonly name?: string | undefined;
}

type Where = string | undefined;

export const notNpy = (where: Where, found: string): Diagnostic =>
  diagnostic('IO2001', `the file starts with ${found}, not with the NumPy magic 93 4e 55 4d 50 59`, {
    where,
    notes: ['Write the array with numpy.save.'],
  });

export const npyTruncated = (where: Where, what: string, needed: number, present: number): Diagnostic =>
  diagnostic('IO2002', `${what} needs ${needed} bytes, but the file has ${present} for it`, {
    where,
    notes: ['Copy or write the file again; it was cut off, or its header does not tell the truth.'],
  });

export const npyHeaderMalformed = (where: Where, problem: string): Diagnostic =>
  diagnostic('IO2003', `the NumPy header ${problem}`, { where, notes: ['Write the array with numpy.save.'] });

export const npyTrailingBytes = (where: Where, extra: number): Diagnostic =>
  diagnostic('IO2004', `${extra} bytes follow the array`, {
    where,
    notes: ['Keep one array in a .npy file; put several into a .npz file with numpy.savez.'],
  });

export const elementTypeUnsupported = (where: Where, descr: string, reason: string): Diagnostic =>
  diagnostic('IO2005', `element type '${descr.slice(0, 40)}': ${reason}`, {
    where,
    notes: ["Convert before saving, for example array.astype('float32') or array.astype('int8')."],
  });

export const valueOutOfRange = (where: Where, descr: string, dtype: string, first: number, value: number, count: number): Diagnostic =>
  diagnostic(
    'IO2006',
    `element ${first} of type '${descr}' is ${Number.isSafeInteger(value) ? value : `about ${BigInt(value)}`}, outside ${dtype}${count > 1 ? `, and so are ${count - 1} more` : ''}`,
    { where, notes: ['Scale or clip the values before saving; a value is never wrapped.'] },
  );

export const valuesRounded = (where: Where, descr: string, count: number, total: number): Diagnostic =>
  diagnostic('IO2007', `${count} of ${total} values of type '${descr}' are not exact in float32 and were rounded`, {
    where,
    severity: 'warning',
    notes: ["Save array.astype('float32') to keep what was measured and what is read the same."],
  });

export const arrayTooLarge = (where: Where, problem: string): Diagnostic =>
  diagnostic('IO2008', problem, { where, notes: ['A tensor holds fewer than 2^31 elements in at most 8 dimensions; split the array.'] });

export const npyVersionUnsupported = (where: Where, version: string): Diagnostic =>
  diagnostic('IO2009', `the NumPy format version is ${version}, but 1.0, 2.0 and 3.0 are read`, {
    where,
    notes: ['Write the array with numpy.save.'],
  });

export const memberNotArray = (where: Where, member: string, problem: string): Diagnostic =>
  diagnostic('IO2023', `member "${member.slice(0, 80)}" ${problem}`, { where, notes: ['Write the archive with numpy.savez.'] });

export const pictureFormatUnknown = (where: Where, found: string): Diagnostic =>
  diagnostic('IO2040', `${found} is not a picture format that is read`, { where, notes: ['Convert the picture to PNG, JPEG or BMP.'] });

/** @param problem - a sentence with the byte offset where it was seen, if there is one */
export const pictureDamaged = (where: Where, format: string, problem: string): Diagnostic =>
  diagnostic('IO2041', `${format}: ${problem}`, { where, notes: ['Copy the file again, or open and save it with a picture editor.'] });

export const pictureUnsupported = (where: Where, format: string, feature: string): Diagnostic =>
  diagnostic('IO2042', `${format}: ${feature}`, { where, notes: ['Convert the picture to an 8-bit RGB PNG.'] });

export const pictureTooLarge = (where: Where, width: number, height: number, maxPixels: number): Diagnostic =>
  diagnostic('IO2043', `the picture is ${width} x ${height}, but the limits are 65535 a side and ${maxPixels} pixels`, {
    where,
    notes: ['Scale the picture down, or raise the pixel limit.'],
  });

export const pictureUnjustified = (where: Where, format: string, width: number, height: number, bytes: number): Diagnostic =>
  diagnostic('IO2044', `${format}: the header says ${width} x ${height}, which cannot come out of ${bytes} bytes of picture data`, {
    where,
    notes: ['Copy the file again; it was cut off, or its header does not tell the truth.'],
  });

export const preparationOutOfRange = (message: string, remedy: string): Diagnostic => diagnostic('IO2050', message, { notes: [remedy] });

/** The first bytes of a file in hexadecimal, for a message. */
export const firstBytes = (bytes: Uint8Array): string =>
  bytes.length === 0 ? 'no bytes at all' : Array.from(bytes.subarray(0, 6), (b) => b.toString(16).padStart(2, '0')).join(' ');
