/** Sets of numbers that grow together. */
export class UnionFind {
  private parents = new Int32Array(1024);
  private used = 0;

  get size(): number {
    return this.used;
  }

  /** As many new sets of one, as their numbers. */
  fresh(count: number): Int32Array {
    if (this.used + count > this.parents.length) {
      const larger = new Int32Array(2 * (this.used + count));
      larger.set(this.parents);
      this.parents = larger;
    }
    const made = Int32Array.from({ length: count }, (_, i) => this.used + i);
    for (const i of made) this.parents[i] = i;
    this.used += count;
    return made;
  }

  /** The number that stands for the set of `i`. */
  find(i: number): number {
    let root = i;
    for (let p = this.parents[root] ?? root; p !== root; p = this.parents[root] ?? root) root = p;
    for (let at = i; at !== root; ) {
      const next = this.parents[at] ?? root;
      this.parents[at] = root;
      at = next;
    }
    return root;
  }

  union(a: number, b: number): void {
    const [x, y] = [this.find(a), this.find(b)];
    if (x !== y) this.parents[Math.max(x, y)] = Math.min(x, y);
  }
}
