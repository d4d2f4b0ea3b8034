import { toHex } from '../../support/index.ts';

/** Packages that failures are remembered of. */
const MAX_REMEMBERED = 1024;
/** Bytes of a file beside its parameters: text, bytecode and records. */
const MOST_OTHER_BYTES = 2 ** 29;
/** A file may hold the float parameters as well. */
const MOST_TIMES = 8;

/** Chooses among what hints say of the size of a file: those who lie about it are passed over the next time. */
export class SizeChoice {
  private readonly failures = new Map<string, number>();

  /** @param plain - bytes of the parameters, as the chain says: no file is much larger. @returns the size that failed least often, the first of those */
  choose(hash: Uint8Array, plain: number, sizes: readonly number[]): number | undefined {
    const likely = sizes.filter((size) => size > 0 && size <= MOST_TIMES * plain + MOST_OTHER_BYTES);
    const failures = (size: number): number => this.failures.get(`${toHex(hash)}:${size}`) ?? 0;
    return likely.reduce<number | undefined>(
      (best, size) => (best === undefined || failures(size) < failures(best) ? size : best),
      undefined,
    );
  }

  failed(hash: Uint8Array, size: number): void {
    const key = `${toHex(hash)}:${size}`;
    const before = this.failures.get(key) ?? 0;
    this.failures.delete(key);
    this.failures.set(key, before + 1);
    const [oldest] = this.failures.keys();
    if (this.failures.size > MAX_REMEMBERED && oldest !== undefined) this.failures.delete(oldest);
  }
}
