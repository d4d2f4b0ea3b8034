import { scalarOf, isScalar } from './constant.ts';
import { colorOf, colorsOf, type InputKeys, Interner } from './colors.ts';
import { compareTerms, type Difference, firstDifference, sideOf } from './difference.ts';
import { type Graph, isCommutative, isStructural, type Term } from './graph.ts';
import { signatures } from './signature.ts';

export type Pair = readonly [a: Term, b: Term];

export type Match =
  | { readonly kind: 'same'; readonly pairs: readonly Pair[]; readonly choices: number }
  | { readonly kind: 'different'; readonly difference: Difference }
  | { readonly kind: 'undecided'; readonly reason: string };

export interface MatchOptions {
  readonly inputsA: InputKeys;
  readonly inputsB: InputKeys;
  /** Indices of the outputs of B, in the order of those of A. */
  readonly outputs: readonly number[];
  /** Greatest relative difference of two numbers that are the same. */
  readonly tolerance: number;
  /** One constant may stand for several with the same numbers. */
  readonly mergeEqual: boolean;
  /** Choices between symmetric parts that may be taken back before the search gives up. */
  readonly maxBacktracks?: number;
}

const MAX_BACKTRACKS = 2000;

interface Todo<T> {
  readonly item: T;
  readonly next: Todo<T> | undefined;
}

/** Operands of a commutative op that structure cannot tell apart. */
interface Group {
  readonly a: readonly Term[];
  readonly b: readonly Term[];
  readonly userA: Term;
  readonly userB: Term;
}

interface Choice {
  readonly trail: number;
  readonly todo: Todo<Pair> | undefined;
  readonly later: Todo<Group> | undefined;
  readonly rest: Group;
  readonly a: Term;
  readonly candidates: readonly Term[];
  index: number;
}

export const closeNumbers = (x: number, y: number, tolerance: number): boolean =>
  Object.is(x, y) || Math.abs(x - y) <= tolerance * Math.max(Math.abs(x), Math.abs(y));

/** The numbers of two constants agree, element by element. */
export const closeValues = (a: Term, b: Term, tolerance: number): boolean => {
  if (a.constant === undefined || b.constant === undefined) return false;
  const [x, y] = [a.constant.values(), b.constant.values()];
  if (x.length !== y.length) return false;
  for (let i = 0; i < x.length; i++) if (!closeNumbers(x[i] ?? 0, y[i] ?? 0, tolerance)) return false;
  return true;
};

const numbersOf = (term: Term): string => {
  if (term.constant === undefined) return '';
  return isScalar(term.constant) ? String(scalarOf(term.constant)) : `(${Array.from(term.constant.values()).slice(0, 8).join(', ')}…)`;
};

const groupBy = (terms: readonly Term[], key: (t: Term) => number): Map<number, Term[]> => {
  const groups = new Map<number, Term[]>();
  for (const t of terms) {
    const list = groups.get(key(t));
    if (list === undefined) groups.set(key(t), [t]);
    else list.push(t);
  }
  return groups;
};

/** The search for the mapping: a walk from the outputs, with choices only among operands that structure cannot tell apart. */
class Walk {
  private readonly forward = new Map<Term, Term>();
  private readonly backward = new Map<Term, Term>();
  private readonly trail: Pair[] = [];
  private readonly choices: Choice[] = [];
  private todo: Todo<Pair> | undefined;
  private later: Todo<Group> | undefined;
  private firstConflict: Difference | undefined;
  private orders: readonly [ReadonlyMap<Term, number>, ReadonlyMap<Term, number>] | undefined;
  private chosen = 0;
  private readonly a: Graph;
  private readonly b: Graph;
  private readonly ca: ReadonlyMap<Term, number>;
  private readonly cb: ReadonlyMap<Term, number>;
  private readonly options: MatchOptions;

  constructor(a: Graph, b: Graph, ca: ReadonlyMap<Term, number>, cb: ReadonlyMap<Term, number>, options: MatchOptions) {
    this.a = a;
    this.b = b;
    this.ca = ca;
    this.cb = cb;
    this.options = options;
  }

  private conflict(difference: Difference): false {
    this.firstConflict ??= difference;
    return false;
  }

  private sharing(a: Term, b: Term): false {
    const [otherB, otherA] = [this.forward.get(a), this.backward.get(b)];
    return this.conflict({
      kind: 'sharing',
      what: a.op === 'constant' ? 'which layers share a parameter' : 'which uses share a result',
      a: sideOf(a, otherA === undefined ? `one ${a.origin}` : `${a.origin} and ${otherA.origin}`),
      b: sideOf(b, otherB === undefined ? `one ${b.origin}` : `${b.origin} and ${otherB.origin}`),
    });
  }

  private bind(a: Term, b: Term): boolean {
    const bound = this.forward.get(a);
    if (bound === b) return true;
    if (bound !== undefined || this.backward.has(b)) {
      // all that stand for one constant have its numbers
      const other = this.backward.get(b);
      const equal = (x: Term | undefined, y: Term): boolean => x === undefined || closeValues(x, y, this.options.tolerance);
      if (this.options.mergeEqual && a.op === 'constant' && equal(a, b) && equal(bound, a) && equal(other, b)) return true;
      return this.sharing(a, b);
    }
    if (colorOf(this.ca, a) !== colorOf(this.cb, b)) return this.conflict(compareTerms(a, b, this.ca, this.cb));
    this.forward.set(a, b);
    this.backward.set(b, a);
    this.trail.push([a, b]);
    return this.descend(a, b);
  }

  /** Structural constants of two ops agree in their numbers. */
  private sameNumber(userA: Term, a: Term, userB: Term, b: Term): boolean {
    if (a.constant === undefined || b.constant === undefined || !isStructural(userA, a.constant)) return true;
    if (closeValues(a, b, this.options.tolerance)) return true;
    const value = (user: Term, t: Term): string => `${numbersOf(t)}${t.origin === user.origin ? '' : ` (${t.origin})`}`;
    const what = `constant ${Math.max(0, userA.operands.indexOf(a))}`;
    return this.conflict({ kind: 'constant', what, a: sideOf(userA, value(userA, a)), b: sideOf(userB, value(userB, b)) });
  }

  private descend(a: Term, b: Term): boolean {
    if (!isCommutative(a.op)) {
      return a.operands.every((x, i) => {
        const y = b.operands[i];
        if (y === undefined || !this.sameNumber(a, x, b, y)) return false;
        this.todo = { item: [x, y], next: this.todo };
        return true;
      });
    }
    const groups = groupBy(b.operands, (t) => colorOf(this.cb, t));
    for (const [color, members] of groupBy(a.operands, (t) => colorOf(this.ca, t))) {
      const others = groups.get(color) ?? [];
      const [x, y] = [members[0], others[0]];
      if (members.length !== others.length || x === undefined || y === undefined) {
        return this.conflict(compareTerms(a, b, this.ca, this.cb));
      }
      if (members.length > 1) {
        this.later = { item: { a: members, b: others, userA: a, userB: b }, next: this.later };
        continue;
      }
      if (!this.sameNumber(a, x, b, y)) return false;
      this.todo = { item: [x, y], next: this.todo };
    }
    return true;
  }

  /** Members that have no partner yet; undefined when a member's partner is outside the group. */
  private remaining({ a, b, userA, userB }: Group): Group | undefined {
    const free = [...b];
    const rest: Term[] = [];
    for (const x of a) {
      const bound = this.forward.get(x);
      if (bound === undefined) {
        rest.push(x);
        continue;
      }
      const i = free.indexOf(bound);
      if (i < 0) return undefined;
      free.splice(i, 1);
    }
    return free.some((y) => this.backward.has(y)) ? undefined : { a: rest, b: free, userA, userB };
  }

  private settle(group: Group): boolean {
    const rest = this.remaining(group);
    if (rest === undefined) {
      const [x, y] = [group.a[0], group.b[0]];
      return x === undefined || y === undefined ? true : this.sharing(x, y);
    }
    const [a, b] = [rest.a[0], rest.b[0]];
    if (a === undefined || b === undefined) return true;
    if (rest.a.length === 1) {
      if (!this.sameNumber(rest.userA, a, rest.userB, b)) return false;
      this.todo = { item: [a, b], next: this.todo };
      return true;
    }
    this.orders ??= [signatures(this.a), signatures(this.b)];
    const [order, others] = this.orders;
    const near = (t: Term): number => Math.abs((order.get(a) ?? 0) - (others.get(t) ?? 0));
    const candidates = [...new Set(rest.b)].sort((s, t) => near(s) - near(t) || s.id - t.id);
    this.chosen++;
    this.choices.push({ trail: this.trail.length, todo: this.todo, later: this.later, rest, a, candidates, index: -1 });
    return this.takeNext();
  }

  /** The next candidate of the newest choice; false when it has none left. */
  private takeNext(): boolean {
    const choice = this.choices.at(-1);
    if (choice === undefined) return false;
    const b = choice.candidates[++choice.index];
    if (b === undefined) {
      this.choices.pop();
      return false;
    }
    for (const [x, y] of this.trail.splice(choice.trail)) {
      this.forward.delete(x);
      this.backward.delete(y);
    }
    this.later = { item: choice.rest, next: choice.later };
    this.todo = { item: [choice.a, b], next: choice.todo };
    return this.sameNumber(choice.rest.userA, choice.a, choice.rest.userB, b);
  }

  private step(): boolean {
    if (this.todo !== undefined) {
      const [a, b] = this.todo.item;
      this.todo = this.todo.next;
      return this.bind(a, b);
    }
    if (this.later === undefined) return true;
    const group = this.later.item;
    this.later = this.later.next;
    return this.settle(group);
  }

  run(starts: readonly Pair[]): Match {
    for (const pair of starts) this.todo = { item: pair, next: this.todo };
    const limit = this.options.maxBacktracks ?? MAX_BACKTRACKS;
    let [backtracks, limitReached] = [0, false];
    while (this.todo !== undefined || this.later !== undefined) {
      if (this.step()) continue;
      let taken = false;
      while (!taken && this.choices.length > 0 && !limitReached) {
        limitReached = ++backtracks > limit;
        taken = this.takeNext();
      }
      if (limitReached) {
        return { kind: 'undecided', reason: `the models have symmetric parts, and ${limit} ways to match them were tried without an end` };
      }
      if (!taken) {
        const none: Difference = { kind: 'sharing', what: '', a: sideOf(undefined), b: sideOf(undefined) };
        return { kind: 'different', difference: this.firstConflict ?? none };
      }
    }
    return { kind: 'same', pairs: this.trail, choices: this.chosen };
  }
}

/**
 * Whether two graphs are the same up to names, the order of execution and the order of commutative operands; what is shared must be
 * shared alike. Constants are places of a type here, but those that belong to the structure have the same numbers.
 * Linear, but for choices among parts that are alike in structure.
 */
export const matchGraphs = (a: Graph, b: Graph, options: MatchOptions): Match => {
  const interner = new Interner();
  const [ca, cb] = [colorsOf(a, interner, options.inputsA), colorsOf(b, interner, options.inputsB)];
  const starts: Pair[] = [];
  const same = a.outputs.every(({ term }, i) => {
    const other = b.outputs[options.outputs[i] ?? -1]?.term;
    if (other !== undefined) starts.push([term, other]);
    return other !== undefined && colorOf(ca, term) === colorOf(cb, other);
  });
  if (!same) {
    const ordered: Graph = { ...b, outputs: options.outputs.flatMap((i) => b.outputs[i] ?? []) };
    return { kind: 'different', difference: firstDifference(a, ordered, ca, cb) };
  }
  return new Walk(a, b, ca, cb, options).run(starts.reverse());
};
