import { type Diagnostic, diagnostic } from '../../../support/index.ts';
import type { Point } from './points.ts';

/** What the package may cost at most; what is left out is not limited. */
export interface Budgets {
  /** Share of accuracy that may be lost: 0.005 is half a percent (point). */
  readonly drop?: number | undefined;
  /** Bytes of the package. */
  readonly size?: number | undefined;
  /** Endorphin of one run. */
  readonly endorphin?: number | undefined;
}

const NAMES = ['drop', 'size', 'endorphin'] as const;
type BudgetName = (typeof NAMES)[number];

/** The budgets that a point breaks. */
export const broken = (point: Point, budgets: Budgets): readonly BudgetName[] =>
  NAMES.filter((name) => point[name] > (budgets[name] ?? Number.POSITIVE_INFINITY));

export const keeps = (point: Point, budgets: Budgets): boolean => broken(point, budgets).length === 0;

/** 0.62 %, as drops are told. */
export const percent = (share: number): string => `${Number((100 * share).toFixed(3))} %`;

const OPTIONS = {
  drop: (v: number) => `--max-drop ${percent(v).replace(' ', '')}`,
  size: (v: number) => `--max-size ${v}`,
  endorphin: (v: number) => `--max-endorphin ${v}`,
} as const satisfies Record<BudgetName, (v: number) => string>;

const described = ({ name, drop, size, endorphin }: Point): string =>
  `${name}: drop ${percent(drop)}, ${size} bytes, ${endorphin} Endorphin`;

/** The point that breaks the fewest budgets and of these has the least of `name`. */
const least = (points: readonly Point[], name: BudgetName): Point | undefined =>
  points.reduce<Point | undefined>((best, p) => (best === undefined || p[name] < best[name] ? p : best), undefined);

/**
 * Says by how much budgets are missed: for each of them, what it would have to be while the others stay, and the point that
 * shows it.
 */
export const overBudget = (points: readonly Point[], budgets: Budgets): Diagnostic => {
  const given = NAMES.flatMap((name) => {
    const limit = budgets[name];
    return limit === undefined ? [] : [{ name, limit }];
  });
  const notes = given.map(({ name, limit }) => {
    const others = given.filter((g) => g.name !== name);
    const nearest = least(
      points.filter((p) => others.every((o) => p[o.name] <= o.limit)),
      name,
    );
    const rest = others.length === 0 ? 'at best' : `while ${others.map((o) => OPTIONS[o.name](o.limit)).join(' and ')} stays`;
    if (nearest === undefined)
      return `No value of ${OPTIONS[name](limit).split(' ')[0] ?? ''} helps alone: nothing measured keeps ${others.map((o) => OPTIONS[o.name](o.limit)).join(' and ')}.`;
    return `${OPTIONS[name](name === 'drop' ? Math.ceil(nearest[name] * 1e5) / 1e5 : nearest[name])} is needed ${rest} (${described(nearest)}).`;
  });
  const asked = given.map(({ name, limit }) => OPTIONS[name](limit)).join(', ');
  return diagnostic('QNT0101', `none of ${points.length} measured assignments of bits keeps ${asked}`, { notes });
};
