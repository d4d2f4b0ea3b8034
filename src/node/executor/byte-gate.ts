/** Lets work in while its bytes fit; what is larger than all there is goes alone. In the order in which it came. */
export class ByteGate {
  private readonly limit: number;
  private readonly waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  private inside = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const share = Math.min(bytes, this.limit);
    if (this.waiting.length > 0 || this.inside + share > this.limit)
      await new Promise<void>((go) => this.waiting.push({ bytes: share, go }));
    else this.inside += share;
    try {
      return await work();
    } finally {
      this.inside -= share;
      this.admit();
    }
  }

  private admit(): void {
    for (let first = this.waiting[0]; first !== undefined && this.inside + first.bytes <= this.limit; first = this.waiting[0]) {
      this.waiting.shift();
      this.inside += first.bytes;
      first.go();
    }
  }
}
