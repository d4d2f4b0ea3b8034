import type { Command } from '../isa/commands.ts';

/** How long things take, in cycles. */
export interface ArrayTiming {
  /** From a read request to its first beat. */
  readonly readLatency: number;
  /** From the last beat of a write to its answer. */
  readonly writeLatency: number;
  /** Requests of the load unit in flight at once. */
  readonly requests: number;
  /** Beats of a request, at most. */
  readonly burst: number;
  /** Cycles that a request takes besides its beats. */
  readonly requestOverhead: number;
  /** Stages of the compute unit from the last tap to its result. */
  readonly depth: number;
  /** Cycles from a unit's command to its next, and from a command's end to the start of one that waits for it. */
  readonly turn: number;
  /** Cycles to fetch a command once the stream of them runs. */
  readonly fetch: number;
  /** Commands that wait in the queue of a unit. */
  readonly queue: number;
}

export const DEFAULT_TIMING: ArrayTiming = {
  readLatency: 20,
  writeLatency: 8,
  requests: 2,
  burst: 64,
  requestOverhead: 2,
  depth: 12,
  turn: 2,
  fetch: 6,
  queue: 4,
};

type Unit = 'load' | 'compute' | 'store';

/** Cycles in which lanes finish the 16 results of a beat. */
const FINISH_CYCLES = 4;

/** Cycles of a COMPUTE command (docs/fpga-core.md). */
export const computeCycles = (c: Extract<Command, { op: 'compute' }>, { depth }: Pick<ArrayTiming, 'depth'>): number => {
  const taps = (c.kernel_y ?? 1) * (c.kernel_x ?? 1) * (c.inputs ?? 1);
  const plainBytes = c.result === 2 && (c.add ?? 0) === 0 && (c.table ?? 0) === 0;
  const least = plainBytes ? 1 : FINISH_CYCLES;
  return (c.blocks ?? 1) * (c.rows ?? 1) * (c.columns ?? 1) * Math.max(taps + (c.add ?? 0), least) + depth;
};

/** Cycles of a LOAD or STORE command, from its start to its completion. */
export const transferCycles = (c: Extract<Command, { op: 'load' | 'store' }>, t: ArrayTiming): number => {
  const lines = (c.planes ?? 1) * (c.rows ?? 1);
  const beats = c.beats ?? 1;
  const bursts = Math.ceil(beats / t.burst);
  const slow = c.op === 'load' && c.target === 3 ? 16 : 1;
  const each = beats * slow + bursts * t.requestOverhead;
  if (c.op === 'store') return lines * each + t.writeLatency;
  // a request waits for its place in flight where its beats are too few to hide the latency
  const perBurst = (each + t.readLatency) / t.requests / bursts;
  return t.readLatency + lines * Math.max(each, bursts * perBurst);
};

/** When commands of the three units run, each as early as its waits, its queue and its unit allow. */
export class Timeline {
  private readonly t: ArrayTiming;
  private readonly ends: Record<Unit, number[]> = { load: [], compute: [], store: [] };
  private readonly starts: Record<Unit, number[]> = { load: [], compute: [], store: [] };
  private readonly busy: Record<Unit, number> = { load: 0, compute: 0, store: 0 };
  private fetched: number;

  constructor(timing: ArrayTiming) {
    this.t = timing;
    this.fetched = timing.readLatency;
  }

  /** Takes the next command of the list. @returns when it is complete */
  add(c: Command): number {
    const { t, ends, starts } = this;
    const unit: Unit = c.op === 'load' || c.op === 'store' ? c.op : 'compute';
    const own = starts[unit];
    // its queue has a place when the command `queue` before it has started
    const place = own[own.length - t.queue] ?? 0;
    this.fetched = Math.max(this.fetched + t.fetch, place);
    const waits = [ends.load[(c.wait_load ?? 0) - 1], ends.compute[(c.wait_compute ?? 0) - 1], ends.store[(c.wait_store ?? 0) - 1]];
    const free = ends[unit].at(-1) ?? 0;
    const start = Math.max(this.fetched, free, ...waits.map((w) => w ?? 0)) + t.turn;
    const cycles = c.op === 'addend' ? 1 : c.op === 'compute' ? computeCycles(c, t) : transferCycles(c, t);
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
