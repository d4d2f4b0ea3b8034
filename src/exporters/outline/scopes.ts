import { type AnyNode, opOf, type ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { type Step, valuesOf } from './code.ts';
import type { Item, Leaf, Scope } from './items.ts';
import { withRepeats } from './repeats.ts';

/** A node with its statement. */
export interface Written {
  readonly node: AnyNode;
  readonly step: Step;
  readonly path: readonly string[] | undefined;
}

interface Draft {
  readonly name: string;
  readonly parent: Draft | undefined;
  readonly scopes: Map<string, Draft>;
  leaves: Leaf[];
}

const newDraft = (name: string, parent: Draft | undefined): Draft => ({ name, parent, scopes: new Map(), leaves: [] });

const ancestors = (draft: Draft): readonly Draft[] => (draft.parent === undefined ? [draft] : [...ancestors(draft.parent), draft]);

const common = (a: Draft, b: Draft): Draft => {
  const [x, y] = [ancestors(a), ancestors(b)];
  let last = at(x, 0);
  for (let i = 0; i < Math.min(x.length, y.length) && x[i] === y[i]; i++) last = at(x, i);
  return last;
};

const scopeAt = (root: Draft, path: readonly string[]): Draft =>
  path.reduce((scope, name) => {
    const inner = scope.scopes.get(name) ?? newDraft(name, scope);
    scope.scopes.set(name, inner);
    return inner;
  }, root);

/** Paths without modules that hold one layer alone: `conv1/7x7_s2` is the layer `conv1_7x7_s2`. */
const withoutSingles = (paths: readonly (readonly string[] | undefined)[]): readonly (readonly string[] | undefined)[] => {
  let current = paths;
  for (let again = true; again; ) {
    again = false;
    const members = new Map<string, Set<string>>();
    for (const path of current)
      for (let depth = 1; path !== undefined && depth < path.length; depth++) {
        const key = path.slice(0, depth).join('\0');
        members.set(key, (members.get(key) ?? new Set()).add(at(path, depth)));
      }
    const isSingle = (path: readonly string[]): boolean => members.get(path.join('\0'))?.size === 1;
    current = current.map((path) => {
      if (path === undefined || path.length < 2 || !isSingle(path.slice(0, -1))) return path;
      // a module with one module in it stays: only the innermost are looked at
      again = true;
      const [outer, inner] = [at(path, path.length - 2), at(path, path.length - 1)];
      return [...path.slice(0, -2), /^\d+$/.test(inner) ? outer : /^\d+$/.test(outer) && path.length > 2 ? outer : `${outer}_${inner}`];
    });
  }
  return current;
};

/** Ops that stand between modules when they follow one: they do not belong to what is before them. */
const isGlue = (op: AnyNode['op']): boolean => {
  const { traits } = opOf(op);
  return traits.pointwise !== true && op !== 'add' && op !== 'mul' && op !== 'prelu' && op !== 'concat' && op !== 'add_rescale';
};

/** How many statements without a name a look for users passes. */
const MOST_LOOKED_AHEAD = 16;

/** Puts each statement into a module: where its name says, else where its operands and users are. */
const place = (written: readonly Written[]): Draft => {
  const root = newDraft('', undefined);
  const paths = withoutSingles(written.map((w) => w.path));
  for (const path of paths) if (path !== undefined) scopeAt(root, path.slice(0, -1));
  const placed: (Draft | undefined)[] = paths.map((path) => (path === undefined ? undefined : scopeAt(root, path.slice(0, -1))));
  const producer = new Map<ValueId, number>();
  const users = new Map<ValueId, number[]>();
  const operands = written.map(({ step }) => [...new Set(valuesOf(step.code).map((r) => r.value))]);
  written.forEach(({ node }, i) => {
    for (const r of node.results) producer.set(r, i);
    for (const v of at(operands, i)) users.set(v, [...(users.get(v) ?? []), i]);
  });
  const usersOf = (i: number): readonly number[] => at(written, i).node.results.flatMap((r) => users.get(r) ?? []);
  /** Modules of the users, looked for behind users that have none yet; the model itself for outputs. */
  const usersScopes = (i: number, depth = 0): readonly Draft[] => {
    const own = usersOf(i);
    if (own.length === 0 || depth > MOST_LOOKED_AHEAD) return [root];
    return own.flatMap((u) => {
      const known = placed[u];
      return known === undefined ? usersScopes(u, depth + 1).slice(0, MOST_LOOKED_AHEAD) : [known];
    });
  };
  /** Where results of modules come together: in the outer one, if what comes from there is for this alone. */
  const joined = (i: number, before: readonly number[]): Draft => {
    const latest = placed[Math.max(...before)] ?? root;
    const outer = before.flatMap((b) => {
      const scope = placed[b] ?? root;
      const isOuter = scope !== latest && ancestors(latest).includes(scope);
      const alone = usersOf(b).every((u) => u === i || placed[u] === scope);
      return isOuter && alone && scope !== root ? [scope] : [];
    });
    return outer.reduce((a, o) => common(a, o), latest);
  };
  written.forEach(({ node }, i) => {
    if (placed[i] !== undefined) return;
    const before = at(operands, i).flatMap((v) => producer.get(v) ?? []);
    const latest = before.length === 0 ? undefined : joined(i, before);
    const after = usersOf(i).map((u) => placed[u]);
    const [first] = after;
    // all users are in one module that takes the operand for something else too
    if (first !== undefined && first !== latest && after.every((a) => a === first)) {
      const shared = at(operands, i).some((v) => (users.get(v) ?? []).some((u) => u !== i && placed[u] === first));
      if (latest === undefined || shared) {
        placed[i] = first;
        return;
      }
    }
    if (latest === undefined) placed[i] = root;
    else if (node.op === 'concat') placed[i] = before.map((b) => placed[b] ?? root).reduce(common);
    else if (!isGlue(node.op)) placed[i] = latest;
    else placed[i] = after.some((a) => a === latest) ? latest : usersScopes(i).reduce(common, latest.parent ?? latest);
  });
  written.forEach(({ node, step }, order) => {
    const path = paths[order];
    const scope = placed[order] ?? root;
    const last = path?.at(-1) === '' ? undefined : path?.at(-1);
    // a name that a module has too: the layer goes into the module
    const inner = last === undefined ? undefined : scope.scopes.get(last);
    (inner ?? scope).leaves.push({
      kind: 'leaf',
      order,
      step,
      op: node.op,
      name: inner === undefined ? last : undefined,
      operands: at(operands, order),
      results: node.results,
    });
  });
  return root;
};

const firstOrder = (item: Item): number => (item.kind === 'leaf' ? item.order : Math.min(...item.items.map(firstOrder)));

const ordersIn = (item: Item): readonly number[] => (item.kind === 'leaf' ? [item.order] : item.items.flatMap(ordersIn));

/** How many statements of others stand between those of a module: many where its name is that of two things, far apart. */
const gapIn = (scope: Scope): number => {
  const orders = ordersIn(scope);
  const [first, last] = orders.reduce(([low, high], o) => [Math.min(low, o), Math.max(high, o)], [Infinity, -Infinity]);
  return last - first + 1 - orders.length;
};

/** An order in which the items can run, near to the program's; or a module that cannot run as a whole. */
const arrange = (items: readonly Item[]): { readonly order: readonly Item[]; readonly stuck?: Scope } => {
  const sorted = items
    .map((item) => ({ item, first: firstOrder(item) }))
    .sort((a, b) => a.first - b.first)
    .map((x) => x.item);
  const maker = new Map<ValueId, number>();
  sorted.forEach((item, i) => {
    for (const r of item.results) maker.set(r, i);
  });
  const needs = sorted.map((item, i) => new Set(item.operands.flatMap((v) => maker.get(v) ?? []).filter((m) => m !== i)));
  const done = new Set<number>();
  const order: Item[] = [];
  let low = 0;
  while (order.length < sorted.length) {
    while (done.has(low)) low++;
    let next = low;
    while (next < sorted.length && (done.has(next) || [...at(needs, next)].some((n) => !done.has(n)))) next++;
    if (next === sorted.length) {
      const stuck = sorted.filter((item, i): item is Scope => !done.has(i) && item.kind === 'scope');
      const [loosest] = stuck
        .map((scope) => ({ scope, gap: gapIn(scope) }))
        .sort((a, b) => b.gap - a.gap || a.scope.items.length - b.scope.items.length);
      return loosest === undefined ? { order: sorted } : { order: sorted, stuck: loosest.scope };
    }
    done.add(next);
    order.push(at(sorted, next));
  }
  return { order };
};

/** Values from outside in the order of first use, and values used outside of these items. */
const borders = (items: readonly Item[], usedOutside: (value: ValueId, inside: ReadonlySet<ValueId>) => boolean) => {
  const made = new Set(items.flatMap((item) => item.results));
  const operands = [...new Set(items.flatMap((item) => item.operands))].filter((v) => !made.has(v));
  return { operands, results: [...made].filter((v) => usedOutside(v, made)) };
};

/**
 * The tree of modules of a program whose nodes have become statements.
 * @param outputs - values that are used outside of all modules
 * A module that could not run as a whole is dissolved into the one around it.
 */
export const scopesOf = (outputs: readonly ValueId[], written: readonly Written[]): Scope => {
  const draft = place(written);
  const uses = new Map<ValueId, number>();
  const count = (leaves: readonly Leaf[], into: Map<ValueId, number>): void => {
    for (const leaf of leaves) for (const v of leaf.operands) into.set(v, (into.get(v) ?? 0) + 1);
  };
  const all = (d: Draft): readonly Leaf[] => [...d.leaves, ...[...d.scopes.values()].flatMap(all)];
  count(all(draft), uses);
  for (const value of outputs) uses.set(value, (uses.get(value) ?? 0) + 1);
  const leavesOf = (item: Item): readonly Leaf[] => (item.kind === 'leaf' ? [item] : item.items.flatMap(leavesOf));
  const close = (name: string, items: readonly Item[]): Scope => {
    let current = items;
    for (;;) {
      const { order, stuck } = arrange(current);
      current = order;
      if (stuck === undefined) break;
      current = current.flatMap((item) => (item === stuck ? stuck.items : [item]));
    }
    if (!isNamed(name, current)) current = withRepeats(current, (segment) => close('', segment));
    const inside = new Map<ValueId, number>();
    count(current.flatMap(leavesOf), inside);
    return { kind: 'scope', name, items: current, ...borders(current, (v) => (uses.get(v) ?? 0) > (inside.get(v) ?? 0)) };
  };
  const build = (d: Draft): Scope => {
    const inner = [...d.scopes.values()].filter((s) => all(s).length > 0).map(build);
    // a module of one statement is that statement
    const items = inner.flatMap((s): readonly Item[] => (s.items.length === 1 ? s.items.map((item) => renamed(item, s.name)) : [s]));
    return close(d.name, [...d.leaves, ...items]);
  };
  const model = build(draft);
  const [only] = model.items;
  // one module that is all of the model is the model
  return model.items.length === 1 && only?.kind === 'scope' ? { ...only, name: '' } : model;
};

/** How many layers a module with names of its own has at most when it is written as it stands. */
const MOST_NAMED = 8;

/** A module that is small, and that names alone explain: a residual unit is not three blocks of normalization and convolution. */
const isNamed = (name: string, items: readonly Item[]): boolean => {
  const layers = items.flatMap((item) => (item.kind === 'leaf' && item.step.fields.length > 0 ? [item] : []));
  return name !== '' && layers.length <= MOST_NAMED && layers.every((leaf) => leaf.name !== undefined);
};

const renamed = (item: Item, name: string): Item => (item.kind === 'leaf' ? { ...item, name: item.name ?? name } : { ...item, name });
