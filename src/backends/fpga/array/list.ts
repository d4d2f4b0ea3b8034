import type { AnyNode } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type Command, COMMAND_BYTES, encodeCommand } from '../isa/commands.ts';
import type { ArraySize } from '../isa/config.ts';
import { type ArrayTiming, computeCycles, Timeline } from '../simulator/array-cycles.ts';
import { accumulatorBits } from './accumulators.ts';
import { type ArrayConfig, LANES } from './config.ts';
import type { ResidencePlan } from './residents.ts';
import { type Item, linkCommands, MOST_COMMANDS } from './schedule.ts';
import type { Task, Tensor16 } from './task.ts';
import { Tiler } from './tiler.ts';

const COMMAND_WORDS = COMMAND_BYTES / 4;

/** What on-chip memories are used up to, in their own units, and bits of accumulators. */
export interface Needs {
  readonly scratchBeats: number;
  readonly weightEntries: number;
  readonly parameterBeats: number;
  readonly accumulatorBits: number;
}

/** Predicted cycles of a layer in its list: from the completion of those before it to its own. */
export interface LayerCycles {
  readonly node: AnyNode;
  readonly cycles: number;
  /** Cycles of its COMPUTE commands. */
  readonly compute: number;
  readonly commands: number;
  /** Bytes that its LOAD and STORE commands move. */
  readonly moved: number;
}

/** Commands for tasks in order, made before addresses are known. */
export class CommandList {
  readonly items: readonly Item[];
  /** The node that an item is for. */
  readonly owners: readonly AnyNode[];
  private linked: readonly (readonly Command[])[] | undefined;
  private readonly config: ArrayConfig;
  private readonly bits: number;

  constructor(
    tasks: readonly { readonly task: Task; readonly node: AnyNode }[],
    residence: ResidencePlan,
    needed: ReadonlySet<Tensor16>,
    config: ArrayConfig,
    timing: ArrayTiming,
  ) {
    this.config = config;
    this.bits = accumulatorBits(tasks.reduce((most, { task }) => Math.max(most, task.mostSum), 0));
    const tiler = new Tiler(config, timing);
    const owners: AnyNode[] = [];
    tasks.forEach(({ task, node }, i) => {
      const [residents, gap] = [residence.residents[i], residence.gaps[i]];
      if (residents === undefined || gap === undefined) return;
      tiler.task(task, { residents, gap, stored: needed });
      while (owners.length < tiler.items.length) owners.push(node);
    });
    this.items = tiler.items;
    this.owners = owners;
  }

  /** Lists of commands that the items become. */
  get lists(): number {
    return Math.ceil(this.items.length / MOST_COMMANDS);
  }

  /** Lists of commands with addresses and waits; asked for after the memory plan. */
  link(): readonly (readonly Command[])[] {
    return (this.linked ??= linkCommands(this.items));
  }

  /** Words of a list. */
  words(list: number): Uint32Array {
    const commands = at(this.link(), list);
    const words = new Uint32Array(commands.length * COMMAND_WORDS);
    commands.forEach((command, i) => {
      words.set(encodeCommand(command), COMMAND_WORDS * i);
    });
    return words;
  }

  needs(): Needs {
    const most = { activations: 0, weights: 0, parameters: 0, tables: 0, memory: 0 };
    for (const { reads, writes } of this.items) for (const { space, to } of [...reads, ...writes]) most[space] = Math.max(most[space], to);
    return {
      scratchBeats: most.activations,
      weightEntries: Math.ceil(most.weights / 16),
      parameterBeats: most.parameters,
      accumulatorBits: this.bits,
    };
  }

  /** What the cycle model says of each layer, and of the whole. Asked for after the memory plan. */
  predict(timing: ArrayTiming): { readonly cycles: number; readonly layers: readonly LayerCycles[] } {
    const layers = new Map<AnyNode, { cycles: number; compute: number; commands: number; moved: number }>();
    let next = 0;
    let end = 0;
    let total = 0;
    for (const list of this.link()) {
      const timeline = new Timeline(timing, this.config);
      end = 0;
      for (const command of list) {
        const node = this.owners[next++];
        const before = end;
        end = Math.max(end, timeline.add(command));
        if (node === undefined) continue;
        const layer = layers.get(node) ?? { cycles: 0, compute: 0, commands: 0, moved: 0 };
        layer.cycles += end - before;
        layer.commands++;
        layer.moved += movedBytes(command);
        layers.set(node, layer);
      }
      for (const [node, compute] of computeOf(list, this.owners, next - list.length, this.config)) {
        const layer = layers.get(node);
        if (layer !== undefined) layer.compute += compute;
      }
      total += timeline.result().cycles;
    }
    return { cycles: total, layers: [...layers].map(([node, layer]) => ({ node, ...layer })) };
  }
}

const movedBytes = (c: Command): number =>
  c.op === 'load' || c.op === 'store' ? (c.planes ?? 1) * (c.rows ?? 1) * (c.beats ?? 1) * LANES : 0;

/** Cycles of COMPUTE commands by owner. */
const computeOf = (list: readonly Command[], owners: readonly AnyNode[], first: number, size: ArraySize): ReadonlyMap<AnyNode, number> => {
  const sums = new Map<AnyNode, number>();
  list.forEach((command, i) => {
    const node = owners[first + i];
    if (node === undefined || command.op !== 'compute') return;
    sums.set(node, (sums.get(node) ?? 0) + computeCycles(command, size));
  });
  return sums;
};
