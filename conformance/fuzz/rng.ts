/** A small fast generator (mulberry32): quality does not matter here, only that a seed gives the same run everywhere. */
export class Rng {
  private state: number;

  /** @param parts - hashed together: seed, target, index of the input */
  constructor(...parts: readonly (number | string)[]) {
    let h = 0x811c9dc5;
    for (const part of parts) for (const ch of `${part}\0`) h = Math.imul(h ^ (ch.codePointAt(0) ?? 0), 0x01000193);
    this.state = h >>> 0;
  }

  /** Uniform in [0, n). */
  below(n: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
}
