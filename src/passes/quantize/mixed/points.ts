import { endorphinOf, programCost } from '../../../ir/index.ts';
import { at, ok, type Progress, type Result } from '../../../support/index.ts';
import type { Calibrated, Settings } from '../calibrated.ts';
import type { QuantizedModel } from '../model.ts';
import { type Assignment, assignmentKey, bitsOf, type Rung, type Unit, unitBits } from './ladder.ts';
import type { Memo, SizeOf } from './sensitivity.ts';

/** What running a quantized model on samples tells. */
export interface Evaluated {
  /** Share of accuracy lost against the float model; below 0 when it gained. */
  readonly drop: number;
}

/** One assignment, quantized and measured. */
export interface Measured extends Evaluated {
  /** Bytes of the package. */
  readonly size: number;
  /** Price of one run. */
  readonly endorphin: number;
}

export interface Point extends Measured {
  /** What it is called in tables: `all W6A8`, `W6A8 but for 3 layers`. */
  readonly name: string;
  readonly assignment: Assignment;
}

export interface MeasureOptions {
  readonly calibrated: Calibrated;
  readonly settings: Settings;
  readonly units: readonly Unit[];
  readonly ladder: readonly Rung[];
  /** Runs the model on the samples that count. */
  readonly evaluate: (model: QuantizedModel) => Evaluated;
  readonly sizeOf: SizeOf;
  readonly memo: Memo<Measured>;
  readonly progress: Progress;
  /** Most assignments that are measured. */
  readonly most: number;
}

/** How many layers an assignment has on each rung, in words. */
export const nameOf = (ladder: readonly Rung[], assignment: Assignment): string => {
  const counts = ladder.map(({ name }, rung) => ({ name, count: assignment.filter((r) => r === rung).length }));
  const used = counts.filter(({ count }) => count > 0);
  if (used.length === 0) return 'no layers with weights';
  return used.length === 1 ? `all ${at(used, 0).name}` : used.map(({ name, count }) => `${count} ${name}`).join(' + ');
};

/** Measures assignments, each once, and keeps all of them. */
export class Points {
  private readonly found = new Map<string, Point>();
  private readonly options: MeasureOptions;

  constructor(options: MeasureOptions) {
    this.options = options;
  }

  get all(): readonly Point[] {
    return [...this.found.values()];
  }

  get left(): number {
    return Math.max(0, this.options.most - this.found.size);
  }

  /** The point of an assignment, if it was measured. */
  known(assignment: Assignment): Point | undefined {
    return this.found.get(assignmentKey(assignment));
  }

  quantize(assignment: Assignment): Result<QuantizedModel> {
    const { calibrated, settings, units, ladder } = this.options;
    return calibrated.quantize({ ...settings, ...bitsOf(units, ladder, assignment) });
  }

  private fresh(assignment: Assignment): Result<Measured> {
    const model = this.quantize(assignment);
    if (!model.ok) return model;
    const { units, ladder, sizeOf } = this.options;
    const size = sizeOf(model.value, unitBits(units, ladder, assignment));
    if (!size.ok) return size;
    const { drop } = this.options.evaluate(model.value);
    return ok({ drop, size: size.value, endorphin: endorphinOf(programCost(model.value.program)) });
  }

  measure(assignment: Assignment): Result<Point> {
    const { ladder, memo, progress, most } = this.options;
    const key = assignmentKey(assignment);
    const known = this.found.get(key);
    if (known !== undefined) return ok(known);
    const name = nameOf(ladder, assignment);
    progress.step('mixed precision', Math.min(this.found.size, most), most, name);
    const recorded = memo.get(key);
    const measured = recorded === undefined ? this.fresh(assignment) : ok(recorded);
    if (!measured.ok) return measured;
    const { drop, size, endorphin } = measured.value;
    if (recorded === undefined) memo.set(key, { drop, size, endorphin });
    const point = { name, assignment, drop, size, endorphin };
    this.found.set(key, point);
    return ok(point);
  }
}
