import { type ByteSource, toHex } from '../../support/index.ts';
import type { Transport } from './contract.ts';
import { reasonOf } from './transfer.ts';

/** Hints of a package at most: each goes through the hands of others. */
const MAX_HINTS = 64;

export interface SharingOptions {
  readonly transports: readonly Transport[];
  /** Told when a package cannot be offered, or no longer. */
  readonly tell: (line: string) => void;
}

/** Offers packages of a store through all ways that there are, one after another: a torrent reads the whole file once. */
export class Sharing {
  private readonly transports: readonly Transport[];
  private readonly tell: (line: string) => void;
  private readonly offered = new Map<string, readonly string[]>();
  private last: Promise<void> = Promise.resolve();

  constructor({ transports, tell }: SharingOptions) {
    this.transports = transports;
    this.tell = tell;
  }

  /** Lets others fetch a package, soon. Resolves when they can, or when it has been told why not; never rejects. */
  offer(hash: Uint8Array, open: () => Promise<ByteSource | undefined>): Promise<void> {
    return this.after(async () => {
      const key = toHex(hash);
      const file = this.offered.has(key) ? undefined : await open();
      if (file === undefined) return;
      const hints: string[] = [];
      for (const transport of this.transports)
        try {
          hints.push(...(await transport.offer(hash, file)));
        } catch (error) {
          this.tell(`${transport.name} does not offer package ${key}: ${reasonOf(error)}`);
        }
      this.offered.set(key, hints.slice(0, MAX_HINTS));
    });
  }

  /** Ends offers of a package. */
  withdraw(hash: Uint8Array): Promise<void> {
    return this.after(async () => {
      if (!this.offered.delete(toHex(hash))) return;
      for (const transport of this.transports)
        try {
          await transport.withdraw(hash);
        } catch (error) {
          this.tell(`${transport.name} goes on to offer package ${toHex(hash)}: ${reasonOf(error)}`);
        }
    });
  }

  /** Where others find a package that is offered here; none when it is not. */
  hints(hash: Uint8Array): readonly string[] {
    return this.offered.get(toHex(hash)) ?? [];
  }

  private after(work: () => Promise<void>): Promise<void> {
    this.last = this.last.then(work).catch((error: unknown) => this.tell(reasonOf(error)));
    return this.last;
  }
}
