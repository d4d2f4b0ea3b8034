import { joinBytes } from '../../../support/index.ts';
import { TransferError } from '../transfer.ts';

/** Bytes of a message at most, as peers of IPFS agree on. */
const MAX_MESSAGE_BYTES = 2 ** 22;

/** Bytes of messages that have not come whole, over all streams: who comes when it is used up is left. */
export class HeldBytes {
  private held = 0;
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(bytes: number): void {
    this.held += bytes;
    if (this.held > this.limit)
      throw new TransferError(`${this.held} bytes of messages wait for their ends, more than the ${this.limit} that are held`);
  }

  free(bytes: number): void {
    this.held -= bytes;
  }
}

/** A message with its length in front. */
export const framed = (message: Uint8Array): Uint8Array => {
  const digits: number[] = [];
  for (let rest = message.length; ; rest = Math.floor(rest / 128)) {
    digits.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) break;
  }
  return joinBytes([Uint8Array.from(digits), message]);
};

/**
 * Takes messages out of a stream; of one that says to be longer than `MAX_MESSAGE_BYTES` nothing is held.
 * @throws {TransferError} when it is, or when more is held than `held` allows
 */
export async function* unframed(source: AsyncIterable<{ subarray: () => Uint8Array }>, held: HeldBytes): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let count = 0;
  let length: number | undefined;
  let scale = 1;
  let digits = 0;
  try {
    for await (const list of source) {
      let piece = list.subarray();
      while (piece.length > 0) {
        if (length === undefined) {
          // the length comes digit by digit, in any number of pieces
          const [digit = 0] = piece;
          piece = piece.subarray(1);
          digits += (digit & 127) * scale;
          scale *= 128;
          if (digits > MAX_MESSAGE_BYTES || scale > 2 ** 35)
            throw new TransferError(`a message says to have ${digits} bytes or more, but at most ${MAX_MESSAGE_BYTES} are taken`);
          if (digit >= 128) continue;
          length = digits;
          [digits, scale] = [0, 1];
        }
        const part = piece.subarray(0, length - count);
        held.add(part.length);
        parts.push(part);
        count += part.length;
        piece = piece.subarray(part.length);
        if (count < length) continue;
        const message = joinBytes(parts);
        held.free(count);
        [parts, count, length] = [[], 0, undefined];
        yield message;
      }
    }
  } finally {
    held.free(count);
  }
}
