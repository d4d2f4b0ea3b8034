/** From the first byte to the one after the last. */
export type Range = readonly [from: number, to: number];

/** Adds a range to ascending ranges that do not touch one another; the result is such, too. */
export const addRange = (ranges: readonly Range[], from: number, to: number): readonly Range[] => {
  if (from >= to) return ranges;
  const before: Range[] = [];
  const after: Range[] = [];
  let [first, last] = [from, to];
  for (const range of ranges) {
    if (range[1] < first) before.push(range);
    else if (range[0] > last) after.push(range);
    else {
      first = Math.min(first, range[0]);
      last = Math.max(last, range[1]);
    }
  }
  return [...before, [first, last], ...after];
};

/** Where bytes that are there from a place on end; the place itself where it is not there. */
export const endOfRange = (ranges: readonly Range[], from: number): number => ranges.find(([a, b]) => a <= from && from < b)?.[1] ?? from;

/** What is not there of so many bytes, in pieces of at most so many. */
export function* gapsOf(ranges: readonly Range[], size: number, most: number): Iterable<Range> {
  let at = 0;
  for (const [from, to] of [...ranges, [size, size] as const]) {
    for (; at < from; at = Math.min(from, at + most)) yield [at, Math.min(from, at + most)];
    at = Math.max(at, to);
  }
}

/** Bytes of all ranges. */
export const rangeBytes = (ranges: readonly Range[]): number => ranges.reduce((sum, [from, to]) => sum + to - from, 0);
