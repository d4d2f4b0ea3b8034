/** Least first by (key, id); entries whose key is out of date are skipped by the user. */
class Heap {
  private readonly items: { readonly key: number; readonly id: number }[] = [];

  private before(i: number, j: number): boolean {
    const [a, b] = [this.items[i], this.items[j]];
    return a !== undefined && b !== undefined && (a.key < b.key || (a.key === b.key && a.id < b.id));
  }

  private swap(i: number, j: number): void {
    const [a, b] = [this.items[i], this.items[j]];
    if (a === undefined || b === undefined) return;
    this.items[i] = b;
    this.items[j] = a;
  }

  push(key: number, id: number): void {
    let i = this.items.push({ key, id }) - 1;
    for (let up = (i - 1) >> 1; i > 0 && this.before(i, up); up = (i - 1) >> 1) {
      this.swap(i, up);
      i = up;
    }
  }

  pop(): { readonly key: number; readonly id: number } | undefined {
    const [top] = this.items;
    const last = this.items.pop();
    if (last === undefined || this.items.length === 0) return top;
    this.items[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (this.before(child, least)) least = child;
      if (least === i) return top;
      this.swap(i, least);
      i = least;
    }
  }
}

/** One step of variable elimination. */
export interface Elimination {
  readonly variable: number;
  /** The variable and its neighbours at that time, ascending: the scope of the table it is eliminated from. */
  readonly clique: readonly number[];
}

/** Variables that stand in one factor together, with the number of edges that eliminating each would add. */
class InteractionGraph {
  private readonly neighbours = new Map<number, Set<number>>();
  private readonly fill = new Map<number, number>();
  private readonly heap = new Heap();
  private readonly open: ReadonlySet<number>;

  constructor(scopes: readonly (readonly number[])[], open: ReadonlySet<number>) {
    this.open = open;
    for (const id of open) this.touch(id);
    for (const scope of scopes) for (const [i, a] of scope.entries()) for (const b of scope.slice(i + 1)) this.connect(a, b);
    for (const id of open) this.heap.push(this.fill.get(id) ?? 0, id);
  }

  private touch(id: number): Set<number> {
    const known = this.neighbours.get(id) ?? new Set<number>();
    this.neighbours.set(id, known);
    return known;
  }

  private change(id: number, by: number): void {
    if (by === 0) return;
    const fill = (this.fill.get(id) ?? 0) + by;
    this.fill.set(id, fill);
    if (this.open.has(id)) this.heap.push(fill, id);
  }

  /** Adds an edge: pairs (a, b) around common neighbours are no longer missing, those of a and b with the new one may be. */
  private connect(a: number, b: number): void {
    const [of, other] = [this.touch(a), this.touch(b)];
    if (of.has(b)) return;
    const [small, large] = of.size < other.size ? [of, other] : [other, of];
    let common = 0;
    for (const w of small) {
      if (!large.has(w)) continue;
      common++;
      this.change(w, -1);
    }
    this.change(a, of.size - common);
    this.change(b, other.size - common);
    of.add(b);
    other.add(a);
  }

  /** The open variable of least fill, then of lowest id, with its neighbours. */
  next(): Elimination | undefined {
    for (let top = this.heap.pop(); top !== undefined; top = this.heap.pop()) {
      const around = this.neighbours.get(top.id);
      if (around === undefined || (this.fill.get(top.id) ?? 0) !== top.key) continue;
      return { variable: top.id, clique: [top.id, ...around].toSorted((a, b) => a - b) };
    }
    return undefined;
  }

  /** Joins the neighbours of a variable to each other and takes it out. */
  eliminate({ variable, clique }: Elimination): void {
    const rest = clique.filter((id) => id !== variable);
    for (const [i, a] of rest.entries()) for (const b of rest.slice(i + 1)) this.connect(a, b);
    this.neighbours.delete(variable);
    for (const id of rest) {
      const around = this.touch(id);
      around.delete(variable);
      // the other neighbours of `id` that were not neighbours of the variable are no longer missing an edge to it
      this.change(id, -(around.size - (rest.length - 1)));
    }
  }
}

/**
 * An elimination order by min-fill: the variable whose elimination joins the fewest pairs comes next, ties to the lowest id.
 * @param scopes - the variables of each factor  @param open - the variables to eliminate
 * @param fits - whether a table over these variables may be made; the order ends with the first that may not
 */
export const eliminationOrder = (
  scopes: readonly (readonly number[])[],
  open: readonly number[],
  fits: (clique: readonly number[]) => boolean,
): readonly Elimination[] | undefined => {
  const graph = new InteractionGraph(scopes, new Set(open));
  const order: Elimination[] = [];
  for (let step = graph.next(); step !== undefined; step = graph.next()) {
    if (!fits(step.clique)) return undefined;
    order.push(step);
    graph.eliminate(step);
  }
  return order;
};
