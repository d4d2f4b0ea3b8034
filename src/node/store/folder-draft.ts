import { closeSync, fdatasyncSync, ftruncateSync, openSync } from 'node:fs';
import type { PackageDraft } from './contract.ts';
import { readAt, type WriteAt, writeAllAt } from './disk.ts';
import { Journal } from './journal.ts';
import { addRange, endOfRange, type Range, rangeBytes } from './ranges.ts';

/** Bytes that are written between two moments at which they are made durable. */
const SYNC_BYTES = 2 ** 23;
/** Pieces that a draft may be in: whoever writes every second byte is refused. */
const MAX_PIECES = 4096;
/** Bytes of one read. */
const MAX_READ = 2 ** 24;

export interface DraftPlace {
  readonly part: string;
  readonly journal: string;
  readonly write: WriteAt;
  /** Called when the draft was written to. */
  readonly touched: () => void;
  readonly finish: () => Promise<string | undefined>;
  /** Takes the files away. */
  readonly remove: () => void;
  /** The draft is open no longer. */
  readonly closed: () => void;
}

/** A sparse file and its journal. What is held in memory are its ranges, at most `MAX_PIECES`. @throws what opening throws */
export const openFolderDraft = (place: DraftPlace, hash: Uint8Array, size: number): PackageDraft => {
  const journal = new Journal(place.journal, size, place.write);
  closeSync(openSync(place.part, 'a'));
  const handle = openSync(place.part, 'r+');
  ftruncateSync(handle, size);
  let ranges = journal.ranges;
  let pending: readonly Range[] = [];
  let open = true;
  const sync = (): void => {
    if (pending.length === 0) return;
    fdatasyncSync(handle);
    journal.add(pending);
    pending = [];
  };
  const end = (): void => {
    if (!open) return;
    open = false;
    closeSync(handle);
    journal.close();
    place.closed();
  };
  const later = <T>(work: () => T): Promise<T> => new Promise((done) => done(work()));
  const needOpen = (): void => {
    if (!open) throw new RangeError('the draft is closed');
  };
  return {
    hash,
    size,
    present: () => ranges,
    write: (offset, bytes) =>
      later(() => {
        needOpen();
        const to = offset + bytes.length;
        if (!Number.isSafeInteger(offset) || offset < 0 || to > size)
          throw new RangeError(`bytes ${offset} to ${to} are not within the ${size} bytes of the package`);
        if (bytes.length === 0) return;
        const joined = addRange(ranges, offset, to);
        if (joined.length > MAX_PIECES) throw new RangeError(`the draft would be in ${joined.length} pieces, the limit is ${MAX_PIECES}`);
        writeAllAt(place.write, handle, bytes, offset, 'draft of a package');
        ranges = joined;
        pending = addRange(pending, offset, to);
        place.touched();
        if (rangeBytes(pending) >= SYNC_BYTES) sync();
      }),
    read: (offset, length) =>
      later(() => {
        needOpen();
        const most = Math.max(0, Math.min(length, MAX_READ, endOfRange(ranges, offset) - offset));
        return readAt(handle, offset, new Uint8Array(most));
      }),
    finish: async () => {
      needOpen();
      const missing = size - rangeBytes(ranges);
      sync();
      end();
      // it can be gone on with
      return missing > 0 ? `NOD0061 ${missing} of ${size} bytes of the package are missing` : place.finish();
    },
    close: () =>
      later(() => {
        if (!open) return;
        try {
          sync();
        } finally {
          end();
        }
      }),
    drop: () =>
      later(() => {
        end();
        place.remove();
      }),
  };
};
