import type { ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { Names } from '../names.ts';
import { type Code, type Field, render, type Slot, slotsOf } from './code.ts';
import { camelCase, identifier } from './python-names.ts';
import type { Item, Leaf, Scope } from './items.ts';

/** A block that the model has once or more: its items are those of the first place where it stands. */
export interface Block {
  readonly name: string;
  /** Names of what differs between its places, in the order of the constructor. */
  readonly parameters: readonly string[];
  /** The parameter that stands for a slot of the items; undefined: a literal. */
  readonly parameterOf: (slot: Slot) => string | undefined;
  readonly body: Body;
  /** How many places there are. */
  readonly places: number;
}

export interface Body {
  readonly operands: readonly ValueId[];
  readonly results: readonly ValueId[];
  readonly items: readonly BodyItem[];
}

export interface NamedField {
  readonly name: string;
  readonly field: Field;
}

export interface StepItem {
  readonly kind: 'step';
  readonly leaf: Leaf;
  readonly fields: readonly NamedField[];
}

/** One place of a block. */
export interface BlockItem {
  readonly kind: 'block';
  readonly name: string;
  readonly block: Block;
  /** What the parameters are here. */
  readonly args: readonly Slot[];
  readonly inside: Body;
}

/** Items one after another, each with the result of the one before. */
export interface SequenceItem {
  readonly kind: 'sequence';
  readonly name: string;
  readonly inside: Body;
}

export type BodyItem = StepItem | BlockItem | SequenceItem;

export const operandsOf = (item: BodyItem): readonly ValueId[] => (item.kind === 'step' ? item.leaf.operands : item.inside.operands);
export const resultsOf = (item: BodyItem): readonly ValueId[] => (item.kind === 'step' ? item.leaf.results : item.inside.results);

/** A slot, and the name of the field that it constructs. */
interface OwnedSlot {
  readonly slot: Slot;
  readonly owner: string;
}

/** Slots of what an item constructs, in order. */
const slotsOfItem = (item: BodyItem): readonly OwnedSlot[] => {
  const owned = (slots: readonly Slot[], owner: string): readonly OwnedSlot[] => slots.map((slot) => ({ slot, owner }));
  switch (item.kind) {
    case 'step':
      return item.fields.flatMap(({ name, field }) => owned(slotsOf(field.make), name));
    case 'block':
      return owned(item.args, item.name);
    case 'sequence':
      return item.inside.items.flatMap(slotsOfItem).map(({ slot }) => ({ slot, owner: item.name }));
    default:
      return item satisfies never;
  }
};

const shapeOfMake = (make: Code): string => render(make, { slot: (s) => `$${s.before ?? ''}${s.default ?? ''}` });

/** What two places of a block have in common. */
const signature = (body: Body, blockNumber: (block: Block) => number): string => {
  const numbers = new Map<ValueId, number>();
  const numberOf = (v: ValueId): number => {
    const known = numbers.get(v) ?? numbers.size;
    numbers.set(v, known);
    return known;
  };
  body.operands.forEach(numberOf);
  const ofItem = (item: BodyItem): unknown => {
    switch (item.kind) {
      case 'step':
        return [
          item.fields.map(({ name, field }) => [name, shapeOfMake(field.make), field.tensors.map((t) => t.key)]),
          render(item.leaf.step.code, { value: (r) => `%${numberOf(r.value)}${r.perm === undefined ? '' : `(${r.perm.join()})`}` }),
          item.leaf.results.map(numberOf),
        ];
      case 'block':
        return [item.name, blockNumber(item.block), item.inside.operands.map(numberOf), item.inside.results.map(numberOf)];
      case 'sequence':
        return [item.name, item.inside.items.map(ofItem), item.inside.results.map(numberOf)];
      default:
        return item satisfies never;
    }
  };
  return JSON.stringify([body.items.map(ofItem), body.results.map(numberOf), body.operands.length]);
};

const isNumber = (name: string): boolean => /^\d+$/.test(name);

/** Each item takes the result of the one before alone, and nothing else uses it. */
const isChain = (items: readonly BodyItem[]): boolean =>
  items.every((item, i) => {
    const before = items[i - 1];
    const operands = operandsOf(item);
    return (
      resultsOf(item).length === 1 &&
      operands.length === 1 &&
      (before === undefined || operands[0] === resultsOf(before)[0]) &&
      (item.kind !== 'step' || item.leaf.step.module !== undefined || (item.leaf.step.isCall === true && item.fields.length === 1))
    );
  });

const stepItem = (leaf: Leaf, names: Names): StepItem => {
  const { fields } = leaf.step;
  const [first] = fields;
  const own = first?.leaf ?? '';
  const named = leaf.name === undefined || isNumber(leaf.name) ? undefined : identifier(leaf.name, `${own}_`);
  // a tensor beside a layer's name says what it is for
  const wanted = named === undefined ? own : first?.isTensor === true || names.has(named) ? `${named}_${own}` : named;
  return {
    kind: 'step',
    leaf,
    fields: fields.map((field, i) => ({
      name: names.take(i === 0 ? wanted : named === undefined ? field.leaf : `${named}_${field.leaf}`),
      field,
    })),
  };
};

/** Blocks that are called unit1, unit2, …, each for the result of the one before: they need no names in a sequence. */
const isRow = (scope: Scope, items: readonly BodyItem[]): boolean =>
  scope.name !== '' &&
  items.length > 1 &&
  items.every((item) => item.kind === 'block') &&
  isChain(items) &&
  scope.items.every((item, i) => stemIn(item) === stemIn(at(scope.items, 0)) && numberIn(item) === numberIn(at(scope.items, 0)) + i);

const stemIn = (item: Item): string => (item.name ?? '').replace(/\d+$/, '');
const numberIn = (item: Item): number => Number(/\d+$/.exec(item.name ?? '')?.[0] ?? Number.NaN);

/** What names begin with alike; a number is not cut in two. */
const commonPrefix = (names: readonly string[]): string => {
  let stem = names[0] ?? '';
  for (const name of names) while (!name.startsWith(stem)) stem = stem.slice(0, -1);
  const cutsNumber = names.some((name) => /\d$/.test(stem) && /\d/.test(name.charAt(stem.length)));
  return (cutsNumber ? stem.replace(/\d+$/, '') : stem).replace(/[^A-Za-z0-9]+$/, '');
};

/** What names begin with alike, without the numbers behind it. */
const commonStem = (names: readonly string[]): string => {
  const stem = commonPrefix(names);
  return stem.replace(/[\d_.-]+[a-z]?$/, '').replace(/[^A-Za-z0-9]+$/, '');
};

/** Runs of at least three places of one block, one after another, as sequences. */
const withSequences = (items: readonly BodyItem[], results: readonly ValueId[], names: Names): readonly BodyItem[] => {
  const uses = new Map<ValueId, number>();
  for (const v of [...items.flatMap(operandsOf), ...results]) uses.set(v, (uses.get(v) ?? 0) + 1);
  const out: BodyItem[] = [];
  for (let i = 0; i < items.length; ) {
    const first = at(items, i);
    let end = i + 1;
    while (first.kind === 'block' && end < items.length) {
      const [last, next] = [at(items, end - 1), at(items, end)];
      const link = resultsOf(last)[0];
      const same = next.kind === 'block' && next.block === first.block && isChain([last, next]);
      if (!same || link === undefined || uses.get(link) !== 1) break;
      end++;
    }
    const run = items.slice(i, end);
    if (run.length < 3 || !isChain(run)) out.push(first);
    else {
      const stem = commonPrefix(run.flatMap((r) => (r.kind === 'step' ? [] : [r.name])));
      const name = names.take(identifier(stem === '' ? 'blocks' : stem));
      out.push({
        kind: 'sequence',
        name,
        inside: { items: run, operands: operandsOf(first), results: resultsOf(at(run, run.length - 1)) },
      });
    }
    i += run.length < 3 || !isChain(run) ? 1 : run.length;
  }
  return out;
};

/** A scope on its way: known when the blocks inside it are. */
interface Place {
  readonly scope: Scope;
  readonly parent: Scope | undefined;
  readonly height: number;
}

const placesOf = (scope: Scope, parent: Scope | undefined): readonly Place[] => {
  const inner = scope.items.flatMap((item) => (item.kind === 'scope' ? placesOf(item, scope) : []));
  const height = 1 + Math.max(-1, ...inner.map((p) => p.height));
  return [...inner, { scope, parent, height }];
};

interface Parameters {
  readonly names: readonly string[];
  /** The parameter of each slot; undefined: a literal. */
  readonly of: readonly (number | undefined)[];
}

/** Which values differ between places: groups of slots that are equal everywhere share one parameter. */
const parametersOf = (slots: readonly (readonly OwnedSlot[])[]): Parameters => {
  const [first = []] = slots;
  const groups = new Map<string, number>();
  const members: OwnedSlot[] = [];
  const of = first.map((own, i) => {
    const column = slots.map((s) => at(s, i).slot.text);
    if (column.every((text) => text === column[0])) return undefined;
    const key = column.join('\0');
    const known = groups.get(key);
    if (known !== undefined) return known;
    groups.set(key, members.length);
    members.push(own);
    return members.length - 1;
  });
  const taken = new Names();
  const isAmbiguous = (hint: string): boolean => members.filter((m) => m.slot.hint === hint).length > 1;
  const names = members.map(({ slot, owner }) =>
    taken.take(isAmbiguous(slot.hint) ? identifier(`${owner}_${slot.hint.replace(/^(in|out)_(?=channels|features)/, '')}`) : slot.hint),
  );
  return { names, of };
};

const nameOfBlock = (places: readonly Place[]): string => {
  const own = commonStem(places.map((p) => p.scope.name));
  if (/[A-Za-z]{2}/.test(own)) return camelCase(own);
  const outer = commonStem(places.map((p) => p.parent?.name ?? ''));
  if (!/[A-Za-z]/.test(outer)) return 'Block';
  return /(block|layer|cell|unit|module)$/i.test(outer) && outer.length > 6 ? camelCase(outer) : `${camelCase(outer)}Block`;
};

/** Names of fields that tell blocks with one name apart. */
const fieldNames = (body: Body): readonly string[] =>
  body.items.flatMap((item) => (item.kind === 'step' ? item.fields.map((f) => f.name) : [item.name]));

/** Blocks of a model in the order in which they can be defined, and the body of the model itself. */
export interface Outline {
  readonly blocks: readonly Block[];
  readonly body: Body;
}

/**
 * Finds equal modules, and makes one block of them; modules in a row become sequences.
 * @param reserved - names that no block gets
 */
export const outlineOf = (root: Scope, reserved: readonly string[]): Outline => {
  const blocks: Block[] = [];
  const resolved = new Map<Scope, BodyItem | Body>();
  const blockNames = new Names();
  for (const name of reserved) blockNames.take(name);
  const byStem = new Map<string, Block[]>();

  const itemsOf = (scope: Scope, names: Names): readonly BodyItem[] =>
    scope.items.map((item): BodyItem => {
      if (item.kind === 'leaf') return stepItem(item, names);
      const inner = resolved.get(item) as BlockItem | SequenceItem;
      return { ...inner, name: names.take(identifier(item.name, 'block_')) };
    });

  const bodyOf = (scope: Scope): Body => {
    const names = new Names();
    // layers are named first: they have names of their own more often than sequences
    const items = itemsOf(scope, names);
    const known = isRow(scope, items) ? items : withSequences(items, scope.results, names);
    return { items: known, operands: scope.operands, results: scope.results };
  };

  const isSequence = (scope: Scope, { items, operands, results }: Body): boolean =>
    isChain(items) &&
    operands.length === 1 &&
    results.length === 1 &&
    results[0] === resultsOf(at(items, items.length - 1))[0] &&
    (isRow(scope, items) ||
      scope.items.every((item) => item.name !== undefined && isNumber(item.name)) ||
      items.every((item) => item.kind === 'block' && item.block === (items[0] as BlockItem).block) ||
      (items.length === 1 && items[0]?.kind === 'sequence'));

  const define = (places: readonly (Place & { readonly body: Body })[]): void => {
    const slots = places.map((p) => p.body.items.flatMap(slotsOfItem));
    const { names, of } = parametersOf(slots);
    const first = at(places, 0);
    const indexOf = new Map(at(slots, 0).map((s, i) => [s.slot, of[i]] as const));
    const stem = nameOfBlock(places);
    const alike = byStem.get(stem) ?? [];
    const others = new Set(alike.flatMap((b) => fieldNames(b.body)));
    const extra = alike.length === 0 ? undefined : fieldNames(first.body).find((n) => !others.has(n));
    const block: Block = {
      name: blockNames.take(extra === undefined ? stem : `${stem}With${camelCase(extra)}`),
      parameters: names,
      parameterOf: (s) => {
        const index = indexOf.get(s);
        return index === undefined ? undefined : names[index];
      },
      body: first.body,
      places: places.length,
    };
    byStem.set(stem, [...alike, block]);
    blocks.push(block);
    places.forEach((p, k) => {
      const args = names.map((hint, index): Slot => ({ kind: 'slot', hint, text: at(at(slots, k), of.indexOf(index)).slot.text }));
      resolved.set(p.scope, { kind: 'block', name: p.scope.name, block, args, inside: p.body });
    });
  };

  const all = placesOf(root, undefined).filter((p) => p.scope !== root);
  const highest = Math.max(-1, ...all.map((p) => p.height));
  for (let height = 0; height <= highest; height++) {
    const groups = new Map<string, (Place & { readonly body: Body })[]>();
    for (const p of all.filter((a) => a.height === height)) {
      const body = bodyOf(p.scope);
      const [only] = body.items;
      if (isSequence(p.scope, body)) {
        const inside = body.items.length === 1 && only?.kind === 'sequence' ? only.inside : body;
        resolved.set(p.scope, { kind: 'sequence', name: p.scope.name, inside });
        continue;
      }
      const key = signature(body, (b) => blocks.indexOf(b));
      groups.set(key, [...(groups.get(key) ?? []), { ...p, body }]);
    }
    // where names are alike, the block with fewer fields has the plain one
    const bySize = [...groups.values()].sort((a, b) => fieldNames(at(a, 0).body).length - fieldNames(at(b, 0).body).length);
    for (const places of bySize) define(places);
  }
  return { blocks, body: bodyOf(root) };
};

/** Every tensor of the model by the path of its field. */
export const tensorsOf = (
  body: Body,
  prefix = '',
): readonly { readonly name: string; readonly tensor: Field['tensors'][number]['tensor'] }[] =>
  body.items.flatMap((item) => ofItem(item, prefix));

const ofItem = (item: BodyItem, prefix: string): ReturnType<typeof tensorsOf> => {
  switch (item.kind) {
    case 'step':
      return item.fields.flatMap(({ name, field }) =>
        field.tensors.map(({ key, tensor }) => ({ name: `${prefix}${name}${key === '' ? '' : `.${key}`}`, tensor })),
      );
    case 'block':
      return tensorsOf(item.inside, `${prefix}${item.name}.`);
    case 'sequence':
      return item.inside.items.flatMap((member, i) => ofItem(numbered(member, i), `${prefix}${item.name}.`));
    default:
      return item satisfies never;
  }
};

/** A member of a sequence is called by its place. */
export const numbered = (item: BodyItem, place: number): BodyItem =>
  item.kind === 'step' ? { ...item, fields: item.fields.map((f) => ({ ...f, name: String(place) })) } : { ...item, name: String(place) };
