import type { ArrayTiming } from '../simulator/array-cycles.ts';
import { computeItems, type Part, phasesOf } from './compute-items.ts';
import { type ArrayConfig, LANES } from './config.ts';
import { type Place, residentPlace, type Span, spanOf, tilePlace } from './place.ts';
import type { Item } from './schedule.ts';
import { narrowed, type Task, type Tensor16, type View } from './task.ts';
import { chooseTiling, type Gap, outputSize, type Residents, type Tiling } from './tiles.ts';
import { transferItems } from './transfer.ts';
import { WeightLoads } from './weight-loads.ts';

/** What is on chip while a task runs. */
export interface Situation {
  readonly residents: Residents;
  readonly gap: Gap;
  /** Tensors that have to be in memory too. */
  readonly stored: ReadonlySet<Tensor16>;
}

const whole = (first: number, count: number): Span => ({ from: first, count, step: 1 });

/** Most inputs of a pixel that are combined at once, so that two pieces fit the memories. */
const inputsAtOnce = (task: Task, config: ArrayConfig, gapBeats: number): number => {
  const taps = task.kernel[0] * task.kernel[1];
  const half = (beats: number): number => Math.floor(beats / 2 / taps);
  const weights = half(config.weightEntries) > 0 ? half(config.weightEntries) : Math.floor(config.weightEntries / taps);
  // a result and an addend lie behind two pieces
  return Math.min(weights, half(gapBeats - 8), task.inputs);
};

/** Makes the commands of tasks, one after the other. */
export class Tiler {
  readonly items: Item[] = [];
  private readonly config: ArrayConfig;
  private readonly timing: ArrayTiming;
  private readonly weights: WeightLoads;

  constructor(config: ArrayConfig, timing: ArrayTiming) {
    this.config = config;
    this.timing = timing;
    this.weights = new WeightLoads(config, this.items);
  }

  /** Cuts a task until its parts fit. */
  task(task: Task, situation: Situation): void {
    const { residents, gap, stored } = situation;
    const tiling = chooseTiling(task, this.config, this.timing, residents, gap, stored.has(task.output.buffer));
    if (tiling !== undefined) this.tiled(task, tiling, situation);
    else if (task.outputBlocks > 1) {
      const half = Math.ceil(task.outputBlocks / 2);
      this.task(narrowed(task, 0, half), situation);
      this.task(narrowed(task, half, task.outputBlocks - half), situation);
    } else this.splitInputs(task, situation);
  }

  /** Copies part of a view between memory and a tile. */
  private move(op: 'load' | 'store', view: View, image: number, rows: Span, columns: Span, chip: number): Place {
    const { width, height, pitch, planes = 1, slot } = view.buffer;
    const offset = (((image * planes * height + rows.from) * width + columns.from) * pitch + view.first) * LANES;
    const loops = [
      { count: rows.count, memory: rows.step * width * pitch * LANES, chip: columns.count * view.beats * planes },
      { count: planes, memory: height * width * LANES, chip: columns.count },
      { count: columns.count, memory: columns.step * pitch * LANES, chip: view.beats },
      { count: view.beats, memory: LANES, chip: 1 },
    ];
    this.items.push(...transferItems({ op, target: 'activations', slot, offset, chip, loops }));
    return tilePlace(view.beats, planes, rows, columns, chip);
  }

  /** Where an operand is: on chip already, or in a tile that is loaded. */
  private operand(view: View, image: number, rows: Span, columns: Span, chip: number, { residents }: Situation): Place {
    const at = residents.get(view.buffer);
    return at === undefined ? this.move('load', view, image, rows, columns, chip) : residentPlace(view, image, at, rows);
  }

  private result(view: View, image: number, rows: Span, columns: Span, chip: number, { residents }: Situation): Place {
    const at = residents.get(view.buffer);
    return at === undefined ? tilePlace(view.beats, 1, rows, columns, chip) : residentPlace(view, image, at, rows);
  }

  /** Brings a result to memory where it has to be there. */
  private store(view: View, image: number, rows: Span, columns: Span, chip: number, { residents, stored }: Situation): void {
    const at = residents.get(view.buffer);
    if (at === undefined) this.move('store', view, image, rows, columns, chip);
    if (at === undefined || !stored.has(view.buffer)) return;
    const { height, width, pitch, slot } = view.buffer;
    const first = ((image * height + rows.from) * width + columns.from) * pitch + view.first;
    const loops = [
      { count: rows.count, memory: width * pitch * LANES, chip: width * pitch },
      { count: columns.count, memory: pitch * LANES, chip: pitch },
      { count: view.beats, memory: LANES, chip: 1 },
    ];
    this.items.push(...transferItems({ op: 'store', target: 'activations', slot, offset: first * LANES, chip: at + first, loops }));
  }

  private tiled(task: Task, tiling: Tiling, situation: Situation): void {
    const [height, width] = outputSize(task);
    const bottom = task.firstRow + height;
    const entries = task.weights?.entries ?? 0;
    const beats = tiling.input + tiling.addend + tiling.output;
    const table = task.table === undefined ? undefined : this.weights.tableIndex(task.table);
    const take = (blocks: number): { readonly weights: number; readonly parameters: number } => ({
      weights: this.weights.takeWeights(blocks * entries),
      parameters: this.weights.takeParameters(blocks),
    });
    const all = tiling.whole ? take(task.outputBlocks) : undefined;
    let turn = 0;
    for (let n = 0; n < task.images; n++)
      for (let row = task.firstRow; row < bottom; row += tiling.rows)
        for (let column = 0; column < width; column += tiling.columns) {
          const rows = whole(row, Math.min(tiling.rows, bottom - row));
          const columns = whole(column, Math.min(tiling.columns, width - column));
          const at = situation.gap.from + (turn % tiling.buffers) * beats;
          const image = task.outputImage + n;
          const spans = [spanOf(task, 0, row, rows.count), spanOf(task, 1, column, columns.count)] as const;
          const from = this.operand(task.input, task.inputImage + n, ...spans, at, situation);
          const addend =
            task.addition === undefined ? undefined : this.operand(task.addition.view, image, rows, columns, at + tiling.input, situation);
          const chip = at + tiling.input + tiling.addend;
          const to = this.result(task.output, image, rows, columns, chip, situation);
          const step = all !== undefined && turn > 0 ? task.outputBlocks : tiling.blocks;
          for (let block = 0; block < task.outputBlocks; block += step) {
            const blocks = Math.min(step, task.outputBlocks - block);
            const place = all === undefined ? take(blocks) : { weights: all.weights + block * entries, parameters: all.parameters + block };
            const isNew = all === undefined || turn === 0;
            // phases have weights of their own: the first ones need not wait for those of the others
            const byPhase = isNew && blocks === 1 ? (task.phases ?? []) : [];
            if (byPhase.length > 0) this.weights.loadParameters(task, block, blocks, place.parameters);
            else if (isNew) this.weights.loadBlocks(task, block, blocks, place);
            const part: Part = {
              row,
              rows: rows.count,
              column,
              columns: columns.count,
              block,
              blocks,
              from,
              to,
              addend,
              weightBase: place.weights,
              entries,
              parameterBase: place.parameters,
              table,
              inputs: task.inputs,
              firstInput: 0,
              hold: false,
              resume: false,
            };
            const parts = phasesOf(task, part);
            for (const p of parts) {
              if (byPhase.length > 0 && p.phase !== undefined) this.weights.loadPhase(task, block, p.phase, place.weights);
              this.items.push(...computeItems(task, p));
            }
            // tiles of other columns may have the others
            for (const phase of byPhase)
              if (!parts.some((p) => p.phase === phase)) this.weights.loadPhase(task, block, phase, place.weights);
          }
          this.store(task.output, image, rows, columns, chip, situation);
          turn++;
        }
  }

  /** One output block of one pixel at a time, its inputs in pieces: for sums whose weights or inputs do not fit at once. */
  private splitInputs(task: Task, situation: Situation): void {
    const { gap } = situation;
    const [height, width] = outputSize(task);
    const taps = task.kernel[0] * task.kernel[1];
    const most = inputsAtOnce(task, this.config, gap.to - gap.from);
    const table = task.table === undefined ? undefined : this.weights.tableIndex(task.table);
    const parameterBase = this.weights.takeParameters(1);
    this.weights.loadParameters(task, 0, 1, parameterBase);
    const chip = gap.from + 2 * taps * most;
    let turn = 0;
    for (let n = 0; n < task.images; n++)
      for (let row = task.firstRow; row < task.firstRow + height; row++)
        for (let column = 0; column < width; column++) {
          const image = task.outputImage + n;
          const [rows, columns] = [whole(row, 1), whole(column, 1)];
          const addend =
            task.addition === undefined ? undefined : this.operand(task.addition.view, image, rows, columns, chip + 4, situation);
          const to = this.result(task.output, image, rows, columns, chip, situation);
          for (let first = 0; first < task.inputs; first += most) {
            const inputs = Math.min(most, task.inputs - first);
            const view = { ...task.input, first: task.input.first + first, beats: inputs };
            const at = gap.from + (turn++ % 2) * taps * most;
            const from = this.operand(view, task.inputImage + n, spanOf(task, 0, row, 1), spanOf(task, 1, column, 1), at, situation);
            const weightBase = this.weights.takeWeights(taps * inputs);
            this.weights.loadInputs(task, 0, first, inputs, weightBase);
            const part: Part = {
              row,
              rows: 1,
              column,
              columns: 1,
              block: 0,
              blocks: 1,
              from,
              to,
              addend,
              weightBase,
              entries: taps * inputs,
              parameterBase,
              table,
              inputs,
              firstInput: 0,
              hold: first + inputs < task.inputs,
              resume: first > 0,
            };
            this.items.push(...computeItems(task, part));
          }
          this.store(task.output, image, rows, columns, chip, situation);
        }
  }
}
