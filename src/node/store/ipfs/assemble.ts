import {
  type BlockName,
  blockCid,
  blockPrefix,
  CHUNK_BYTES,
  packageBlocks,
  plainFileBytes,
  type PackageBlocks,
  PackageStream,
  readBlockCid,
} from '../../../cvm-bytecode/index.ts';
import { ByteReader, type Diagnostic, sha256, toHex } from '../../../support/index.ts';
import type { PackageDraft, Wanted } from '../contract.ts';
import { checkSignal, hasRange, reasonOf, TransferError } from '../transfer.ts';

/** Bytes of a block at most that IPFS peers send each other: chunks have 1 MiB, and Kubo takes no more than this. */
export const MAX_BLOCK_BYTES = 2 ** 21;

/** Blocks that are on their way at the same time: with `MAX_BLOCK_BYTES` the bound of what is held. */
const WINDOW = 8;

/** Digits of a length and a name, which stand before a block. */
const PREFIX_BYTES = 44;

/** Brings a block whose digest has been checked. Rejects with the reason when nobody has it. */
export type BlockGetter = (name: BlockName, atMost: number, signal: AbortSignal) => Promise<Uint8Array>;

const words = (diagnostics: readonly Diagnostic[]): string => diagnostics.map((d) => `${d.code} ${d.message}`).join('; ');

/** A storage record that a hint names, and the bytes of the file with it. */
interface StorageHint {
  readonly name: BlockName;
  readonly bytes: number | undefined;
}

/** Storage records that hints name: `ipfs://CID?bytes=SIZE`. Anyone may have written them. */
const storageHints = (hints: readonly string[]): readonly StorageHint[] =>
  hints.flatMap((hint) => {
    const [, cid = '', bytes] = /^ipfs:\/\/([a-z0-9]{1,100})(?:\?bytes=(\d{1,15}))?$/.exec(hint) ?? [];
    const name = readBlockCid(cid);
    return name?.kind === 'record' ? [{ name, bytes: bytes === undefined ? undefined : Number(bytes) }] : [];
  });

/** What names the storage record of a file for others. */
export const storageHint = (name: BlockName, bytes: number): string => `ipfs://${blockCid(name)}?bytes=${bytes}`;

/**
 * What the file of a package may have in bytes: as hints say of files with a storage record, and as follows from record and bytecode of the plain one.
 * @throws {TransferError} when the front of the package does not come
 */
export const fileSizes = async ({ hash, hints }: Wanted, get: BlockGetter, signal: AbortSignal): Promise<readonly number[]> => {
  const told = storageHints(hints).flatMap(({ bytes }) => bytes ?? []);
  const record = await get({ kind: 'record', digest: hash }, MAX_BLOCK_BYTES, signal);
  const order = packageBlocks(record, undefined);
  if (!order.ok) throw new TransferError(words(order.diagnostics));
  const [, model, bytecode] = order.value.blocks;
  if (model === undefined || bytecode === undefined) return told;
  const text = await get(model, MAX_BLOCK_BYTES, signal);
  const plain = plainFileBytes(record, text.length, await get(bytecode, MAX_BLOCK_BYTES, signal));
  if (!plain.ok) throw new TransferError(words(plain.diagnostics));
  return [...told, plain.value];
};

interface Coming {
  readonly bytes: Promise<Uint8Array>;
  /** It stands in the draft, where it belongs. */
  readonly kept: boolean;
}

/** Puts one form of a file together; frames that the draft has already are checked and kept. */
class Assembly {
  private readonly wanted: Wanted;
  private readonly draft: PackageDraft;
  private readonly get: BlockGetter;
  private readonly known: ReadonlyMap<string, Uint8Array>;
  private readonly stream = new PackageStream();

  /** @param known - records that have been fetched, by digest */
  constructor(wanted: Wanted, draft: PackageDraft, get: BlockGetter, known: ReadonlyMap<string, Uint8Array>) {
    this.wanted = wanted;
    this.draft = draft;
    this.get = get;
    this.known = known;
  }

  async run({ header, blocks }: PackageBlocks, signal: AbortSignal): Promise<void> {
    const { size } = this.wanted;
    // one controller for this form: what is on its way ends with it
    const ended = new AbortController();
    const all = AbortSignal.any([signal, ended.signal]);
    const coming = new Map<number, Coming>();
    try {
      await this.put(0, header);
      let offset = header.length;
      for (const [i, name] of blocks.entries()) {
        checkSignal(signal);
        const known = this.known.get(toHex(name.digest));
        const there = coming.has(i) || known !== undefined ? undefined : await this.inDraft(name, offset);
        if (known !== undefined) coming.set(i, { bytes: Promise.resolve(known), kept: false });
        else if (there !== undefined) coming.set(i, { bytes: Promise.resolve(there), kept: true });
        else await this.askAhead(blocks, i, offset, coming, all);
        const block = coming.get(i);
        coming.delete(i);
        if (block === undefined) throw new TransferError(`block ${i} was not asked for`);
        const bytes = await block.bytes;
        const prefix = blockPrefix(name, bytes.length);
        const end = offset + prefix.length + bytes.length;
        if (end > size) throw new TransferError(`block ${i} of ${blocks.length} ends at byte ${end} but the chain says ${size} bytes`);
        await this.put(offset, prefix);
        await this.put(offset + prefix.length, bytes, block.kept);
        offset = end;
      }
      if (offset !== size) throw new TransferError(`the blocks make ${offset} bytes but the chain says ${size} bytes`);
      const whole = this.stream.finish();
      if (!whole.ok) throw new TransferError(words(whole.diagnostics));
    } finally {
      ended.abort();
    }
  }

  /** Sees to it that the next blocks are on their way, from block `i` on, which stands at `offset`. */
  private async askAhead(
    blocks: readonly BlockName[],
    i: number,
    offset: number,
    coming: Map<number, Coming>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const [ahead, name] of blocks.slice(i, i + WINDOW).entries()) {
      if (coming.has(i + ahead)) continue;
      // most blocks are whole chunks: where this is not so, one that is there is fetched once more
      const place = offset + ahead * (blockPrefix(name, CHUNK_BYTES).length + CHUNK_BYTES);
      const there = ahead > 0 ? await this.inDraft(name, place) : undefined;
      const bytes = there === undefined ? this.get(name, Math.min(MAX_BLOCK_BYTES, this.wanted.size), signal) : Promise.resolve(there);
      bytes.catch(() => {});
      coming.set(i + ahead, { bytes, kept: there !== undefined });
    }
  }

  /** Checks what a frame decodes to against the root before it is kept. */
  private async put(offset: number, bytes: Uint8Array, kept = false): Promise<void> {
    const checked = this.stream.push(bytes);
    if (!checked.ok) throw new TransferError(words(checked.diagnostics));
    if (!kept) await this.draft.write(offset, bytes);
  }

  /** A block that stands whole at this place of the draft. */
  private async inDraft(name: BlockName, offset: number): Promise<Uint8Array | undefined> {
    if (!hasRange(this.draft, offset, Math.min(PREFIX_BYTES, this.wanted.size - offset))) return undefined;
    const front = await this.draft.read(offset, Math.min(PREFIX_BYTES, this.wanted.size - offset));
    const reader = new ByteReader(front);
    let length: number;
    try {
      length = reader.uleb() - 36;
    } catch {
      return undefined;
    }
    const start = offset + reader.offset + 36;
    if (length < 0 || length > MAX_BLOCK_BYTES || !hasRange(this.draft, start, length)) return undefined;
    const bytes = await this.draft.read(start, length);
    return bytes.length === length && toHex(sha256(bytes)) === toHex(name.digest) ? bytes : undefined;
  }
}

/**
 * Fetches the blocks of a package and puts its file together in the order of the format, byte for byte. The root names all blocks of a plain file; those of
 * one with a storage record are named by that record, which a hint must name (`ipfs://CID?bytes=SIZE`).
 * @throws {TransferError} when blocks do not come, or make another file than the chain says
 */
export const assemble = async (wanted: Wanted, draft: PackageDraft, get: BlockGetter, signal: AbortSignal): Promise<void> => {
  const { hash, size, hints } = wanted;
  const limit = Math.min(MAX_BLOCK_BYTES, size);
  const record = await get({ kind: 'record', digest: hash }, limit, signal);
  const problems: string[] = [];
  const forms = storageHints(hints).filter((hint) => hint.bytes === undefined || hint.bytes === size);
  for (const name of [...forms.map((hint) => hint.name), undefined]) {
    checkSignal(signal);
    try {
      const storage = name === undefined ? undefined : await get(name, limit, signal);
      const order = packageBlocks(record, storage);
      if (!order.ok) throw new TransferError(words(order.diagnostics));
      const known = new Map([[toHex(hash), record]]);
      if (name !== undefined && storage !== undefined) known.set(toHex(name.digest), storage);
      await new Assembly(wanted, draft, get, known).run(order.value, signal);
      return;
    } catch (error) {
      // a full disk is no reason to try another form
      if (!(error instanceof TransferError)) throw error;
      problems.push(`${name === undefined ? 'plain' : 'with the storage record of a hint'}: ${reasonOf(error)}`);
    }
  }
  checkSignal(signal);
  throw new TransferError(problems.join('; '));
};
