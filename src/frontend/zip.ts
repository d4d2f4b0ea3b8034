import { inflateSync, zipSync } from 'fflate';
import { type Diagnostic, diagnostic, fail, ok, type Result } from '../support/index.ts';

/** One file of an archive; `data` is a view into the archive when the member is stored. */
export interface ZipMember {
  readonly name: string;
  readonly data: Uint8Array;
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

// Record sizes and signatures: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16.
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_BYTES = 46;
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const IN_ZIP64 = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;
/** Deflate codes at most 258 bytes in two bits; what it adds to that is below one block. */
const MAX_DEFLATE_RATIO = 1032;

interface CentralEntry {
  readonly name: string;
  readonly encrypted: boolean;
  readonly method: number;
  readonly checksum: number;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly localOffset: number;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
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

/** Reads the central directory, which alone says what is in the archive. */
const readDirectory = (bytes: Uint8Array, where: string | undefined): Result<readonly CentralEntry[]> => {
  const view = viewOf(bytes);
  const end = findEnd(view);
  if (end === undefined) return fail(damaged(where, 'has no end record: it is cut off or not a zip file'));
  const count = view.getUint16(end + 10, true);
  const directoryBytes = view.getUint32(end + 12, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === IN_ZIP64) return fail(unsupported(where, '(directory)', 'is in zip64 form'));
  if (view.getUint32(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count) {
    return fail(unsupported(where, '(directory)', 'is spread over several files'));
  }
  if (at + directoryBytes > end) return fail(damaged(where, `has a directory of ${directoryBytes} bytes at ${at}, past its end record`));
  const directoryEnd = at + directoryBytes;
  const entries: CentralEntry[] = [];
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > directoryEnd || view.getUint32(at, true) !== CENTRAL_SIGNATURE) {
      return fail(damaged(where, `has no directory entry ${i + 1} of ${count} at byte ${at}`));
    }
    const nameEnd = at + CENTRAL_BYTES + view.getUint16(at + 28, true);
    const next = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > directoryEnd) return fail(damaged(where, `has a directory entry at byte ${at} that passes the directory's end`));
    entries.push({
      name: new TextDecoder().decode(bytes.subarray(at + CENTRAL_BYTES, nameEnd)),
      encrypted: (view.getUint16(at + 8, true) & 1) !== 0,
      method: view.getUint16(at + 10, true),
      checksum: view.getUint32(at + 16, true),
      packedBytes: view.getUint32(at + 20, true),
      unpackedBytes: view.getUint32(at + 24, true),
      localOffset: view.getUint32(at + 42, true),
    });
    at = next;
  }
  return ok(entries);
};

/** What can be refused from the directory alone, before a byte is unpacked. */
const checkEntry = (entry: CentralEntry, where: string | undefined): Diagnostic | undefined => {
  const { name, packedBytes, unpackedBytes } = entry;
  if (entry.encrypted) return unsupported(where, name, 'is encrypted');
  if (entry.method !== STORED && entry.method !== DEFLATED) return unsupported(where, name, `uses compression method ${entry.method}`);
  if ([packedBytes, unpackedBytes, entry.localOffset].includes(IN_ZIP64)) return unsupported(where, name, 'is in zip64 form');
  if (entry.method === STORED && packedBytes !== unpackedBytes) {
    return damaged(where, `says that "${name}" is stored, but gives it ${packedBytes} packed and ${unpackedBytes} unpacked bytes`);
  }
  if (unpackedBytes > packedBytes * MAX_DEFLATE_RATIO) {
    return tooLarge(where, `member "${name}" says ${unpackedBytes} bytes, which cannot come out of ${packedBytes} packed bytes`);
  }
  return undefined;
};

/** Unpacks one member into exactly the bytes its entry states. */
const unpack = (bytes: Uint8Array, entry: CentralEntry, where: string | undefined): Result<ZipMember> => {
  const { name, localOffset, packedBytes, unpackedBytes } = entry;
  const view = viewOf(bytes);
  if (localOffset + LOCAL_BYTES > bytes.length || view.getUint32(localOffset, true) !== LOCAL_SIGNATURE) {
    return fail(damaged(where, `has no member "${name}" at byte ${localOffset}`));
  }
  // Sizes in the local record may be placeholders (streamed, or numpy's forced zip64), so only its own length is used.
  const start = localOffset + LOCAL_BYTES + view.getUint16(localOffset + 26, true) + view.getUint16(localOffset + 28, true);
  if (start + packedBytes > bytes.length) {
    return fail(damaged(where, `has ${Math.max(0, bytes.length - start)} bytes for "${name}" instead of ${packedBytes}`));
  }
  const packed = bytes.subarray(start, start + packedBytes);
  let data = packed;
  if (entry.method === DEFLATED) {
    try {
      // One byte of room more than stated shows a member that is longer; fflate drops what has no room.
      data = inflateSync(packed, { out: new Uint8Array(unpackedBytes + 1) });
    } catch (error) {
      return fail(
        damaged(where, `has a member "${name}" that does not inflate: ${error instanceof Error ? error.message : 'unknown cause'}`),
      );
    }
  }
  if (data.length !== unpackedBytes)
    return fail(damaged(where, `has a member "${name}" whose size is not the stated ${unpackedBytes} bytes`));
  if (crc32(data) !== entry.checksum) return fail(damaged(where, `has a member "${name}" whose checksum differs`));
  return ok({ name, data });
};

/**
 * Reads a zip archive: stored and deflated members below 4 GiB, sizes and CRC-32 checked.
 * Before anything is unpacked, the sizes that the directory states must fit `maxBytes` together, and each must be
 * possible for its packed size, so that the allocation is bounded by both.
 * @returns the members in directory order; folders (names ending in `/`) are left out. Errors: IO2020 to IO2022.
 */
export const readZip = (bytes: Uint8Array, { maxBytes, name }: ReadZipOptions): Result<readonly ZipMember[]> => {
  const directory = readDirectory(bytes, name);
  if (!directory.ok) return directory;
  const entries = directory.value.filter((entry) => !entry.name.endsWith('/'));
  const problems = entries.map((entry) => checkEntry(entry, name)).filter((problem) => problem !== undefined);
  if (problems.length > 0) return fail(...problems);
  const total = entries.reduce((sum, entry) => sum + entry.unpackedBytes, 0);
  if (total > maxBytes) return fail(tooLarge(name, `the members say ${total} bytes together, but the limit is ${maxBytes}`));
  const members: ZipMember[] = [];
  for (const entry of entries) {
    const member = unpack(bytes, entry, name);
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
export const writeZip = (members: readonly ZipMember[], { compress = false }: { readonly compress?: boolean } = {}): Uint8Array =>
  zipSync(Object.fromEntries(members.map(({ name, data }) => [name, data])), { level: compress ? 6 : 0, mtime: FIXED_TIME });
