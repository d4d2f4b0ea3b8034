import type { BlockName, BlockPlace } from '../../../cvm-bytecode/index.ts';
import { type ByteSource, sha256, toHex } from '../../../support/index.ts';

interface Offer {
  readonly file: ByteSource;
  readonly places: readonly BlockPlace[];
}

/** Blocks of package files, looked up by digest and read where they stand: there is no second copy of them. */
export class BlockShelf {
  private readonly offers = new Map<string, Offer>();
  /** The first offer that has a block, and where. */
  private readonly places = new Map<string, { readonly file: ByteSource; readonly place: BlockPlace }>();

  add(hash: Uint8Array, file: ByteSource, places: readonly BlockPlace[]): void {
    this.remove(hash);
    this.offers.set(toHex(hash), { file, places });
    this.index(file, places);
  }

  remove(hash: Uint8Array): void {
    const offer = this.offers.get(toHex(hash));
    if (offer === undefined) return;
    this.offers.delete(toHex(hash));
    for (const { name } of offer.places)
      if (this.places.get(toHex(name.digest))?.file === offer.file) this.places.delete(toHex(name.digest));
    // packages share chunks
    for (const { file, places } of this.offers.values()) this.index(file, places);
  }

  /** @returns undefined where no offer has it, or its file is damaged at this place or gone */
  read({ digest }: BlockName): Uint8Array | undefined {
    const found = this.places.get(toHex(digest));
    if (found === undefined) return undefined;
    const { file, place } = found;
    try {
      const bytes = file.read(place.start, place.length);
      return bytes.length === place.length && toHex(sha256(bytes)) === toHex(digest) ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  private index(file: ByteSource, places: readonly BlockPlace[]): void {
    for (const place of places) {
      const key = toHex(place.name.digest);
      if (!this.places.has(key)) this.places.set(key, { file, place });
    }
  }
}
