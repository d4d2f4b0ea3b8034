import type { ValueId } from '../../ir/index.ts';
import { functionsOf, rangeThroughFunctions } from './function-range.ts';
import type { Plan } from './plan.ts';
import { chooseRange, type ChosenRange, type Histogram, powerOfTwoRange, type RangeMethod } from './ranges.ts';

/**
 * The ranges of one value. They depend on the float program and on calibration alone, so each is found once, however many ways of
 * quantizing ask for it.
 */
export class SiteRanges {
  readonly histogram: Histogram;
  private readonly known = new Map<RangeMethod | 'powers of two', ChosenRange>();
  private through: { readonly range: ChosenRange | undefined } | undefined;

  constructor(histogram: Histogram) {
    this.histogram = histogram;
  }

  private once(key: RangeMethod | 'powers of two', find: () => ChosenRange): ChosenRange {
    const range = this.known.get(key) ?? find();
    this.known.set(key, range);
    return range;
  }

  by(method: RangeMethod): ChosenRange {
    return this.once(method, () => chooseRange(this.histogram, method));
  }

  powerOfTwo(): ChosenRange {
    return this.once('powers of two', () => powerOfTwoRange(this.histogram));
  }

  /** By the error behind the functions that read the value; undefined when something else reads it. */
  throughFunctions(plan: Plan, value: ValueId): ChosenRange | undefined {
    if (this.through === undefined) {
      const functions = functionsOf(plan, value);
      this.through = { range: functions === undefined ? undefined : rangeThroughFunctions(this.histogram, functions) };
    }
    return this.through.range;
  }
}
