import { type ArrayConfig, ENTRY_BEATS, LANES, TABLE_BYTES, TABLES } from '../array/config.ts';
import { type Command, COMMAND_BYTES, decodeCommand } from '../isa/commands.ts';
import type { CoreErrorName } from '../isa/registers.ts';
import { type Addend, type ArrayMemories, ChipRange, type Compute, compute } from './array-compute.ts';
import { type ArrayTiming, DEFAULT_TIMING, Timeline } from './array-cycles.ts';

export type ArrayErrorName = Extract<CoreErrorName, 'BAD_COMMAND' | 'ARRAY_RANGE' | 'ADDRESS_RANGE'>;

/** What a list of commands did. */
export interface ArrayRun {
  /** From the start to the completion of the last command, or to the error. */
  readonly cycles: number;
  /** Cycles in which each unit worked. */
  readonly busy: { readonly load: number; readonly compute: number; readonly store: number };
  /** The first error and the byte address of its command. */
  readonly error?: { readonly name: ArrayErrorName; readonly info: number };
}

type Unit = 'load' | 'compute' | 'store';
const UNITS: readonly Unit[] = ['load', 'compute', 'store'];
const unitOf = (op: Command['op']): Unit => (op === 'load' || op === 'store' ? op : 'compute');

type Transfer = Required<Extract<Command, { op: 'load' }>> | Required<Extract<Command, { op: 'store' }>>;
type Full = Transfer | Compute | Addend;

class ArrayFault extends Error {
  readonly error: ArrayErrorName;
  constructor(error: ArrayErrorName) {
    super(error);
    this.error = error;
  }
}

/** A problem of a command that shows before it starts. */
const faultOf = (c: Full): ArrayErrorName | undefined => {
  if (c.op === 'addend') return undefined;
  if (c.op === 'compute') {
    if ([c.blocks, c.rows, c.columns, c.inputs, c.kernel_y, c.kernel_x].includes(0)) return 'BAD_COMMAND';
    const single = c.blocks * c.rows * c.columns === 1;
    const bad = c.result > 2 || (c.result === 1 && (c.add !== 0 || c.table !== 0)) || ((c.hold !== 0 || c.resume !== 0) && !single);
    return bad ? 'BAD_COMMAND' : undefined;
  }
  if ([c.planes, c.rows, c.beats].includes(0)) return 'BAD_COMMAND';
  return (c.memory | c.memory_row | c.memory_plane) % LANES !== 0 ? 'BAD_COMMAND' : undefined;
};

/** Order in which units are looked at for a command that may start; results do not depend on it where waits are complete. */
export type UnitOrder = readonly [Unit, Unit, Unit];

/**
 * The dot-product array, exactly: what lists of commands do to its memories and to external memory, and how long they take.
 * Units work in any order that the waits of commands allow.
 */
export class ArrayModel {
  readonly config: ArrayConfig;
  readonly memories: ArrayMemories;
  private readonly memory: Uint8Array;
  private readonly view: DataView;
  private readonly timing: ArrayTiming;
  private readonly order: UnitOrder;
  private addend: Addend | undefined;

  /** @param memory - external memory, as the processor sees it */
  constructor(
    memory: Uint8Array,
    config: ArrayConfig,
    timing: ArrayTiming = DEFAULT_TIMING,
    order: UnitOrder = ['load', 'compute', 'store'],
  ) {
    this.memory = memory;
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.config = config;
    this.timing = timing;
    this.order = order;
    const channels = config.parameterBlocks * LANES;
    this.memories = {
      activations: new Int8Array(config.scratchBeats * LANES),
      weights: new Int8Array(config.weightEntries * ENTRY_BEATS * LANES),
      bias: new Int32Array(channels),
      multiplier: new Int32Array(channels),
      shift: new Int32Array(channels),
      tables: new Int8Array(TABLES * TABLE_BYTES),
      sums: new Int32Array(LANES),
    };
  }

  private decode(address: number, index: number): Full {
    const at = address + index * COMMAND_BYTES;
    const words = Uint32Array.from({ length: COMMAND_BYTES / 4 }, (_, i) => this.view.getUint32(at + 4 * i, true));
    const command = decodeCommand(words);
    if (command === undefined) throw new ArrayFault('BAD_COMMAND');
    const fault = faultOf(command as Full);
    if (fault !== undefined) throw new ArrayFault(fault);
    return command as Full;
  }

  /** Runs `count` commands at `address`. */
  run(address: number, count: number): ArrayRun {
    const queues: Record<Unit, { readonly command: Full; readonly index: number }[]> = { load: [], compute: [], store: [] };
    const timeline = new Timeline(this.timing, this.config);
    let at = 0;
    try {
      if (count > 0xffff) throw new ArrayFault('BAD_COMMAND');
      for (; at < count; at++) {
        const command = this.decode(address, at);
        queues[unitOf(command.op)].push({ command, index: at });
        timeline.add(command);
      }
      const done = { load: 0, compute: 0, store: 0 };
      const ready = (unit: Unit): boolean => {
        const head = queues[unit][done[unit]]?.command;
        if (head === undefined) return false;
        return done.load >= head.wait_load && done.compute >= head.wait_compute && done.store >= head.wait_store;
      };
      for (;;) {
        const unit = this.order.find(ready);
        if (unit === undefined) break;
        const next = queues[unit][done[unit]++];
        if (next === undefined) break;
        at = next.index;
        this.execute(next.command);
      }
      const stuck = UNITS.map((u) => queues[u][done[u]]?.index ?? count);
      at = Math.min(...stuck);
      if (at < count) throw new ArrayFault('BAD_COMMAND');
    } catch (error) {
      if (!(error instanceof ArrayFault || error instanceof ChipRange)) throw error;
      const name = error instanceof ArrayFault ? error.error : 'ARRAY_RANGE';
      return { ...timeline.result(), error: { name, info: address + at * COMMAND_BYTES } };
    }
    return timeline.result();
  }

  private execute(c: Full): void {
    if (c.op === 'addend') this.addend = c;
    else if (c.op === 'compute') compute(c, this.addend, this.memories, this.config.bits);
    else this.transfer(c);
  }

  private transfer(c: Transfer): void {
    for (let p = 0; p < c.planes; p++)
      for (let r = 0; r < c.rows; r++) {
        const from = (c.memory + p * c.memory_plane + r * c.memory_row) >>> 0;
        if (from + c.beats * LANES > this.memory.length) throw new ArrayFault('ADDRESS_RANGE');
        for (let b = 0; b < c.beats; b++) {
          const chip = (c.chip + p * c.chip_plane + r * c.chip_row + b * c.chip_beat) & 0xffff;
          const bytes = this.memory.subarray(from + b * LANES, from + (b + 1) * LANES);
          if (c.op === 'load') this.loadBeat(c.target, c.transpose !== 0, chip, bytes);
          else {
            if ((chip + 1) * LANES > this.memories.activations.length) throw new ChipRange();
            bytes.set(new Uint8Array(this.memories.activations.buffer, chip * LANES, LANES));
          }
        }
      }
  }

  private loadBeat(target: number, transpose: boolean, chip: number, bytes: Uint8Array): void {
    const m = this.memories;
    const into = [m.activations, m.weights, undefined, m.tables][target];
    if (into === undefined) {
      const channel = 2 * chip;
      if (channel + 2 > m.bias.length) throw new ChipRange();
      const view = new DataView(bytes.buffer, bytes.byteOffset, LANES);
      for (const k of [0, 1]) {
        m.bias[channel + k] = view.getInt32(8 * k, true);
        const factors = view.getUint32(8 * k + 4, true);
        m.multiplier[channel + k] = factors & 0x7fff;
        m.shift[channel + k] = (factors >>> 16) & 0x3f;
      }
      return;
    }
    if ((chip + 1) * LANES > into.length) throw new ChipRange();
    if (target === 1 && transpose) {
      const entry = (chip - (chip % LANES)) * LANES;
      for (let l = 0; l < LANES; l++) into[entry + LANES * l + (chip % LANES)] = bytes[l] ?? 0;
    } else into.set(bytes, chip * LANES);
  }
}
