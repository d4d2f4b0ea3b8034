import type { Slot } from '../../cpu/simd/index.ts';
import { TARGETS } from '../isa/commands.ts';
import { LANES } from './config.ts';
import type { Extent, Item } from './schedule.ts';

/** One loop of a transfer: how often, and how far apart in memory (bytes) and on chip (beats). */
export interface Loop {
  readonly count: number;
  readonly memory: number;
  readonly chip: number;
}

export interface Transfer {
  readonly op: 'load' | 'store';
  readonly target: (typeof TARGETS)[number];
  readonly transpose?: boolean;
  readonly slot: Slot;
  /** Bytes from the start of the slot. */
  readonly offset: number;
  /** First beat on chip. */
  readonly chip: number;
  /** Loops around a beat, the outermost first. */
  readonly loops: readonly Loop[];
}

const MOST = 0xffff;

/** Loops with neighbouring ones joined where they are one in both memories. */
const joined = (loops: readonly Loop[]): readonly Loop[] => {
  const result: Loop[] = [];
  for (const loop of [...loops].reverse()) {
    const inner = result.at(-1);
    if (loop.count === 1) continue;
    const isOne =
      inner !== undefined &&
      loop.memory === inner.count * inner.memory &&
      loop.chip === inner.count * inner.chip &&
      inner.count * loop.count <= MOST;
    if (isOne) result[result.length - 1] = { ...inner, count: inner.count * loop.count };
    else result.push(loop);
  }
  return result.reverse();
};

const extentOf = (loops: readonly Loop[], key: 'memory' | 'chip', unit: number, first: number): readonly [number, number] => {
  const reach = loops.reduce((n, l) => n + (l.count - 1) * Math.max(l[key], 0), 0);
  return [first, first + reach + unit];
};

/** Commands that copy between external memory and a memory on chip. */
export const transferItems = (t: Transfer): readonly Item[] => {
  const loops = joined(t.loops);
  const beat: Loop = { count: 1, memory: LANES, chip: 1 };
  const last = loops.at(-1);
  const lined = last?.memory === LANES ? loops : [...loops, beat];
  const [outer] = lined;
  // a command has three loops and counts to 65535
  if (outer !== undefined && (lined.length > 3 || outer.count > MOST))
    return Array.from({ length: lined.length > 3 ? outer.count : 2 }, (_, i) => {
      const half = Math.ceil(outer.count / 2);
      const [from, count] = lined.length > 3 ? [i, 1] : i === 0 ? [0, half] : [half, outer.count - half];
      const part = { ...t, offset: t.offset + from * outer.memory, chip: t.chip + from * outer.chip };
      return transferItems({ ...part, loops: [{ ...outer, count }, ...lined.slice(1)] });
    }).flat();
  const none: Loop = { count: 1, memory: 0, chip: 0 };
  const [plane, row, beats] = [...Array.from({ length: 3 - lined.length }, () => none), ...lined] as [Loop, Loop, Loop];
  const [chipFrom, chipTo] = extentOf(lined, 'chip', 1, t.chip);
  const [from, to] = extentOf(lined, 'memory', LANES, t.offset);
  const onChip: Extent = { space: t.target, from: chipFrom, to: chipTo };
  const inMemory: Extent = { space: 'memory', from, to };
  const fields = {
    memory: t.offset,
    memory_plane: plane.memory,
    memory_row: row.memory,
    planes: plane.count,
    rows: row.count,
    beats: beats.count,
    chip: t.chip,
    chip_plane: plane.chip,
    chip_row: row.chip,
    chip_beat: beats.chip,
  };
  if (t.op === 'store') return [{ command: { op: 'store', ...fields }, slot: t.slot, reads: [onChip], writes: [inMemory] }];
  const command = { op: 'load', target: TARGETS.indexOf(t.target), transpose: t.transpose === true ? 1 : 0, ...fields } as const;
  return [{ command, slot: t.slot, reads: [inMemory], writes: [onChip] }];
};
