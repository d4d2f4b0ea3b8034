import type { Slot } from '../../cpu/simd/index.ts';
import type { Command } from '../isa/commands.ts';

/** A memory that commands read and write. */
export type Space = 'activations' | 'weights' | 'parameters' | 'tables' | 'memory';

/** Beats of an on-chip memory, or bytes of external memory, both ends as in slices. */
export interface Extent {
  readonly space: Space;
  readonly from: number;
  readonly to: number;
}

/** A command without its waits. Its address in external memory is relative to `slot`. */
export interface Item {
  readonly command: Command;
  readonly slot?: Slot;
  readonly reads: readonly Extent[];
  readonly writes: readonly Extent[];
}

type Unit = 'load' | 'compute' | 'store';
const unitOf = ({ op }: Command): Unit => (op === 'load' || op === 'store' ? op : 'compute');

interface Access {
  readonly from: number;
  readonly to: number;
  readonly unit: Unit;
  /** Commands of its unit up to and with this one. */
  readonly count: number;
  readonly write: boolean;
}

/** Commands of a list, at most: fewer than the counters of commands can tell. */
export const MOST_COMMANDS = 60_000;

/**
 * Who touched what, as far as a later command may have to wait for it. Commands of one unit never wait for each other.
 */
class Hazards {
  private readonly accesses = new Map<Space, Access[]>();
  readonly counts: Record<Unit, number> = { load: 0, compute: 0, store: 0 };

  /** Counts of the other units that a command has to wait for. */
  add(unit: Unit, reads: readonly Extent[], writes: readonly Extent[]): Record<Unit, number> {
    const waits = { load: 0, compute: 0, store: 0 };
    const look = ({ space, from, to }: Extent, write: boolean): void => {
      for (const a of this.accesses.get(space) ?? [])
        if (a.from < to && from < a.to && (write || a.write)) waits[a.unit] = Math.max(waits[a.unit], a.count);
    };
    for (const e of reads) look(e, false);
    for (const e of writes) look(e, true);
    waits[unit] = 0;
    const count = ++this.counts[unit];
    for (const [list, write] of [
      [reads, false],
      [writes, true],
    ] as const)
      for (const { space, from, to } of list) {
        // what a write covers is waited for by whoever waits for the write; a unit's later read stands for its earlier ones
        const covered = (a: Access): boolean => from <= a.from && a.to <= to && (write || (!a.write && a.unit === unit));
        const kept = (this.accesses.get(space) ?? []).filter((a) => !covered(a));
        kept.push({ from, to, unit, count, write });
        this.accesses.set(space, kept);
      }
    return waits;
  }
}

/** Gives commands their addresses and waits, in lists that the counters of the array can count. Called after the memory plan. */
export const linkCommands = (items: readonly Item[]): readonly (readonly Command[])[] => {
  const lists: Command[][] = [];
  let hazards = new Hazards();
  let list: Command[] = [];
  for (const { command, slot, reads, writes } of items) {
    if (list.length === 0 || list.length === MOST_COMMANDS) {
      list = [];
      lists.push(list);
      hazards = new Hazards();
    }
    const base = slot?.address ?? 0;
    const moved = (e: Extent): Extent => (e.space === 'memory' ? { ...e, from: e.from + base, to: e.to + base } : e);
    const waits = hazards.add(unitOf(command), reads.map(moved), writes.map(moved));
    const memory = command.op === 'load' || command.op === 'store' ? { memory: (command.memory ?? 0) + base } : {};
    list.push({ ...command, ...memory, wait_load: waits.load, wait_compute: waits.compute, wait_store: waits.store } as Command);
  }
  return lists;
};
