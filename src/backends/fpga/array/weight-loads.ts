import type { Slot } from '../../cpu/simd/index.ts';
import { type ArrayConfig, ENTRY_BEATS, LANES, PARAMETER_BEATS, TABLES } from './config.ts';
import type { Item } from './schedule.ts';
import type { Phase, Task, Weights } from './task.ts';
import { type Loop, transferItems } from './transfer.ts';

const ENTRY_BYTES = ENTRY_BEATS * LANES;

/** Hands out a memory round and round: what was given longest ago is given next. */
class Ring {
  private readonly size: number;
  private at = 0;
  constructor(size: number) {
    this.size = size;
  }
  take(count: number): number {
    if (this.at + count > this.size) this.at = 0;
    const from = this.at;
    this.at += count;
    return from;
  }
}

/** The memories of weights, parameters and tables, and the commands that fill them. */
export class WeightLoads {
  private readonly weights: Ring;
  private readonly parameters: Ring;
  private readonly tables: (Slot | undefined)[] = [];
  private nextTable = 0;
  private readonly items: Item[];

  /** @param items - where commands go */
  constructor(config: ArrayConfig, items: Item[]) {
    this.weights = new Ring(config.weightEntries);
    this.parameters = new Ring(config.parameterBlocks);
    this.items = items;
  }

  takeWeights(entries: number): number {
    return this.weights.take(entries);
  }

  takeParameters(blocks: number): number {
    return this.parameters.take(blocks);
  }

  /** Weights and parameters of output blocks, to where they were given a place. */
  loadBlocks(task: Task, from: number, blocks: number, at: { readonly weights: number; readonly parameters: number }): void {
    if (task.weights?.rows === undefined) this.loadPacked(task, from, blocks, at.weights);
    else this.loadRows(task, from, blocks, at.weights);
    this.loadParameters(task, from, blocks, at.parameters);
  }

  loadParameters({ parameters }: Task, from: number, blocks: number, at: number): void {
    if (parameters === undefined) return;
    const bytes = PARAMETER_BEATS * LANES;
    const loops = [{ count: blocks * PARAMETER_BEATS, memory: LANES, chip: 1 }];
    const { slot, offset } = parameters;
    this.items.push(
      ...transferItems({ op: 'load', target: 'parameters', slot, offset: offset + from * bytes, chip: at * PARAMETER_BEATS, loops }),
    );
  }

  private loadPacked({ weights }: Task, from: number, blocks: number, at: number): void {
    if (weights !== undefined) this.loadEntries(weights, from * weights.entries, blocks * weights.entries, at);
  }

  /** Weights of one phase of a block, whose entries lie from `at` on. */
  loadPhase({ weights }: Task, block: number, { entry, entries }: Phase, at: number): void {
    if (weights !== undefined) this.loadEntries(weights, block * weights.entries + entry, entries, at + entry);
  }

  private loadEntries({ slot, offset }: Weights, from: number, count: number, at: number): void {
    const loops = [{ count: count * ENTRY_BEATS, memory: LANES, chip: 1 }];
    const first = offset + from * ENTRY_BYTES;
    this.items.push(...transferItems({ op: 'load', target: 'weights', slot, offset: first, chip: at * ENTRY_BEATS, loops }));
  }

  /** Entries of some inputs of a block: those of every tap are neighbours. @returns nothing; entries lie one behind the other */
  loadInputs({ weights, kernel, inputs }: Task, block: number, firstInput: number, count: number, at: number): void {
    if (weights === undefined) return;
    const loops: readonly Loop[] = [
      { count: kernel[0] * kernel[1], memory: inputs * ENTRY_BYTES, chip: count * ENTRY_BEATS },
      { count: count * ENTRY_BEATS, memory: LANES, chip: 1 },
    ];
    const first = weights.offset + (block * weights.entries + firstInput) * ENTRY_BYTES;
    this.items.push(...transferItems({ op: 'load', target: 'weights', slot: weights.slot, offset: first, chip: at * ENTRY_BEATS, loops }));
  }

  /** Rows of another activation: row i is input i of all output lanes, and what is missing to a whole entry is 0. */
  private loadRows({ weights }: Task, from: number, blocks: number, at: number): void {
    if (weights?.rows === undefined) return;
    const { slot, offset, entries, rows } = weights;
    const chip = at * ENTRY_BEATS;
    const load = (source: Slot, first: number, to: number, count: number, pitch: number, lane: number): void => {
      const loops: readonly Loop[] = [
        { count, memory: pitch, chip: 1 },
        { count: blocks, memory: lane, chip: entries * ENTRY_BEATS },
      ];
      this.items.push(...transferItems({ op: 'load', target: 'weights', transpose: true, slot: source, offset: first, chip: to, loops }));
    };
    load(slot, offset + from * LANES, chip, rows.count, rows.pitch, LANES);
    const rest = entries * LANES - rows.count;
    if (rest > 0) load(rows.zeros, 0, chip + rows.count, rest, 0, 0);
  }

  /** Number of a table on chip; loads it where it is not there. */
  tableIndex(table: Slot): number {
    const known = this.tables.indexOf(table);
    if (known >= 0) return known;
    const index = this.nextTable++ % TABLES;
    this.tables[index] = table;
    const loops = [{ count: 16, memory: LANES, chip: 1 }];
    this.items.push(...transferItems({ op: 'load', target: 'tables', slot: table, offset: 0, chip: 16 * index, loops }));
    return index;
  }
}
