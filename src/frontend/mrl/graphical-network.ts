import type { ValueId } from '../../ir/index.ts';
import type { Place } from './ast.ts';

/** A variable of the graphical model. Its id is its place in the order of declaration. */
export interface Variable {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  /** Names of the states; empty when the variable was declared by its size. */
  readonly states: readonly string[];
  readonly place: Place;
}

/** A factor as log potentials in Q12 over its variables, in ascending order of id. */
export interface Factor {
  readonly name: string;
  readonly scope: readonly number[];
  /** Undefined when its table was refused: the factor still connects its variables. */
  readonly value: ValueId | undefined;
  /** Bound of |value| of possible entries, for planning where to renormalize. */
  readonly drift: number;
  /** A checked conditional table: the variables whose distribution each row is. Empty for potentials. */
  readonly heads: readonly number[];
  readonly place: Place;
}

/** Everything that a model has said about its variables so far. */
export class Network {
  readonly variables: Variable[] = [];
  readonly factors: Factor[] = [];
  /** State index (i32 scalar) of each observed variable. */
  readonly observed = new Map<number, ValueId>();
  /** Variables with evidence of any kind, and where it stands. */
  readonly evidence = new Map<number, Place>();
  private readonly byName = new Map<string, Variable>();
  private readonly children = new Map<number, number[]>();
  private readonly defined = new Map<string, Place>();

  find(name: string): Variable | undefined {
    return this.byName.get(name);
  }

  names(): IterableIterator<string> {
    return this.byName.keys();
  }

  declare(variable: Omit<Variable, 'id'>): void {
    const whole = { ...variable, id: this.variables.length };
    this.variables.push(whole);
    this.byName.set(whole.name, whole);
  }

  /** Where something of this key was given before; remembers the first. */
  claim(key: string, place: Place): Place | undefined {
    const earlier = this.defined.get(key);
    if (earlier === undefined) this.defined.set(key, place);
    return earlier;
  }

  /**
   * Adds the edges of a conditional table. True when the variable would depend on itself.
   * The search goes down from the heads, which mostly have no children yet, so a long chain costs linear time.
   */
  closesCycle(heads: readonly number[], parents: readonly number[]): boolean {
    const wanted = new Set(parents);
    const seen = new Set(heads);
    const stack = [...heads];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      if (wanted.has(top)) return true;
      for (const child of this.children.get(top) ?? []) {
        if (seen.has(child)) continue;
        seen.add(child);
        stack.push(child);
      }
    }
    for (const parent of parents) {
      const known = this.children.get(parent);
      if (known === undefined) this.children.set(parent, [...heads]);
      else known.push(...heads);
    }
    return false;
  }

  /** Variables that stand in some factor. */
  connected(): ReadonlySet<number> {
    return new Set(this.factors.flatMap((f) => f.scope));
  }
}
