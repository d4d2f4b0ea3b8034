import { type Comparison, describeDifference, type Row, sideBySide, type Verdict } from '../../../passes/index.ts';
import { formatFacts, formatTable, visible } from '../../text.ts';

/** Rows shown before and after the first that differs. */
const CONTEXT = 8;

/** What the comparison is shown with. */
export interface Shown {
  readonly a: string;
  readonly b: string;
  readonly level: number;
  readonly verdict: Verdict;
  readonly full: boolean;
  readonly trace: boolean;
}

const LEVEL_NAMES = ['identical', 'same graph', 'same up to rewriting', 'equal weights', 'equal on probes'];
export const levelName = (level: number): string => `${level} ${LEVEL_NAMES[level] ?? ''}`;

const MARKS = { proven: 'yes', refuted: 'no', undecided: 'undecided', skipped: '-' } as const;

/** A term in one cell. */
export const termText = (term: Row['a']): string => {
  if (term === undefined) return '';
  const name = term.origin === term.op ? '' : ` ${visible(term.origin)}`;
  return `${term.op} [${term.type.shape.join(', ')}]${name}`;
};

const WIDTH = 60;
const cut = (text: string): string => (text.length <= WIDTH ? text : `${text.slice(0, WIDTH - 1)}…`);

/** The rows to show: all, or those around the first that differs. */
export const shownRows = (
  rows: readonly Row[],
  full: boolean,
): { readonly rows: readonly Row[]; readonly before: number; readonly after: number } => {
  const first = rows.findIndex((r) => !r.same);
  const start = full ? 0 : Math.max(0, first - CONTEXT);
  const end = full ? rows.length : Math.min(rows.length, Math.max(0, first) + 2 * CONTEXT);
  return { rows: rows.slice(start, end), before: start, after: rows.length - end };
};

const graphText = (comparison: Comparison, full: boolean): string => {
  const { rows, before, after } = shownRows(sideBySide(comparison), full);
  const more = (n: number): readonly (readonly string[])[] => (n === 0 ? [] : [[`(${n} more)`, '', '']]);
  const lines = rows.map((r) => [cut(termText(r.a)), r.same ? '=' : '≠', cut(termText(r.b))]);
  return formatTable(
    [`A, ${comparison.form === 'source' ? 'as given' : 'in normal form'}`, '', 'B'],
    [...more(before), ...lines, ...more(after)],
  );
};

const differenceFacts = ({ difference: d }: Comparison): readonly (readonly [string, string])[] =>
  d === undefined
    ? []
    : [
        [
          'first difference',
          [d.kind, d.what]
            .filter((t) => t !== '')
            .map(visible)
            .join(', '),
        ],
        ['  in A', visible([d.a.name, d.a.value].filter((t) => t !== '').join(': '))],
        ['  in B', visible([d.b.name, d.b.value].filter((t) => t !== '').join(': '))],
      ];

const counterexampleFacts = ({ probes }: Comparison): readonly (readonly [string, string])[] => {
  const c = probes?.counterexample;
  if (probes === undefined || c === undefined) return [];
  return [
    [
      'counter-example',
      `probe ${c.probe} of seed ${probes.seed.slice(0, 13)}: ${visible(c.output)}[${c.index}] is ${c.a} in A and ${c.b} in B`,
    ],
  ];
};

const traceText = (comparison: Comparison): string =>
  (['a', 'b'] as const)
    .map((side) => {
      const rows = comparison.trace[side].map((r) => [visible(r.at), r.rule, r.exactness]);
      return `\n${formatTable([`rewritten in ${side.toUpperCase()}`, 'rule', 'exactness'], rows)}`;
    })
    .join('');

export const isoText = (comparison: Comparison, shown: Shown): string => {
  const levels = comparison.levels.map((l) => [levelName(l.level), MARKS[l.outcome], visible(l.text)]);
  const facts: (readonly [string, string])[] = [
    ['A', visible(shown.a)],
    ['B', visible(shown.b)],
    ['verdict', `${shown.verdict} at level ${shown.level}; proven: ${comparison.reached < 0 ? 'none' : `level ${comparison.reached}`}`],
    ...differenceFacts(comparison),
    ...counterexampleFacts(comparison),
    ...comparison.notes.map((n) => ['note', visible(n)] as const),
  ];
  return [
    formatFacts(facts),
    `\n${formatTable(['level', '', 'why'], levels)}`,
    `\n${graphText(comparison, shown.full)}`,
    shown.trace ? traceText(comparison) : '',
  ].join('');
};

export const differenceLine = (comparison: Comparison): string =>
  comparison.difference === undefined ? '' : describeDifference(comparison.difference);
