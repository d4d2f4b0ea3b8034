import type { Program, ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { type Body, type BodyItem, operandsOf, resultsOf } from './classes.ts';
import type { ValueRef } from './code.ts';
import { identifier } from './python-names.ts';

/** How a framework writes the items of a block. */
export interface Dialect {
  /** The expression of an item; undefined: it takes statements of its own. */
  readonly expression: (item: BodyItem, value: (ref: ValueRef, alone: boolean) => string) => string | undefined;
  readonly statements: (item: BodyItem, operands: readonly string[], result: string) => readonly string[];
  /** A value with its dimensions in another order. */
  readonly permute: (value: string, perm: readonly number[]) => string;
  /** Whether expressions may stand inside others. */
  readonly nests: (item: BodyItem) => boolean;
  /** Names that no variable gets. */
  readonly reserved: ReadonlySet<string>;
}

const LONGEST_NESTED = 92;

/** The name of what an item calls; undefined where it calls functions alone. */
const ownName = (item: BodyItem): string | undefined => {
  if (item.kind !== 'step') return item.name;
  return item.fields.find((f) => f.field.isTensor !== true)?.name ?? item.leaf.name;
};

/** The statements of a body, and the expressions of its results. */
export const writeBody = (
  body: Body,
  operandNames: readonly string[],
  dialect: Dialect,
  comment: (item: BodyItem) => string | undefined = () => undefined,
): { readonly lines: readonly string[]; readonly results: readonly string[] } => {
  const { items } = body;
  const lastUse = new Map<ValueId, number>();
  const uses = new Map<ValueId, number>();
  const use = (v: ValueId, i: number): void => {
    lastUse.set(v, i);
    uses.set(v, (uses.get(v) ?? 0) + 1);
  };
  items.forEach((item, i) => operandsOf(item).forEach((v) => use(v, i)));
  for (const v of body.results) use(v, items.length);
  const text = new Map<ValueId, string>();
  const live = new Set<string>();
  const holder = new Map<ValueId, string>();
  /** Wanted names of expressions not written yet. */
  const inner = new Map<ValueId, string>();
  /** Names that died inside them. */
  let freed: string[] = [];
  body.operands.forEach((v, i) => {
    const name = at(operandNames, i);
    text.set(v, name);
    holder.set(v, name);
    live.add(name);
  });
  const release = (item: BodyItem, i: number): void => {
    for (const v of operandsOf(item)) {
      const name = holder.get(v);
      if (name === undefined || lastUse.get(v) !== i) continue;
      live.delete(name);
      freed.push(name);
    }
  };
  const fresh = (wanted: string): string => {
    const base = identifier(wanted);
    let name = base;
    for (let n = 2; live.has(name) || dialect.reserved.has(name); n++) name = `${base}_${n}`;
    return name;
  };
  /** What a value is called where no name is left over from its operands: as what made it, or what it is made from. */
  const wantedName = (item: BodyItem): string =>
    ownName(item) ?? operandsOf(item).flatMap((v) => inner.get(v) ?? [])[0] ?? (item.kind === 'step' ? item.leaf.op : item.name);
  // where one value goes two ways, as in a residual block, the two are x and y
  const forks = [...uses.values()].filter((n) => n > 1);
  const isSimple = forks.length <= 1 && forks.every((n) => n === 2) && body.operands.length <= 1;
  const nameFor = (item: BodyItem): string => {
    const reused = freed.find((name) => !live.has(name));
    return reused ?? (live.has('x') ? fresh(isSimple && !live.has('y') ? 'y' : wantedName(item)) : 'x');
  };
  const lines: string[] = [];
  const valueText = (ref: ValueRef, alone: boolean): string => {
    const known = text.get(ref.value) ?? `v${ref.value}`;
    if (ref.perm !== undefined) return dialect.permute(bracketed(known), ref.perm);
    return alone ? known : bracketed(known);
  };
  const write = (line: string, item: BodyItem): void => {
    const note = comment(item);
    lines.push(note === undefined ? line : `${line}  # ${note}`);
  };
  items.forEach((item, i) => {
    const results = resultsOf(item);
    const expression = dialect.expression(item, valueText);
    if (expression === undefined) {
      const operands = operandsOf(item).map((v) => text.get(v) ?? '');
      release(item, i);
      const name = nameFor(item);
      lines.push(...dialect.statements(item, operands, name));
      freed = [];
      define(results, [name]);
      return;
    }
    const [first] = results;
    const next = items[i + 1];
    const fits = dialect.nests(item) && expression.length < LONGEST_NESTED && depthOf(expression) < 4 && comment(item) === undefined;
    const isNested = (v: ValueId): boolean =>
      next === undefined ? body.results.length === 1 && body.results[0] === v : fits && operandsOf(next).includes(v) && isSingle(next, v);
    const nested = results.length === 1 && first !== undefined && uses.get(first) === 1 && isNested(first);
    release(item, i);
    if (nested) {
      text.set(first, expression);
      inner.set(first, wantedName(item));
      return;
    }
    if (results.length === 1 && first !== undefined) {
      const name = nameFor(item);
      write(`${name} = ${expression}`, item);
      define(results, [name]);
    } else {
      const names = results.map((r, k) => {
        if (!uses.has(r)) return '_';
        const name = fresh(`${wantedName(item)}_${k}`);
        live.add(name);
        return name;
      });
      write(`${names.join(', ')}${names.length === 1 ? ',' : ''} = ${expression}`, item);
      define(results, names);
    }
    freed = [];
  });
  function define(results: readonly ValueId[], names: readonly string[]): void {
    results.forEach((r, k) => {
      const name = at(names, k);
      text.set(r, name);
      if (name === '_') return;
      holder.set(r, name);
      live.add(name);
    });
  }
  return { lines, results: body.results.map((v) => text.get(v) ?? `v${v}`) };
};

/** The item takes the value once. */
const isSingle = (item: BodyItem, value: ValueId): boolean =>
  item.kind !== 'step' || item.leaf.step.code.filter((p) => typeof p === 'object' && p.kind === 'value' && p.value === value).length === 1;

/** The expression in brackets, if it has an operator outside of all. */
export const bracketed = (expression: string): string => (hasOperator(expression) ? `(${expression})` : expression);

const hasOperator = (expression: string): boolean => {
  let depth = 0;
  for (const c of expression) {
    if ('([{'.includes(c)) depth++;
    else if (')]}'.includes(c)) depth--;
    else if (c === ' ' && depth === 0) return true;
  }
  return false;
};

const depthOf = (expression: string): number => {
  let depth = 0;
  let most = 0;
  for (const c of expression) {
    if (c === '(') most = Math.max(most, ++depth);
    else if (c === ')') depth--;
  }
  return most;
};

/** The shape of what an item makes, where its spatial sizes, or how many dimensions it has, differ from what it takes. */
export const shapeNote = (program: Program, item: BodyItem, permOf: (value: ValueId) => readonly number[]): string | undefined => {
  const [result] = resultsOf(item);
  const [operand] = operandsOf(item);
  if (result === undefined || resultsOf(item).length !== 1) return undefined;
  const shape = (v: ValueId): string =>
    `[${permOf(v)
      .map((d) => at(at(program.types, v).shape, d))
      .join(', ')}]`;
  return operand !== undefined && shape(operand) === shape(result) ? undefined : shape(result);
};
