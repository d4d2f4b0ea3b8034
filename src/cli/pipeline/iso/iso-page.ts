import { type Comparison, type Row, sideBySide } from '../../../passes/index.ts';
import { escapeHtml, factList, page, sectionHtml, table } from '../../report/html.ts';
import { levelName, type Shown, shownRows, termText } from './iso-text.ts';

/** Rows of the page at most: a page of 100,000 rows opens nowhere. */
const MOST_ROWS = 4000;

const STYLE = `<style>
.pair td { border-bottom: 1px solid var(--line); width: 50%; overflow-wrap: anywhere; font-size: .85rem; padding: .25rem .5rem; }
.pair tr.differs td { background: var(--out); border-left: .25rem solid var(--poor); }
.pair tr.same td { border-left: .25rem solid var(--good); } .pair td:empty { background: none !important; }
</style>`;

const rowHtml = (row: Row): string =>
  `<tr class="${row.same ? 'same' : 'differs'}"><td>${escapeHtml(termText(row.a))}</td><td>${escapeHtml(termText(row.b))}</td></tr>`;

/** The two graphs beside each other: what matches in green, what differs in red. */
const graphSection = (comparison: Comparison, shown: Shown): string => {
  const all = sideBySide(comparison);
  const { rows, before, after } = all.length <= MOST_ROWS ? { rows: all, before: 0, after: 0 } : shownRows(all, false);
  const left = before + after === 0 ? '' : `<p>${before} rows before and ${after} after these are left out.</p>\n`;
  const head = `<thead><tr><th scope="col">A: ${escapeHtml(shown.a)}</th><th scope="col">B: ${escapeHtml(shown.b)}</th></tr></thead>`;
  return `${left}<div class="scroll"><table class="pair">\n${head}\n<tbody>\n${rows.map(rowHtml).join('\n')}\n</tbody>\n</table></div>`;
};

/** A page of its own about a comparison. */
export const isoPage = (comparison: Comparison, shown: Shown): string => {
  const d = comparison.difference;
  const difference =
    d === undefined
      ? []
      : ([
          ['what', [d.kind, d.what].filter((t) => t !== '').join(', ')],
          ['in A', [d.a.name, d.a.value].filter((t) => t !== '').join(': ')],
          ['in B', [d.b.name, d.b.value].filter((t) => t !== '').join(': ')],
        ] as const);
  const sections = [
    {
      id: 'levels',
      title: 'Levels',
      body: table(
        'Levels',
        ['level', 'outcome', 'why'],
        comparison.levels.map((l) => [levelName(l.level), l.outcome, l.text]),
      ),
    },
    ...(difference.length === 0 ? [] : [{ id: 'difference', title: 'First difference', body: factList(difference) }]),
    ...(comparison.notes.length === 0
      ? []
      : [{ id: 'notes', title: 'Assumptions', body: `<ul>${comparison.notes.map((n) => `<li>${escapeHtml(n)}</li>`).join('')}</ul>` }]),
    {
      id: 'graphs',
      title: 'Graphs',
      intro: comparison.form === 'source' ? 'As given.' : 'In normal form.',
      body: graphSection(comparison, shown),
    },
    ...(['a', 'b'] as const).map((side) => ({
      id: `trace-${side}`,
      title: `Rewrites of ${side.toUpperCase()}`,
      body: table(
        'Rewrites',
        ['node', 'rule', 'exactness'],
        comparison.trace[side].slice(0, MOST_ROWS).map((r) => [r.at, r.rule, r.exactness]),
      ),
    })),
  ];
  const title = `${shown.verdict} at level ${shown.level}`;
  const head = `<h1>cortexc iso</h1>\n<p class="verdict">${escapeHtml(title)}</p>`;
  return page(`cortexc iso: ${title}`, `${STYLE}\n${head}\n${sections.map(sectionHtml).join('\n')}`);
};
