/** Bytes that can be read in parts: in memory, or in a file that is larger than memory. */
export interface ByteSource {
  readonly size: number;
  /** Reading makes views of memory: holding on to what was read costs nothing. */
  readonly inMemory: boolean;
  /**
   * The bytes from `offset` on, fewer only where the source ends.
   * @param room - of at least so many bytes: they may be read into it, and the result be a view of it
   * @throws {MrlError} when a file changed or can no longer be read
   */
  read(offset: number, length: number, room?: Uint8Array): Uint8Array;
}

/** Bytes that are in memory; reading makes views. */
export const bytesSource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  inMemory: true,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});

/** Bytes read at a time; a multiple of every element's size. */
const PIECE_BYTES = 2 ** 20;

/** All bytes in order, in pieces; a piece of a source that is not in memory may be written over when the next one is asked for. */
export function* sourcePieces(source: ByteSource): Iterable<Uint8Array> {
  const room = source.inMemory ? undefined : new Uint8Array(Math.min(PIECE_BYTES, source.size));
  for (let offset = 0; offset < source.size; offset += PIECE_BYTES) yield source.read(offset, PIECE_BYTES, room);
}

/** A part of a source. */
export const partOf = (source: ByteSource, start: number, size: number): ByteSource => ({
  size,
  inMemory: source.inMemory,
  read: (offset, length, room) => source.read(start + offset, Math.max(0, Math.min(length, size - offset)), room),
});
