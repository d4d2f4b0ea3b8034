/** Items and levels of a transaction at most: fields, access lists and authorizations. */
const MAX_ITEMS = 50_000;
const MAX_DEPTH = 8;

/** Length of the head of an item, and of what it holds; undefined: the bytes end before. */
const headOf = (bytes: Uint8Array, at: number): { readonly head: number; readonly size: number; readonly isList: boolean } | undefined => {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if (first < 0x80) return { head: 0, size: 1, isList: false };
  const isList = first >= 0xc0;
  const base = isList ? 0xc0 : 0x80;
  if (first - base <= 55) return { head: 1, size: first - base, isList };
  const width = first - base - 55;
  let size = 0;
  for (let i = 1; i <= width; i++) {
    size = size * 256 + (bytes[at + i] ?? 0);
    if (size > bytes.length) return undefined;
  }
  return { head: 1 + width, size, isList };
};

/**
 * Why bytes are not given to the decoder of RLP, which goes down with each level, copies what it goes into and makes an object of each
 * item; undefined: they may be.
 * @param at - where the item begins: behind the number of the type of a transaction
 */
export const rlpProblem = (bytes: Uint8Array, at: number): string | undefined => {
  const ends: number[] = [];
  let items = 0;
  for (let i = at; i < bytes.length; ) {
    while (ends.length > 0 && i >= (ends[ends.length - 1] ?? 0)) ends.pop();
    const item = headOf(bytes, i);
    const inner = ends[ends.length - 1] ?? bytes.length;
    if (item === undefined || i + item.head + item.size > inner) return `an item at byte ${i} is longer than what holds it`;
    if (++items > MAX_ITEMS) return `more than ${MAX_ITEMS} items`;
    if (item.isList) {
      if (ends.length >= MAX_DEPTH) return `lists are nested deeper than ${MAX_DEPTH}`;
      ends.push(i + item.head + item.size);
      i += item.head;
    } else i += item.head + item.size;
  }
  return undefined;
};
