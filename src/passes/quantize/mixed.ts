import { at, fail, ok, type Progress, type Result, silentProgress } from '../../support/index.ts';
import type { Compile } from './calibrate.ts';
import type { Samples } from './sample-source.ts';
import { type Budgets, keeps, overBudget } from './mixed/budget.ts';
import { type Assignment, assignmentKey, BASE, customary, LADDER, type Rung, uniform, unitsOf } from './mixed/ladder.ts';
import { estimate, greedyPath, type Path } from './mixed/path.ts';
import { type Evaluated, type Measured, type Point, Points } from './mixed/points.ts';
import {
  type LayerSensitivity,
  measureSensitivity,
  type Memo,
  type RungEffect,
  type Sensitivity,
  type SizeOf,
} from './mixed/sensitivity.ts';
import type { LayerBits, QuantizedModel } from './model.ts';
import type { Searched } from './search.ts';

/** Assignments that are measured when nothing else is said: enough for a search and a curve. */
const MOST_POINTS = 16;
/** Measurements that looking for a smaller assignment beside the path may take. */
const MOST_TRIALS = 4;
/** Packages that are larger than the smallest by less than this count as equally small: then precision decides. */
const SAME_SIZE = 0.005;

export interface MixedMemo {
  readonly effects: Memo<RungEffect>;
  readonly points: Memo<Measured>;
}

export interface MixedOptions {
  readonly samples: Samples;
  readonly compile: Compile;
  readonly budgets: Budgets;
  /** Runs a model on the samples that count. */
  readonly evaluate: (model: QuantizedModel) => Evaluated;
  readonly sizeOf: SizeOf;
  /** What earlier runs measured under the same model, samples and settings. */
  readonly memo?: MixedMemo | undefined;
  readonly ladder?: readonly Rung[] | undefined;
  readonly points?: number | undefined;
  readonly progress?: Progress | undefined;
}

/** The precision of one layer, and what it costs the answers. */
export interface AssignedLayer extends LayerSensitivity {
  readonly rung: string;
  readonly bits: LayerBits;
  /** Share of the expected loss of all layers. */
  readonly blame: number;
}

export interface Mixed {
  readonly model: QuantizedModel;
  /** Bits by layer, as `Settings.layers` has them. */
  readonly layers: readonly AssignedLayer[];
  readonly chosen: Point;
  /** All that were measured, the smallest package first. */
  readonly points: readonly Point[];
  readonly sensitivity: Sensitivity;
}

const bySize = (a: Point, b: Point): number =>
  a.size - b.size || a.drop - b.drop || a.endorphin - b.endorphin || (assignmentKey(a.assignment) < assignmentKey(b.assignment) ? -1 : 1);

/** Of the points within the budgets that are as small as the smallest: the one with the least expected loss. */
const smallest = (points: readonly Point[], budgets: Budgets, sensitivity: Sensitivity): Point | undefined => {
  const within = points.filter((p) => keeps(p, budgets)).toSorted(bySize);
  const [first] = within;
  if (first === undefined) return undefined;
  const lossOf = (p: Point): number => estimate(sensitivity, p.assignment).loss;
  const alike = within.filter((p) => p.size <= first.size * (1 + SAME_SIZE) && p.endorphin <= first.endorphin);
  return alike.reduce((best, p) => (lossOf(p) < lossOf(best) ? p : best), first);
};

/** The layers with the precision that an assignment gives them. */
const assigned = (sensitivity: Sensitivity, ladder: readonly Rung[], assignment: Assignment): readonly AssignedLayer[] => {
  const { loss } = estimate(sensitivity, assignment);
  return sensitivity.layers.map((layer, i) => {
    const rung = at(assignment, i);
    const { name, bits } = at(ladder, rung);
    return { ...layer, rung: name, bits, blame: loss > 0 ? at(layer.losses, rung) / loss : 0 };
  });
};

/** Looks for the smallest assignment within the budgets: along the path, then beside it. */
class Choice {
  private readonly points: Points;
  private readonly path: Path;
  private readonly sensitivity: Sensitivity;
  private readonly budgets: Budgets;

  constructor(points: Points, path: Path, sensitivity: Sensitivity, budgets: Budgets) {
    this.points = points;
    this.path = path;
    this.sensitivity = sensitivity;
    this.budgets = budgets;
  }

  private index(i: number): Result<Point> {
    return this.points.measure(at(this.path.assignments, i));
  }

  /** The first index of the path that keeps the accuracy, as far as accuracy grows along it; undefined when not even its end does. */
  search(): Result<number | undefined> {
    const most = this.budgets.drop ?? Number.POSITIVE_INFINITY;
    let [low, high] = [0, this.path.steps.length];
    const end = this.index(high);
    if (!end.ok) return end;
    const start = this.index(low);
    if (!start.ok) return start;
    if (start.value.drop <= most) return ok(low);
    if (end.value.drop > most) return ok(undefined);
    for (const i of this.path.assignments.keys()) {
      const known = this.points.known(at(this.path.assignments, i));
      if (known !== undefined && known.drop > most) low = i;
    }
    // the low end breaks the budget, the high end keeps it
    while (high - low > 1 && this.points.left > 0) {
      const middle = Math.floor((low + high) / 2);
      const point = this.index(middle);
      if (!point.ok) return point;
      if (point.value.drop <= most) high = middle;
      else low = middle;
    }
    return ok(high);
  }

  /**
   * Takes back single steps before `index`, the least worthy first, and keeps what keeps the budgets and is smaller. Then
   * raises the worthiest layers that fit into a size that counts as the same.
   */
  improve(index: number): Result<undefined> {
    let best = this.index(index);
    if (!best.ok) return best;
    const before = this.path.steps.slice(0, Math.max(0, index - 1)).reverse();
    for (const { layer, from, to } of before.slice(0, Math.min(MOST_TRIALS, this.points.left))) {
      if (best.value.assignment[layer] !== to) continue;
      const trial = this.points.measure(best.value.assignment.with(layer, from));
      if (!trial.ok) return trial;
      if (keeps(trial.value, this.budgets) && bySize(trial.value, best.value) < 0) best = trial;
    }
    const raised = this.raisedWithin(best.value.assignment, SAME_SIZE * best.value.size);
    const trial = this.points.measure(raised);
    return trial.ok ? ok(undefined) : trial;
  }

  /** Steps of the path that were not taken and whose weights take no more than some bytes together. */
  private raisedWithin(assignment: Assignment, bytes: number): Assignment {
    let left = bytes;
    let raised = assignment;
    for (const { layer, from, to } of this.path.steps) {
      const { effects } = at(this.sensitivity.layers, layer);
      const cost = at(effects, to).size - at(effects, from).size;
      if (raised[layer] !== from || cost > left) continue;
      left -= cost;
      raised = raised.with(layer, to);
    }
    return raised;
  }

  /** Measures the middle of the widest gaps of the path, by expected bytes, until as many points are measured as may be. */
  fill(): Result<undefined> {
    const bytes = this.path.assignments.map((a) => estimate(this.sensitivity, a).bytes);
    while (this.points.left > 0) {
      const known = [...this.path.assignments.keys()].filter((i) => this.points.known(at(this.path.assignments, i)) !== undefined);
      let widest: { readonly middle: number; readonly width: number } | undefined;
      for (let k = 1; k < known.length; k++) {
        const [from, to] = [at(known, k - 1), at(known, k)];
        const width = at(bytes, to) - at(bytes, from);
        if (to - from > 1 && (widest === undefined || width > widest.width)) widest = { middle: Math.floor((from + to) / 2), width };
      }
      if (widest === undefined) break;
      const point = this.index(widest.middle);
      if (!point.ok) return point;
    }
    return ok(undefined);
  }
}

/** The search among the rungs that `sensitivity` measured. */
const explore = (points: Points, sensitivity: Sensitivity, budgets: Budgets): Result<undefined> => {
  const choice = new Choice(points, greedyPath(sensitivity, [BASE]), sensitivity, budgets);
  const found = choice.search();
  if (!found.ok) return found;
  if (found.value !== undefined) {
    const improved = choice.improve(found.value);
    if (!improved.ok) return improved;
  }
  return choice.fill();
};

/**
 * Chooses the bits of each layer: the smallest package within the budgets.
 *
 * Each layer's sensitivity is measured; layers are raised from 6 bits on in the order of what that gains for what it costs,
 * first to 8 bits, and to 16 only when 8 bits everywhere lose too much; a binary search along this path finds the smallest
 * assignment that keeps the accuracy; single layers are put back where that costs nothing. Decisions depend on the model,
 * the samples and the budgets alone.
 * Errors: QNT0101 when nothing that was measured keeps all budgets; those of the quantizer.
 */
export const chooseMixed = ({ calibrated, settings }: Pick<Searched, 'calibrated' | 'settings'>, options: MixedOptions): Result<Mixed> => {
  const { samples, compile, budgets, evaluate, sizeOf, ladder = LADDER, progress = silentProgress, points: most = MOST_POINTS } = options;
  const memo = options.memo ?? { effects: new Map<string, RungEffect>(), points: new Map<string, Measured>() };
  const units = unitsOf(calibrated.layers);
  const points = new Points({ calibrated, settings, units, ladder, evaluate, sizeOf, memo: memo.points, progress, most });
  // what everyone compares with: the rule of NUMERICS §3, and 8 bits
  const custom = points.measure(customary(calibrated.float, units));
  if (!custom.ok) return custom;
  const all8 = points.measure(uniform(units, BASE));
  if (!all8.ok) return all8;
  const enough = all8.value.drop <= (budgets.drop ?? Number.POSITIVE_INFINITY);
  const rungs = enough ? ladder.slice(0, BASE + 1) : ladder;
  const measured = measureSensitivity(calibrated, settings, { samples, compile, ladder: rungs, sizeOf, progress, memo: memo.effects });
  if (!measured.ok) return measured;
  const sensitivity = measured.value;
  const explored = explore(points, sensitivity, budgets);
  if (!explored.ok) return explored;
  progress.step('mixed precision', points.all.length, points.all.length);
  const all = points.all.toSorted(bySize);
  const chosen = smallest(all, budgets, sensitivity);
  if (chosen === undefined) return fail(overBudget(all, budgets));
  const model = points.quantize(chosen.assignment);
  if (!model.ok) return model;
  return ok({ model: model.value, layers: assigned(sensitivity, ladder, chosen.assignment), chosen, points: all, sensitivity });
};
