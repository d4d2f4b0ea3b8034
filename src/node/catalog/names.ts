import { hexToBytes, type PrefixedHexString } from '@ethereumjs/util';
import { peekPackage } from '../../cvm-bytecode/index.ts';
import { toHex } from '../../support/index.ts';
import type { ObjectSource } from '../executor/engine.ts';

/** What the author of a package wrote about it. Anyone may have written anything. */
export interface ModelName {
  readonly name: string;
  readonly by: string;
  readonly version: string;
  readonly licence: string;
}

/** Characters of a text that are kept. */
const MAX_TEXT = 100;
/** Records above this, which have hundreds of thousands of labels, are not read for a name. */
const MAX_RECORD = 2 ** 22;
/** Packages that one call opens at most. */
const MAX_OPENED = 64;

/** A text with what does not show, or shows something else, written out: control characters, directions, marks that join. */
export const shown = (text: string): string =>
  text.slice(0, MAX_TEXT).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);

/** Names of models whose packages are on this node, read once. */
export class Names {
  private readonly source: ObjectSource;
  private readonly known = new Map<PrefixedHexString, ModelName>();
  /** Where the search for packages that came later goes on. */
  private next = 0;

  constructor(source: ObjectSource) {
    this.source = source;
  }

  get(hash: PrefixedHexString): ModelName | undefined {
    return this.known.get(hash);
  }

  /** Looks for the names of models that have none yet, of so many at most, those of another part at each call. */
  async look(hashes: readonly PrefixedHexString[]): Promise<void> {
    const unknown = hashes.filter((hash) => hash.length === 66 && !this.known.has(hash));
    const from = unknown.length <= MAX_OPENED ? 0 : this.next % unknown.length;
    this.next = from + MAX_OPENED;
    for (const hash of unknown.slice(from, from + MAX_OPENED)) await this.read(hash);
  }

  private async read(hash: PrefixedHexString): Promise<void> {
    try {
      const file = await this.source.package(hexToBytes(hash));
      const peeked = file === undefined ? undefined : peekPackage(file, MAX_RECORD);
      if (peeked?.ok !== true || `0x${toHex(peeked.value.modelHash)}` !== hash) return;
      const { name, author, version, licence } = peeked.value.metadata;
      this.known.set(hash, { name: shown(name), by: shown(author), version: shown(version), licence: shown(licence) });
    } catch {
      // a file that cannot be read has no name: those who run the model are told why
    }
  }
}
