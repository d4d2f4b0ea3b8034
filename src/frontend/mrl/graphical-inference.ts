import { type AttrScalar, LOG_FRACTION, type OpName, type ValueId } from '../../ir/index.ts';
import { eliminationOrder, type Elimination } from './graphical-elimination.ts';
import type { Factor, Network } from './graphical-network.ts';

/** What inference needs of the elaboration: nodes and constants, the same one again for the same content. */
export interface Host {
  node(op: OpName, operands: readonly ValueId[], attrs: Readonly<Record<string, AttrScalar>>): ValueId;
  constant(name: string, shape: readonly number[], data: Int32Array): ValueId;
  /** Counts work. */
  work(steps: number): void;
}

/** Bounds of one table (NUMERICS §7). */
export const TABLE_LIMITS = { entries: 2 ** 24, variables: 8 } as const;

/** Products renormalize before their entries could leave the range of logarithms, +-2^29. */
const MAX_DRIFT = 2 ** 28;
/** A sum of at most 2^24 terms adds at most 24 ln 2 nats. */
const SUM_DRIFT = 17 * 2 ** LOG_FRACTION;

/** A table of logarithms over variables, in ascending order of id. */
interface Term {
  readonly scope: readonly number[];
  readonly value: ValueId;
  readonly drift: number;
}

/** Ends a query whose elimination needs a larger table than the limits allow. */
export class TableTooLarge extends Error {
  override readonly name = 'TableTooLarge';
  readonly clique: readonly number[];
  constructor(clique: readonly number[]) {
    super('a table is too large');
    this.clique = clique;
  }
}

export const fitsTable = (network: Network, scope: readonly number[]): boolean =>
  scope.length <= TABLE_LIMITS.variables && scope.reduce((n, id) => n * (network.variables[id]?.size ?? 1), 1) <= TABLE_LIMITS.entries;

/** Variable elimination, written out as ops: products of tables, sums or maxima over one variable after another. */
export class Inference {
  private readonly network: Network;
  private readonly host: Host;
  /** What renormalization took off so far: logarithms, i32 scalars. */
  private offsets: ValueId[] = [];

  constructor(network: Network, host: Host) {
    this.network = network;
    this.host = host;
  }

  private size(id: number): number {
    return this.network.variables[id]?.size ?? 1;
  }

  /** Leaves out conditional tables whose variables nobody asks about or observes: their rows sum to 1. */
  private relevant(keep: ReadonlySet<number>): readonly Factor[] {
    const { factors, observed } = this.network;
    const uses = new Map<number, number>();
    const definedBy = new Map<number, Factor>();
    for (const f of factors) {
      for (const id of f.scope) uses.set(id, (uses.get(id) ?? 0) + 1);
      for (const id of f.heads) definedBy.set(id, f);
    }
    const dropped = new Set<Factor>();
    const queue = factors.filter((f) => f.heads.length > 0);
    for (let f = queue.pop(); f !== undefined; f = queue.pop()) {
      if (dropped.has(f) || f.heads.some((id) => keep.has(id) || observed.has(id) || uses.get(id) !== 1)) continue;
      dropped.add(f);
      for (const id of f.scope) {
        uses.set(id, (uses.get(id) ?? 0) - 1);
        const parent = definedBy.get(id);
        if (parent !== undefined) queue.push(parent);
      }
    }
    return factors.filter((f) => !dropped.has(f));
  }

  /** The tables with observed variables fixed at their state. */
  private terms(factors: readonly Factor[]): Term[] {
    const { observed } = this.network;
    return factors.flatMap(({ scope, value: table, drift }) => {
      if (table === undefined) return [];
      let value = table;
      for (let axis = scope.length - 1; axis >= 0; axis--) {
        const state = observed.get(scope[axis] ?? -1);
        if (state !== undefined) value = this.host.node('gather', [value, state], { axis });
      }
      return [{ scope: scope.filter((id) => !observed.has(id)), value, drift }];
    });
  }

  /** The table with dimensions of size 1 for the variables it does not have, as far as broadcasting wants them. */
  private aligned(term: Term, scope: readonly number[]): ValueId {
    const first = scope.findIndex((id) => term.scope.includes(id));
    const along = first < 0 ? [] : scope.slice(first);
    if (along.length === term.scope.length) return term.value;
    return this.host.node('reshape', [term.value], { shape: along.map((id) => (term.scope.includes(id) ? this.size(id) : 1)) });
  }

  private product(terms: readonly Term[]): Term {
    const scope = [...new Set(terms.flatMap((t) => t.scope))].sort((a, b) => a - b);
    const [first, ...rest] = terms.map((t) => this.aligned(t, scope));
    if (first === undefined) return { scope, value: this.host.constant('one', [], Int32Array.of(0)), drift: 0 };
    const value = rest.reduce((a, b) => this.host.node('add_saturated', [a, b], {}), first);
    return this.renormalized({ scope, value, drift: terms.reduce((sum, t) => sum + t.drift, 0) });
  }

  /** Long chains: takes the greatest entry off before sums could saturate, exactly, and remembers it. */
  private renormalized(term: Term): Term {
    if (term.drift <= MAX_DRIFT) return term;
    const greatest = this.host.node('reduce_max', [term.value], { axes: term.scope.map((_, i) => i) });
    this.offsets.push(greatest);
    return { ...term, value: this.host.node('add_saturated', [term.value, this.host.node('neg', [greatest], {})], {}), drift: 0 };
  }

  private plan(terms: readonly Term[], open: readonly number[]): readonly Elimination[] {
    let clique: readonly number[] = [];
    const order = eliminationOrder(
      terms.map((t) => t.scope),
      open,
      (scope) => {
        clique = scope;
        this.host.work(scope.length);
        return fitsTable(this.network, scope);
      },
    );
    if (order === undefined) throw new TableTooLarge(clique);
    return order;
  }

  /** Takes variables out one by one; `seen` gets each table just before its variable goes. */
  private eliminate(
    terms: readonly Term[],
    open: readonly number[],
    op: 'lse_fixed' | 'reduce_max',
    seen: (variable: number, table: Term) => void = () => undefined,
  ): Term[] {
    const alive: (Term | undefined)[] = [];
    const holders = new Map<number, number[]>();
    const add = (term: Term): void => {
      const index = alive.push(term) - 1;
      for (const id of term.scope) {
        const held = holders.get(id);
        if (held === undefined) holders.set(id, [index]);
        else held.push(index);
      }
    };
    terms.forEach(add);
    for (const { variable } of this.plan(terms, open)) {
      const held = (holders.get(variable) ?? []).filter((i) => alive[i] !== undefined);
      const table = this.product(held.flatMap((i) => alive[i] ?? []));
      for (const i of held) alive[i] = undefined;
      seen(variable, table);
      const axis = table.scope.indexOf(variable);
      const value = this.host.node(op, [table.value], { axes: [axis] });
      add({ scope: table.scope.filter((id) => id !== variable), value, drift: table.drift + (op === 'lse_fixed' ? SUM_DRIFT : 0) });
    }
    return alive.filter((t) => t !== undefined);
  }

  /** Variables of the tables but those to keep. */
  private open(terms: readonly Term[], keep: ReadonlySet<number>): number[] {
    return [...new Set(terms.flatMap((t) => t.scope))].filter((id) => !keep.has(id)).sort((a, b) => a - b);
  }

  /** Probabilities of the states of some variables together, given the evidence: Q15, dimensions as asked for. */
  marginal(ids: readonly number[]): ValueId {
    const keep = new Set(ids);
    const terms = this.terms(this.relevant(keep));
    const rest = this.eliminate(terms, this.open(terms, keep), 'lse_fixed');
    const scope = [...ids].sort((a, b) => a - b);
    if (!fitsTable(this.network, scope)) throw new TableTooLarge(scope);
    const table = this.product(rest);
    const posterior = this.host.node('posterior_fixed', [table.value], { axes: scope.map((_, i) => i) });
    const perm = ids.map((id) => table.scope.indexOf(id));
    return perm.every((p, i) => p === i) ? posterior : this.host.node('transpose', [posterior], { perm });
  }

  /** Logarithm of the probability of the evidence (of the sum of all products) in Q12. */
  evidence(): ValueId {
    this.offsets = [];
    const terms = this.terms(this.relevant(new Set()));
    const total = this.product(this.eliminate(terms, this.open(terms, new Set()), 'lse_fixed'));
    return this.offsets.reduce((sum, offset) => this.host.node('add_saturated', [sum, offset], {}), total.value);
  }

  /** The most probable states of variables together, summed over the others: i32 indices, ties to the lowest. */
  map(ids: readonly number[]): ValueId {
    const keep = new Set(ids);
    const all = this.terms(this.relevant(keep));
    const others = this.open(all, keep);
    const terms = others.length === 0 ? all : this.eliminate(all, others, 'lse_fixed');
    const trace: { readonly variable: number; readonly table: Term }[] = [];
    this.eliminate(
      terms,
      [...ids].sort((a, b) => a - b),
      'reduce_max',
      (variable, table) => trace.push({ variable, table }),
    );
    const states = new Map<number, ValueId>();
    for (const { variable, table } of trace.reverse()) {
      let row = table.value;
      for (let axis = table.scope.length - 1; axis >= 0; axis--) {
        const state = states.get(table.scope[axis] ?? -1);
        if (state !== undefined) row = this.host.node('gather', [row, state], { axis });
      }
      states.set(variable, this.host.node('argmax', [row], { axis: 0 }));
    }
    const items = ids.flatMap((id) => states.get(id) ?? []).map((state) => this.host.node('reshape', [state], { shape: [1] }));
    return this.host.node('concat', items, { axis: 0 });
  }
}
