/** Names of one scope of an exported model, each handed out once. */
export class Names {
  private readonly taken = new Set<string>();
  private readonly next = new Map<string, number>();
  private readonly clean: (wanted: string) => string;

  /** @param clean - makes a name that the framework allows; names are left as they are without it */
  constructor(clean: (wanted: string) => string = (wanted) => wanted) {
    this.clean = clean;
  }

  /** Whether the wanted name, cleaned, is given already. */
  has(wanted: string): boolean {
    return this.taken.has(this.clean(wanted));
  }

  /** The wanted name, cleaned, or with the first free number from 2 behind it. */
  take(wanted: string): string {
    const name = this.clean(wanted);
    let free = name;
    let number = this.next.get(name) ?? 2;
    while (this.taken.has(free)) free = `${name}_${number++}`;
    this.next.set(name, number);
    this.taken.add(free);
    return free;
  }
}
