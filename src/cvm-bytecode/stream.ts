import type { CID } from 'multiformats/cid';
import { at, bytesSource, joinBytes, type Result, unwrap } from '../support/index.ts';
import { CarReader, type Frame, readRecord, rootCount } from './car.ts';
import { attempt, reject } from './format.ts';
import { type PackageMetadata, readMetadata } from './metadata.ts';
import { blocksOf, checkSaving, decodeNamed, MAX_BYTECODE_BYTES, MAX_MODEL_BYTES, MAX_ROOT_BYTES, readRoot, type Root } from './parts.ts';
import { CHUNK_BYTES, longestBlock, readStorage, storedBytes, type StorageRecord } from './storage/index.ts';
import { verifyBytecode } from './verify.ts';

/** A decoded chunk of a parameter: its digest is the one that the root names. */
export interface StreamedChunk {
  /** In the order of the bytecode. */
  readonly parameter: number;
  readonly chunk: number;
  readonly bytes: Uint8Array;
}

/** What the front of a package says, known before its parameters arrive. */
export interface StreamedFront {
  readonly cid: string;
  readonly modelHash: Uint8Array;
  readonly metadata: PackageMetadata;
  readonly model: Uint8Array;
  readonly bytecode: Uint8Array;
}

/** Asks for a number of bytes, or hands out a chunk. */
type Step = { readonly need: number } | { readonly chunk: StreamedChunk };

const CID_BYTES = 36;
/** Digits of a frame's length: enough for the longest frame that is read. */
const LENGTH_DIGITS = 5;

/**
 * Reads a package while it arrives: pieces of any size go in, checked and decoded chunks come out, and never more is held
 * than one frame. Values and the interval proof are left to `decodePackage`, which needs all parameters. Float parameters are
 * checked by the names of their blocks.
 */
export class PackageStream {
  private readonly steps: Generator<Step, void, Uint8Array>;
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private need = 0;
  private done = false;
  private consumed = 0;
  private known: StreamedFront | undefined;

  constructor() {
    this.steps = this.read();
    this.advance(new Uint8Array(0), []);
  }

  /** Known once the bytecode has arrived. */
  get front(): StreamedFront | undefined {
    return this.known;
  }

  /** Takes the next bytes of the file. After a failure the stream is dead. */
  push(bytes: Uint8Array): Result<readonly StreamedChunk[]> {
    return attempt('CVM2002', () => {
      const chunks: StreamedChunk[] = [];
      this.pending.push(bytes);
      this.pendingBytes += bytes.length;
      while (!this.done && this.pendingBytes >= this.need) this.advance(this.take(this.need), chunks);
      if (this.done && this.pendingBytes > 0) reject('CVM2004', `${this.pendingBytes} bytes follow the last block`, this.consumed);
      return chunks;
    });
  }

  /** At the end of the file: CVM2004 when it came too early. */
  finish(): Result<StreamedFront> {
    return attempt('CVM2002', () => {
      const { known } = this;
      if (known === undefined || !this.done)
        return reject('CVM2004', `the file ends at ${this.consumed + this.pendingBytes} bytes, before its last block`, this.consumed);
      return known;
    });
  }

  private take(count: number): Uint8Array {
    const joined = this.pending.length === 1 ? at(this.pending, 0) : joinBytes(this.pending);
    this.pending = [joined.subarray(count)];
    this.pendingBytes -= count;
    this.consumed += count;
    return joined.subarray(0, count);
  }

  /** Runs the reader until it needs bytes again. */
  private advance(bytes: Uint8Array, chunks: StreamedChunk[]): void {
    let step = this.steps.next(bytes);
    while (step.done !== true && 'chunk' in step.value) {
      chunks.push(step.value.chunk);
      step = this.steps.next(new Uint8Array(0));
    }
    if (step.done === true) this.done = true;
    else if ('need' in step.value) this.need = step.value.need;
  }

  /** A length and as many bytes, as they stand in the file. */
  private *lengthAndBytes(limit: number, what: string): Generator<Step, Uint8Array, Uint8Array> {
    const digits: Uint8Array[] = [];
    let length = 0;
    for (let scale = 1; ; scale *= 128) {
      const digit = yield { need: 1 };
      digits.push(digit.slice());
      length += (at(digit, 0) & 127) * scale;
      if (at(digit, 0) < 128) break;
      if (digits.length === LENGTH_DIGITS) reject('CVM2002', 'a frame length is too long', this.consumed, what);
    }
    if (length > limit) reject('CVM2010', `${what} has ${length} bytes but at most ${limit} are taken`, this.consumed, what);
    return joinBytes([...digits, yield { need: length }]);
  }

  private *frame(cid: CID, limit: number, what: string): Generator<Step, Frame, Uint8Array> {
    const start = this.consumed;
    const bytes = yield* this.lengthAndBytes(limit + CID_BYTES, what);
    const frame = new CarReader(bytesSource(bytes)).block(cid, what, { limit });
    return { ...frame, offset: start, start: start + frame.start };
  }

  private *roots(): Generator<Step, { readonly root: Root; readonly storage: StorageRecord | undefined; readonly cid: CID }, Uint8Array> {
    const header = yield* this.lengthAndBytes(127, 'header');
    const count = rootCount(at(header, 0));
    if (count === 0) new CarReader(bytesSource(header)).roots(MAX_ROOT_BYTES);
    const limit = MAX_ROOT_BYTES + CID_BYTES;
    const parts = [header, yield* this.lengthAndBytes(limit, 'root')];
    if (count === 2) parts.push(yield* this.lengthAndBytes(limit, 'storage record'));
    const { root, storage } = new CarReader(bytesSource(joinBytes(parts))).roots(MAX_ROOT_BYTES);
    return {
      root: readRoot(readRecord(root.bytes)),
      storage: storage === undefined ? undefined : readStorage(storage.bytes, root.cid),
      cid: root.cid,
    };
  }

  private *read(): Generator<Step, void, Uint8Array> {
    const { root, storage, cid } = yield* this.roots();
    const model = (yield* this.frame(root.model, MAX_MODEL_BYTES, 'model string')).bytes;
    const bytecode = (yield* this.frame(root.bytecode, MAX_BYTECODE_BYTES, 'bytecode')).bytes;
    const { params } = unwrap(verifyBytecode(bytecode)).raw;
    const metadata = unwrap(readMetadata(root.metadata));
    this.known = { cid: cid.toString(), modelHash: cid.multihash.digest.slice(), metadata, model, bytecode };
    if (root.parameters.length !== params.length)
      reject('CVM2005', `the root names ${root.parameters.length} parameters but the bytecode has ${params.length}`, 0, 'root');
    if (storage !== undefined && storage.parameters.length !== params.length)
      reject('CVM2013', `${params.length} parameters but ${storage.parameters.length} are stored`, 0, 'storage record');
    for (const [parameter, { type }] of params.entries()) {
      const what = `parameter ${parameter}`;
      const wanted = { type, chunks: at(root.parameters, parameter), stored: storage?.parameters[parameter], what };
      const { encoding, blocks } = blocksOf(wanted);
      let total = 0;
      for (const [chunk, name] of blocks.entries()) {
        const block = yield* this.frame(name, longestBlock(encoding, CHUNK_BYTES), what);
        total += block.bytes.length;
        yield { chunk: { parameter, chunk, bytes: decodeNamed(wanted, encoding, chunk, block) } };
      }
      checkSaving(encoding, total, storedBytes(type), what);
    }
    if (storage?.floatParameters === undefined) return;
    yield* this.frame(storage.floatParameters.manifest, MAX_ROOT_BYTES, 'float parameters');
    for (const { encoding, blocks } of storage.floatParameters.tensors)
      for (const name of blocks) yield* this.frame(name, longestBlock(encoding, CHUNK_BYTES), 'float parameters');
  }
}
