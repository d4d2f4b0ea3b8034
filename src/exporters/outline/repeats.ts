import type { ValueId } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { render } from './code.ts';
import type { Item, Leaf, Scope } from './items.ts';

/** The longest segment that is looked for, in statements. */
const LONGEST = 64;
/** How often a segment has to stand one after another. */
const FEWEST = 3;

/** What statements of equal blocks have in common: literals may differ, but a depthwise layer is not another. */
const templateOf = (item: Item): string | undefined => {
  if (item.kind === 'scope') return undefined;
  const { step } = item;
  const made = step.fields.map(({ make }) => render(make, { slot: (s) => (s.hint === 'groups' && s.text !== '1' ? '$n' : '$') }));
  return JSON.stringify([made, render(step.code, { value: (r) => `%${r.perm?.join() ?? ''}` }), item.results.length]);
};

/** How the statements of a segment hang together: operands by the statement that makes them, or from outside. */
const wiring = (segment: readonly Item[]): string => {
  const made = new Map<ValueId, string>();
  const outside = new Map<ValueId, number>();
  return segment
    .map((item, i) => {
      const operands = item.operands.map((v) => {
        const inside = made.get(v);
        if (inside !== undefined) return inside;
        const number = outside.get(v) ?? outside.size;
        outside.set(v, number);
        return `o${number}`;
      });
      item.results.forEach((r, k) => made.set(r, `${i}.${k}`));
      return operands.join();
    })
    .join(';');
};

const layerCount = (segment: readonly Item[]): number =>
  segment.filter((item) => item.kind === 'leaf' && item.step.fields.some((f) => f.isTensor !== true)).length;

interface Candidate {
  readonly start: number;
  readonly length: number;
  readonly count: number;
}

/** Stretches that repeat themselves, by the places where each statement equals the one a segment later. */
const stretches = (ids: readonly number[]): readonly Candidate[] => {
  const found: Candidate[] = [];
  for (let length = 2; length <= Math.min(LONGEST, Math.floor(ids.length / FEWEST)); length++) {
    let equal = 0;
    for (let i = 0; i + length <= ids.length; i++) {
      const id = ids[i];
      if (id !== undefined && id >= 0 && i + length < ids.length && id === ids[i + length]) {
        equal++;
        continue;
      }
      if (equal >= (FEWEST - 1) * length) found.push({ start: i - equal, length, count: Math.floor(equal / length) + 1 });
      equal = 0;
    }
  }
  return found;
};

/** Names within a segment: what they begin with is the name of the block, if all members have it. */
const namesOf = (segment: readonly Leaf[]): { readonly block: string; readonly members: readonly (string | undefined)[] } => {
  const known = segment.flatMap((l) => (l.step.fields.length > 0 && l.name !== undefined ? [l.name] : []));
  let block = known.length < 2 || known.length < layerCount(segment) ? '' : at(known, 0);
  for (const name of known) while (!name.startsWith(block)) block = block.slice(0, -1);
  // conv1 and conv1_bn are a block conv1
  const isWhole = block !== '' && known.includes(block) && known.every((name) => /^([_.-]|$)/.test(name.slice(block.length)));
  block = isWhole || /[_.-]$/.test(block) ? block : block.replace(/[^_.-]*$/, '');
  return {
    block: block.replace(/[_.-]+$/, ''),
    members: segment.map((l) => {
      const own = block !== '' && l.name?.startsWith(block) === true ? l.name.slice(block.length).replace(/^[_.-]+/, '') : '';
      return own === '' || l.step.fields.length === 0 ? undefined : own;
    }),
  };
};

/**
 * Finds segments that stand several times one after another, take one value and give one, and makes modules of them, and of the
 * other places where the same segment stands: for models whose names show no modules.
 * @param close - a module of these items
 */
export const withRepeats = (items: readonly Item[], close: (segment: readonly Item[]) => Scope): readonly Item[] => {
  const numbers = new Map<string, number>();
  const ids = items.map((item) => {
    const template = templateOf(item);
    if (template === undefined) return -1;
    const known = numbers.get(template) ?? numbers.size;
    numbers.set(template, known);
    return known;
  });
  const isBlock = (start: number, length: number): boolean => {
    const { operands, results } = close(items.slice(start, start + length));
    return operands.length === 1 && results.length === 1;
  };
  const equalAt = (a: number, b: number, length: number): boolean => {
    for (let i = 0; i < length; i++) if (ids[a + i] !== ids[b + i]) return false;
    return wiring(items.slice(a, a + length)) === wiring(items.slice(b, b + length));
  };
  const candidates = [...stretches(ids)].sort((a, b) => (b.count - 1) * b.length - (a.count - 1) * a.length || a.length - b.length);
  for (const { start, length, count } of candidates) {
    const shifts = Array.from({ length }, (_, shift) => shift).filter((shift) => {
      const first = start + shift;
      const segment = items.slice(first, first + length);
      const places = Array.from({ length: shift === 0 ? count : count - 1 }, (_, k) => first + k * length);
      return (
        places.length >= FEWEST &&
        layerCount(segment) >= 2 &&
        layerCount(segment.slice(0, 1)) > 0 &&
        places.every((p) => equalAt(first, p, length) && isBlock(p, length))
      );
    });
    // where names say what belongs together, they are right
    const nameLength = (shift: number): number =>
      namesOf(items.slice(start + shift, start + shift + length) as readonly Leaf[]).block.length;
    const shift = [...shifts].sort((p, q) => nameLength(q) - nameLength(p) || p - q)[0];
    if (shift !== undefined) return grouped(items, start + shift, length, equalAt, isBlock, close);
  }
  return items;
};

const grouped = (
  items: readonly Item[],
  model: number,
  length: number,
  equalAt: (a: number, b: number, length: number) => boolean,
  isBlock: (start: number, length: number) => boolean,
  close: (segment: readonly Item[]) => Scope,
): readonly Item[] => {
  const places: number[] = [];
  for (let i = 0; i + length <= items.length; ) {
    if (equalAt(model, i, length) && isBlock(i, length)) {
      places.push(i);
      i += length;
    } else i++;
  }
  const segments = places.map((p) => items.slice(p, p + length) as readonly Leaf[]);
  const names = segments.map(namesOf);
  const alike = names.every((n) => n.block !== '' && JSON.stringify(n.members) === JSON.stringify(names[0]?.members));
  const scopes = segments.map((segment, k): Scope => {
    const { block, members } = at(names, k);
    const own = segment.map((leaf, i): Leaf => ({ ...leaf, name: alike ? members[i] : undefined }));
    return { ...close(own), name: alike ? block : `block${k + 1}` };
  });
  const out: Item[] = [];
  for (let i = 0; i < items.length; ) {
    const place = places.indexOf(i);
    out.push(place < 0 ? at(items, i) : at(scopes, place));
    i += place < 0 ? 1 : length;
  }
  // other segments may repeat beside these
  return withRepeats(out, close);
};
