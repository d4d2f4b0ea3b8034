import type { ArrayTiming } from '../simulator/array-cycles.ts';
import type { ArrayConfig } from './config.ts';
import { narrowed, type Task, type Tensor16 } from './task.ts';
import { chooseTiling, type Gap, type Residents } from './tiles.ts';

/** What is on chip during each task of a list. */
export interface ResidencePlan {
  readonly residents: readonly Residents[];
  readonly gaps: readonly Gap[];
  /** Tensors that are in external memory at some time. */
  readonly inMemory: ReadonlySet<Tensor16>;
}

interface Life {
  readonly buffer: Tensor16;
  first: number;
  last: number;
  written: boolean;
  read: boolean;
}

const beatsOf = ({ images, height, width, pitch }: Tensor16): number => images * height * width * pitch;

export const buffersOf = ({ input, output, addition }: Task): readonly Tensor16[] => [
  input.buffer,
  output.buffer,
  ...(addition === undefined ? [] : [addition.view.buffer]),
];

const livesOf = (tasks: readonly Task[]): readonly Life[] => {
  const lives = new Map<Tensor16, Life>();
  tasks.forEach((task, i) => {
    for (const buffer of buffersOf(task)) {
      const life = lives.get(buffer) ?? { buffer, first: i, last: i, written: false, read: false };
      life.last = i;
      if (buffer === task.output.buffer) life.written ||= true;
      else life.read = true;
      lives.set(buffer, life);
    }
  });
  return [...lives.values()];
};

/** Estimated cycles of a task; infinite where it does not fit. */
const costOf = (task: Task, config: ArrayConfig, timing: ArrayTiming, residents: Residents, gap: Gap, stored: boolean): number => {
  const tiling = chooseTiling(task, config, timing, residents, gap, stored);
  if (tiling !== undefined) return tiling.cycles;
  if (task.outputBlocks > 1) {
    const half = Math.ceil(task.outputBlocks / 2);
    const parts = [narrowed(task, 0, half), narrowed(task, half, task.outputBlocks - half)];
    return parts.reduce((n, part) => n + costOf(part, config, timing, residents, gap, stored), 0);
  }
  const taps = task.kernel[0] * task.kernel[1];
  const fits = task.mode === 'dot' && taps <= config.weightEntries && gap.to - gap.from >= 2 * taps + 8;
  // every input is loaded again for every output
  const positions = task.images * task.rowCount * task.output.buffer.width;
  return fits ? positions * (taps * task.inputs * 17 + 2 * timing.readLatency) : Number.POSITIVE_INFINITY;
};

/** Whether a task can be cut so that its parts fit an empty memory. */
export const fitsArray = (task: Task, config: ArrayConfig, timing: ArrayTiming): boolean =>
  Number.isFinite(costOf(task, config, timing, new Map(), { from: 0, to: config.scratchBeats }, true));

class Floor {
  readonly placed: { readonly life: Life; readonly from: number; readonly to: number }[] = [];
  private readonly size: number;
  constructor(size: number) {
    this.size = size;
  }

  at(task: number): Residents {
    return new Map(this.placed.filter(({ life }) => life.first <= task && task <= life.last).map(({ life, from }) => [life.buffer, from]));
  }

  /** The widest space that no resident of a task takes. */
  gap(task: number): Gap {
    const taken = this.placed.filter(({ life }) => life.first <= task && task <= life.last).sort((a, b) => a.from - b.from);
    let best: Gap = { from: 0, to: 0 };
    let at = 0;
    for (const { from, to } of [...taken, { from: this.size, to: this.size }]) {
      if (from - at > best.to - best.from) best = { from: at, to: from };
      at = Math.max(at, to);
    }
    return best;
  }

  /** Lowest beat where a tensor fits next to those that live at the same time. */
  spaceFor(life: Life): number | undefined {
    const size = beatsOf(life.buffer);
    const others = this.placed.filter((p) => p.life.first <= life.last && life.first <= p.life.last).sort((a, b) => a.from - b.from);
    let at = 0;
    for (const { from, to } of others) {
      if (from >= at + size) break;
      at = Math.max(at, to);
    }
    return at + size <= this.size ? at : undefined;
  }
}

/**
 * Decides which results stay on chip until their last reader: those that make the tasks of their lifetime faster, in the order in which
 * they are made.
 * @param needed - tensors that have to be in memory after the list
 * @param foreign - tensors of which other lists write a part
 */
export const planResidents = (
  tasks: readonly Task[],
  config: ArrayConfig,
  timing: ArrayTiming,
  needed: ReadonlySet<Tensor16>,
  foreign: ReadonlySet<Tensor16> = new Set(),
): ResidencePlan => {
  const floor = new Floor(config.scratchBeats);
  // rows of activations that become weights are loaded from memory
  const asWeights = tasks.flatMap(({ weights }) => (weights?.rows === undefined ? [] : [weights.rows.buffer]));
  const stored = new Set([...needed, ...asWeights]);
  const lives = livesOf(tasks);
  const cost = ({ first, last }: Life): number => {
    let sum = 0;
    for (let i = first; i <= last; i++) {
      const task = tasks[i];
      if (task !== undefined) sum += costOf(task, config, timing, floor.at(i), floor.gap(i), stored.has(task.output.buffer));
    }
    return sum;
  };
  for (const life of lives) {
    if (!life.written || !life.read || foreign.has(life.buffer)) continue;
    const at = floor.spaceFor(life);
    if (at === undefined) continue;
    const before = cost(life);
    floor.placed.push({ life, from: at, to: at + beatsOf(life.buffer) });
    if (cost(life) >= before) floor.placed.pop();
  }
  const resident = new Set(floor.placed.map(({ life }) => life.buffer));
  return {
    residents: tasks.map((_, i) => floor.at(i)),
    gaps: tasks.map((_, i) => floor.gap(i)),
    inMemory: new Set([...asWeights, ...lives.map(({ buffer }) => buffer).filter((b) => stored.has(b) || !resident.has(b))]),
  };
};
