import { crc32 } from 'node:zlib';
import { inflateSync, zipSync } from 'fflate';
import { type ByteSource, bytesSource, type Diagnostic, diagnostic, fail, ok, partOf, type Result } from '../support/index.ts';

/** One file of an archive: a part of it when the member is stored. */
export interface ZipMember {
  readonly name: string;
  readonly source: ByteSource;
}

export interface ReadZipOptions {
  /** Most bytes that all members together may unpack to. */
  readonly maxBytes: number;
  /** Names the archive in diagnostics. */
  readonly name?: string | undefined;
}

const damaged = (where: string | undefined, problem: string): Diagnostic =>
  diagnostic('IO2020', `the zip archive ${problem}`, { where, notes: ['Copy or write the archive again.'] });
const unsupported = (where: string | undefined, member: string, feature: string): Diagnostic =>
  diagnostic('IO2021', `member "${member.slice(0, 80)}" ${feature}`, {
    where,
    notes: ['Write the archive with stored or deflated members, without encryption.'],
  });
const tooLarge = (where: string | undefined, message: string): Diagnostic =>
  diagnostic('IO2022', message, { where, notes: ['Split the archive, or raise the limit if its source is trusted.'] });

// Record sizes and signatures: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.14 to 4.3.16; zip64 values: 4.5.3.
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_BYTES = 46;
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const WIDE_END_SIGNATURE = 0x06064b50;
const WIDE_END_BYTES = 56;
const WIDE_EXTRA = 1;
const IN_ZIP64 = 0xffffffff;
/** A directory of 2^20 members with names of 200 bytes. */
const MAX_DIRECTORY_BYTES = 2 ** 28;
const STORED = 0;
const DEFLATED = 8;
/** Deflate codes at most 258 bytes in two bits; what it adds to that is below one block. */
const MAX_DEFLATE_RATIO = 1032;

interface CentralEntry {
  readonly name: string;
  readonly encrypted: boolean;
  readonly method: number;
  readonly checksum: number;
  /** Every field that says it is in zip64 form has its 64-bit value. */
  readonly isComplete: boolean;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly localOffset: number;
}

/** Bytes that are checked at a time. */
const PART_BYTES = 1 << 22;

const checksumOf = (source: ByteSource): number => {
  const room = new Uint8Array(Math.min(PART_BYTES, source.size));
  let crc = 0;
  for (let at = 0; at < source.size; at += PART_BYTES) crc = crc32(source.read(at, PART_BYTES, room), crc);
  return crc;
};

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Where the end record starts: the last place whose comment reaches exactly to the end of the file. */
const findEnd = (view: DataView): number | undefined => {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= 0 && last - at <= MAX_COMMENT_BYTES; at--) {
    if (view.getUint32(at, true) === END_SIGNATURE && view.getUint16(at + 20, true) === last - at) return at;
  }
  return undefined;
};

/** Where the directory is. */
interface Directory {
  readonly count: number;
  readonly sizeBytes: number;
  readonly offset: number;
  /** Where what follows the directory starts. */
  readonly end: number;
}

const wide = (view: DataView, at: number): number => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);

/** The zip64 end record, which a locator before the plain one names. */
const findWideEnd = (source: ByteSource, end: number, where: string | undefined): Result<Directory> => {
  const locator = viewOf(source.read(Math.max(0, end - LOCATOR_BYTES), LOCATOR_BYTES));
  const missing = fail(damaged(where, 'is in zip64 form but has no zip64 end record'));
  if (end < LOCATOR_BYTES || locator.getUint32(0, true) !== LOCATOR_SIGNATURE) return missing;
  const at = wide(locator, 8);
  if (at + WIDE_END_BYTES > end) return missing;
  const record = viewOf(source.read(at, WIDE_END_BYTES));
  if (record.byteLength < WIDE_END_BYTES || record.getUint32(0, true) !== WIDE_END_SIGNATURE) return missing;
  const [here, count] = [wide(record, 24), wide(record, 32)];
  if (record.getUint32(16, true) !== 0 || here !== count) return fail(unsupported(where, '(directory)', 'is spread over several files'));
  return ok({ count, sizeBytes: wide(record, 40), offset: wide(record, 48), end: at });
};

const findDirectory = (source: ByteSource, where: string | undefined): Result<Directory> => {
  const tail = source.read(Math.max(0, source.size - MAX_COMMENT_BYTES - END_BYTES), MAX_COMMENT_BYTES + END_BYTES);
  const view = viewOf(tail);
  const at = findEnd(view);
  if (at === undefined) return fail(damaged(where, 'has no end record: it is cut off or not a zip file'));
  const end = source.size - tail.length + at;
  const count = view.getUint16(at + 10, true);
  const sizeBytes = view.getUint32(at + 12, true);
  const offset = view.getUint32(at + 16, true);
  if (count === 0xffff || sizeBytes === IN_ZIP64 || offset === IN_ZIP64) return findWideEnd(source, end, where);
  if (view.getUint32(at + 4, true) !== 0 || view.getUint16(at + 8, true) !== count)
    return fail(unsupported(where, '(directory)', 'is spread over several files'));
  return ok({ count, sizeBytes, offset, end });
};

/** The 64-bit values of an entry whose 32-bit fields say so, in the order of the fields. */
const wideValues = (extra: DataView): readonly number[] => {
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const [id, size] = [extra.getUint16(at, true), extra.getUint16(at + 2, true)];
    if (id === WIDE_EXTRA && at + 4 + size <= extra.byteLength)
      return Array.from({ length: Math.min(3, Math.floor(size / 8)) }, (_, i) => wide(extra, at + 4 + 8 * i));
    at += 4 + size;
  }
  return [];
};

/** One entry of the directory; fields that need zip64 values and have none stay `IN_ZIP64`. */
const readEntry = (bytes: Uint8Array, at: number, nameEnd: number, extraEnd: number): CentralEntry => {
  const view = viewOf(bytes);
  const values = wideValues(viewOf(bytes.subarray(nameEnd, extraEnd)));
  let next = 0;
  const field = (offset: number): number => {
    const value = view.getUint32(at + offset, true);
    return value === IN_ZIP64 ? (values[next++] ?? IN_ZIP64) : value;
  };
  const [unpackedBytes, packedBytes, localOffset] = [field(24), field(20), field(42)];
  return {
    name: new TextDecoder().decode(bytes.subarray(at + CENTRAL_BYTES, nameEnd)),
    encrypted: (view.getUint16(at + 8, true) & 1) !== 0,
    method: view.getUint16(at + 10, true),
    checksum: view.getUint32(at + 16, true),
    isComplete: next <= values.length,
    packedBytes,
    unpackedBytes,
    localOffset,
  };
};

/** Reads the central directory, which alone says what is in the archive. */
const readDirectory = (source: ByteSource, where: string | undefined): Result<readonly CentralEntry[]> => {
  const found = findDirectory(source, where);
  if (!found.ok) return found;
  const { count, sizeBytes, offset, end } = found.value;
  if (offset + sizeBytes > end) return fail(damaged(where, `has a directory of ${sizeBytes} bytes at ${offset}, past its end record`));
  if (sizeBytes > MAX_DIRECTORY_BYTES)
    return fail(tooLarge(where, `the directory has ${sizeBytes} bytes, but the limit is ${MAX_DIRECTORY_BYTES}`));
  const bytes = source.read(offset, sizeBytes);
  const view = viewOf(bytes);
  const entries: CentralEntry[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > sizeBytes || view.getUint32(at, true) !== CENTRAL_SIGNATURE) {
      return fail(damaged(where, `has no directory entry ${i + 1} of ${count} at byte ${offset + at}`));
    }
    const nameEnd = at + CENTRAL_BYTES + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > sizeBytes) return fail(damaged(where, `has a directory entry at byte ${offset + at} that passes the directory's end`));
    entries.push(readEntry(bytes, at, nameEnd, extraEnd));
    at = next;
  }
  return ok(entries);
};

/** What can be refused from the directory alone, before a byte is unpacked. */
const checkEntry = (entry: CentralEntry, where: string | undefined): Diagnostic | undefined => {
  const { name, packedBytes, unpackedBytes } = entry;
  if (entry.encrypted) return unsupported(where, name, 'is encrypted');
  if (entry.method !== STORED && entry.method !== DEFLATED) return unsupported(where, name, `uses compression method ${entry.method}`);
  if (!entry.isComplete) return damaged(where, `says that "${name}" is in zip64 form but has no 64-bit sizes for it`);
  if (entry.method === STORED && packedBytes !== unpackedBytes) {
    return damaged(where, `says that "${name}" is stored, but gives it ${packedBytes} packed and ${unpackedBytes} unpacked bytes`);
  }
  if (unpackedBytes > packedBytes * MAX_DEFLATE_RATIO) {
    return tooLarge(where, `member "${name}" says ${unpackedBytes} bytes, which cannot come out of ${packedBytes} packed bytes`);
  }
  return undefined;
};

/** Where the bytes of a member are. */
const locate = (source: ByteSource, entry: CentralEntry, where: string | undefined): Result<ByteSource> => {
  const { name, localOffset, packedBytes } = entry;
  const local = viewOf(source.read(Math.min(localOffset, source.size), LOCAL_BYTES));
  if (local.byteLength < LOCAL_BYTES || local.getUint32(0, true) !== LOCAL_SIGNATURE) {
    return fail(damaged(where, `has no member "${name}" at byte ${localOffset}`));
  }
  // Sizes in the local record may be placeholders (streamed, or numpy's forced zip64), so only its own length is used.
  const start = localOffset + LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true);
  if (start + packedBytes > source.size) {
    return fail(damaged(where, `has ${Math.max(0, source.size - start)} bytes for "${name}" instead of ${packedBytes}`));
  }
  return ok(partOf(source, start, packedBytes));
};

/** Unpacks one member into exactly the bytes its entry states; a stored one stays where it is. */
const unpack = (source: ByteSource, entry: CentralEntry, where: string | undefined): Result<ZipMember> => {
  const { name, unpackedBytes, packedBytes } = entry;
  const packed = locate(source, entry, where);
  if (!packed.ok) return packed;
  let member = packed.value;
  if (entry.method === DEFLATED) {
    try {
      // One byte of room more than stated shows a member that is longer; fflate drops what has no room.
      member = bytesSource(inflateSync(member.read(0, packedBytes), { out: new Uint8Array(unpackedBytes + 1) }));
    } catch (error) {
      return fail(
        damaged(where, `has a member "${name}" that does not inflate: ${error instanceof Error ? error.message : 'unknown cause'}`),
      );
    }
  }
  if (member.size !== unpackedBytes)
    return fail(damaged(where, `has a member "${name}" whose size is not the stated ${unpackedBytes} bytes`));
  if (checksumOf(member) !== entry.checksum) return fail(damaged(where, `has a member "${name}" whose checksum differs`));
  return ok({ name, source: member });
};

/**
 * Opens a zip archive: stored and deflated members, zip64 included; sizes and CRC-32 are checked. Stored members are parts of the
 * source, deflated ones are unpacked in memory.
 * Before anything is unpacked, the sizes that the directory states must fit `maxBytes` together, and each must be
 * possible for its packed size, so that the allocation is bounded by both.
 * @returns the members in directory order; folders (names ending in `/`) are left out. Errors: IO2020 to IO2022.
 */
export const openZip = (source: ByteSource, { maxBytes, name }: ReadZipOptions): Result<readonly ZipMember[]> => {
  const directory = readDirectory(source, name);
  if (!directory.ok) return directory;
  const entries = directory.value.filter((entry) => !entry.name.endsWith('/'));
  const problems = entries.map((entry) => checkEntry(entry, name)).filter((problem) => problem !== undefined);
  if (problems.length > 0) return fail(...problems);
  const total = entries.reduce((sum, entry) => sum + entry.unpackedBytes, 0);
  if (total > maxBytes) return fail(tooLarge(name, `the members say ${total} bytes together, but the limit is ${maxBytes}`));
  const members: ZipMember[] = [];
  for (const entry of entries) {
    const member = unpack(source, entry, name);
    if (!member.ok) return member;
    members.push(member.value);
  }
  return ok(members);
};

/** A local time without zone: the archive stores local time, so every machine writes the same bytes. */
const FIXED_TIME = '1980-01-01T00:00:00';

/**
 * Writes an archive whose bytes depend on names, data, order and `compress` alone. Names are not whole numbers: an
 * object, which is what fflate takes, would list those first.
 * @param options.compress - deflate the members; they are stored otherwise
 */
export const writeZip = (
  members: readonly { readonly name: string; readonly data: Uint8Array }[],
  { compress = false }: { readonly compress?: boolean } = {},
): Uint8Array => zipSync(Object.fromEntries(members.map(({ name, data }) => [name, data])), { level: compress ? 6 : 0, mtime: FIXED_TIME });
