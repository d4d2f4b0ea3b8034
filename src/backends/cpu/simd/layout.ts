import type { Slot } from './context.ts';

/** Nothing lies at address 0. */
const LOW_BYTES = 256;
/**
 * Vector loads may read this far past the last element of a buffer; never used as a value. Kernels of strided windows take
 * rows in blocks of up to 16 pixels of 4 bytes, and a stride is at most 4096. Engines give untouched pages no memory.
 */
const SLACK_BYTES = 4096 + 16 * 4 * 4096;
const ALIGNMENT = 64;
export const PAGE_BYTES = 65536;
const MAX_PAGES = 65536;

const aligned = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

/** A place in the arena and the steps during which it holds its value, both ends included. */
export interface Lifetime {
  readonly slot: Slot;
  readonly first: number;
  readonly last: number;
}

/**
 * Offsets for lifetimes so that no two that overlap in time overlap in memory: the largest first, each at the lowest
 * gap that fits. @returns bytes needed
 */
const placeLifetimes = (lifetimes: readonly Lifetime[], base: number, gap: number): number => {
  const order = lifetimes.map((_, i) => i).sort((a, b) => (lifetimes[b]?.slot.bytes ?? 0) - (lifetimes[a]?.slot.bytes ?? 0) || a - b);
  const placed: { readonly start: number; readonly end: number; readonly life: Lifetime }[] = [];
  let top = 0;
  for (const i of order) {
    const life = lifetimes[i];
    if (life === undefined) continue;
    const size = aligned(life.slot.bytes + gap);
    let start = 0;
    // `placed` is sorted by start, so the first gap before a conflicting block is the lowest
    for (const other of placed) {
      if (other.life.last < life.first || other.life.first > life.last || other.end <= start) continue;
      if (other.start >= start + size) break;
      start = other.end;
    }
    const at = placed.findIndex((p) => p.start > start);
    placed.splice(at < 0 ? placed.length : at, 0, { start, end: start + size, life });
    life.slot.place(base + start);
    top = Math.max(top, start + size);
  }
  return top;
};

/** Big constants start on a page, so that a file can be mapped there. */
const PAGED_BYTES = 2 ** 20;

const stack = (slots: readonly Slot[], base: number, gap: number): number => {
  let top = base;
  for (const slot of slots) {
    if (slot.bytes >= PAGED_BYTES) top = Math.ceil(top / PAGE_BYTES) * PAGE_BYTES;
    slot.place(top);
    top = aligned(top + slot.bytes + gap);
  }
  return top;
};

export interface MemoryRequest {
  /** Live as long as the executable: constants read in every run, packed weights. */
  readonly persistent: readonly Slot[];
  /** Read by the instantiation code only; the arena takes their place afterwards. */
  readonly initial: readonly Slot[];
  /** Read by one step of the instantiation code each; all steps share one region, filled before the step runs. */
  readonly staged?: readonly (readonly Slot[])[];
  readonly arena: readonly Lifetime[];
  /** Scratch of each step; all steps share one region. */
  readonly scratches: readonly (readonly Slot[])[];
  /** Bytes that stay free behind each place; none when absent. */
  readonly gap?: number;
}

/** Bytes that 32-bit addresses reach. */
export const MOST_BYTES = MAX_PAGES * PAGE_BYTES;

/** Gives every slot its address. @returns bytes of memory needed; addresses are right only up to `MOST_BYTES` */
export const layOut = (request: MemoryRequest): number => {
  const { gap = 0 } = request;
  const arenaBase = stack(request.persistent, LOW_BYTES, gap);
  const arenaTop = arenaBase + placeLifetimes(request.arena, arenaBase, gap);
  const stagingBase = stack(request.initial, arenaBase, gap);
  let scratchBase = Math.max(arenaTop, stagingBase);
  for (const slots of request.staged ?? []) scratchBase = Math.max(scratchBase, stack(slots, stagingBase, gap));
  let top = scratchBase;
  for (const slots of request.scratches) top = Math.max(top, stack(slots, scratchBase, gap));
  return top + SLACK_BYTES;
};
