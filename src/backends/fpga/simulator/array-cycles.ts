import { type Command, MODES, RESULTS } from '../isa/commands.ts';
import type { ArraySize } from '../isa/config.ts';

/** The memory and the queues of the array, in cycles. */
export interface ArrayTiming {
  /** From the cycle in which a read is taken to its first beat. */
  readonly readLatency: number;
  /** From the last beat of a write to its answer. */
  readonly writeLatency: number;
  /** Commands that wait in the queue of a unit. */
  readonly queue: number;
}

/** A memory that answers after 20 cycles, behind the bus of the core. */
export const DEFAULT_TIMING: ArrayTiming = { readLatency: 23, writeLatency: 22, queue: 4 };

/** Beats of a request at most; loads in flight, and stores without an answer, at once. */
const BURST = 64;
const REQUESTS = 2;
const UNANSWERED = 4;
/** Cycles of a request besides its beats and the latency, and between those of a store. */
const REQUEST_CYCLES = 5;
const STORE_GAP = 2;
/** Beats of tables take so many cycles. */
const TABLE_BEAT_CYCLES = 16;
/** From the completion of one command to the start of the next. */
export const TURN_CYCLES = 2;
const ADDEND_CYCLES = 3;

type Unit = 'load' | 'compute' | 'store';

/** Cycles in which lanes finish the 16 results of a beat. */
const FINISH_CYCLES = 4;

/** Inputs of a beat. */
const BEAT_INPUTS = 16;

/** Cycles in which the outputs of all groups leave, and stages from the last tap of a command to its completion. */
const endOf = (c: Extract<Command, { op: 'compute' }>, { groups }: ArraySize): { readonly least: number; readonly depth: number } => {
  const [add, table] = [c.add ?? 0, c.table ?? 0];
  const beats = groups * (c.result === RESULTS.indexOf('raw') ? 4 : 1);
  if (c.hold === 1) return { least: FINISH_CYCLES, depth: 9 };
  if (c.result === RESULTS.indexOf('raw')) return { least: beats, depth: 11 + beats };
  // bytes that nothing is done with leave at once
  if (c.result === RESULTS.indexOf('byte') && add + table === 0) return { least: beats, depth: 10 + beats };
  return { least: FINISH_CYCLES, depth: 20 + 6 * add + table };
};

/** Cycles of a COMPUTE command (docs/fpga-core.md). */
export const computeCycles = (c: Extract<Command, { op: 'compute' }>, size: ArraySize): number => {
  const taps = (c.kernel_y ?? 1) * (c.kernel_x ?? 1) * (c.inputs ?? 1);
  const turns = (c.mode ?? 0) === MODES.indexOf('dot') ? BEAT_INPUTS / size.inputs : 1;
  const { least, depth } = endOf(c, size);
  const outputs = (c.blocks ?? 1) * (c.rows ?? 1) * Math.ceil((c.columns ?? 1) / size.groups);
  const slots = taps * turns + (c.add ?? 0);
  return (outputs - 1) * Math.max(slots, least) + slots + depth;
};

/** Cycles of reads of lines of so many beats. */
export const loadCycles = (lines: number, beats: number, { readLatency: latency }: ArrayTiming, beatCycles = 1): number => {
  const bursts = lines * Math.ceil(beats / BURST);
  const each = (lines * beats * beatCycles) / bursts;
  // short bursts wait for their place among those in flight
  return latency + REQUEST_CYCLES + each + (bursts - 1) * Math.max(each, (each + latency + REQUEST_CYCLES) / REQUESTS);
};

/** Cycles of writes of lines of so many beats. */
export const storeCycles = (lines: number, beats: number, { writeLatency: latency }: ArrayTiming): number => {
  const bursts = lines * Math.ceil(beats / BURST);
  const each = (lines * beats) / bursts;
  return latency + REQUEST_CYCLES + each + (bursts - 1) * Math.max(each + STORE_GAP, (each + latency + REQUEST_CYCLES) / UNANSWERED);
};

/** Cycles of a LOAD or STORE command, from its start to its completion. */
export const transferCycles = (c: Extract<Command, { op: 'load' | 'store' }>, t: ArrayTiming): number => {
  const lines = (c.planes ?? 1) * (c.rows ?? 1);
  const beats = c.beats ?? 1;
  return c.op === 'store' ? storeCycles(lines, beats, t) : loadCycles(lines, beats, t, c.target === 3 ? TABLE_BEAT_CYCLES : 1);
};

/** When commands of the three units run, each as early as its waits, its queue and its unit allow. */
export class Timeline {
  private readonly t: ArrayTiming;
  private readonly ends: Record<Unit, number[]> = { load: [], compute: [], store: [] };
  private readonly starts: Record<Unit, number[]> = { load: [], compute: [], store: [] };
  private readonly busy: Record<Unit, number> = { load: 0, compute: 0, store: 0 };
  private readonly size: ArraySize;
  private fetched: number;

  constructor(timing: ArrayTiming, size: ArraySize) {
    this.t = timing;
    this.size = size;
    this.fetched = 0;
  }

  /** Takes the next command of the list. @returns when it is complete */
  add(c: Command): number {
    const { t, ends, starts } = this;
    const unit: Unit = c.op === 'load' || c.op === 'store' ? c.op : 'compute';
    const own = starts[unit];
    // its queue has a place when the command `queue` before it has started
    const place = own[own.length - t.queue] ?? 0;
    this.fetched = Math.max(this.fetched + t.readLatency + REQUEST_CYCLES, place);
    const waits = [ends.load[(c.wait_load ?? 0) - 1], ends.compute[(c.wait_compute ?? 0) - 1], ends.store[(c.wait_store ?? 0) - 1]];
    const free = ends[unit].at(-1) ?? 0;
    const start = Math.max(this.fetched, free, ...waits.map((w) => w ?? 0)) + TURN_CYCLES;
    const cycles = c.op === 'addend' ? ADDEND_CYCLES : c.op === 'compute' ? computeCycles(c, this.size) : transferCycles(c, t);
    own.push(start);
    ends[unit].push(start + cycles);
    this.busy[unit] += cycles;
    return start + cycles;
  }

  result(): { readonly cycles: number; readonly busy: Readonly<Record<Unit, number>> } {
    const last = Math.max(this.fetched, ...Object.values(this.ends).map((list) => list.at(-1) ?? 0));
    return { cycles: Math.ceil(last), busy: this.busy };
  }
}
