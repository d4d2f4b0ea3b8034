import { COLUMNS, type Counts, differenceText, type Failure, type MatrixRow, type Report, type SubjectReport } from './report.ts';

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c);

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5c6370; --paper: #fff; --line: #d8dce3; --good: #1a7f37; --fair: #9a6700; --poor: #cf222e; --goodbg: #dafbe1; --poorbg: #ffebe9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa3af; --paper: #15171a; --line: #343941; --good: #3fb950; --fair: #d29922; --poor: #f85149; --goodbg: #12261a; --poorbg: #3a1416; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4rem; margin: .5rem 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere; } h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
p { margin: .25rem 0 .75rem; } .soft { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; border: 1px solid var(--line); }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .5rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
tbody th { position: sticky; left: 0; background: var(--paper); font-weight: 600; }
.good { color: var(--good); background: var(--goodbg); } .poor { color: var(--poor); background: var(--poorbg); font-weight: 700; } .fair { color: var(--fair); } .none { color: var(--soft); }
.verdict { padding: .5rem .75rem; font-weight: 700; }
details { border-top: 1px solid var(--line); padding: .4rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; min-height: 1.75rem; }
pre { overflow-x: auto; font-size: .8rem; border: 1px solid var(--line); padding: .5rem; max-height: 20rem; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
`;

/** Text and colour: a failure is never told by colour alone. */
const cell = (counts: Counts | undefined): string => {
  if (counts === undefined) return '<td class="none">-</td>';
  const { passed, failed, refused } = counts;
  if (failed > 0) return `<td class="poor">${failed} of ${passed + failed + refused} FAILED</td>`;
  if (refused > 0) return `<td class="fair">${refused} refused${passed > 0 ? `, ${passed} ok` : ''}</td>`;
  return `<td class="good">${passed} ok</td>`;
};

const matrixTable = (matrix: readonly MatrixRow[]): string => {
  const used = COLUMNS.filter((c) => matrix.some((row) => row.cells[c] !== undefined));
  const head = ['op', ...used].map((c) => `<th scope="col">${escape(c)}</th>`).join('');
  const rows = matrix.map((row) => `<tr><th scope="row">${escape(row.op)}</th>${used.map((c) => cell(row.cells[c])).join('')}</tr>`);
  return `<div class="scroll" tabindex="0" role="region" aria-label="Results by op and shape class"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
};

const failureItem = (f: Failure): string => {
  const lines = [
    f.reason,
    ...(f.difference === undefined ? [] : [differenceText(f.difference)]),
    ...(f.shape === '' ? [] : [`${f.op}: ${f.shape}`]),
    ...(f.data === '' ? [] : [`data class ${f.data}, seed ${f.seed}`]),
  ];
  const repro = f.repro === undefined ? '' : `<pre>${escape(f.repro)}</pre>`;
  return `<details><summary><span class="poor">${escape(f.kind)}</span> ${escape(f.id)}</summary>${lines.map((l) => `<p>${escape(l)}</p>`).join('')}${repro}</details>`;
};

const sum = (subject: Pick<SubjectReport, 'summary'>): string => {
  const { passed, failed, refused, notRun } = subject.summary;
  return `${passed} passed, ${failed} failed, ${refused} refused${notRun > 0 ? `, ${notRun} not run` : ''}`;
};

const verdict = (summary: Report['summary']): string =>
  summary.failed > 0 || summary.notRun > 0
    ? `<p class="verdict poor">DOES NOT CONFORM: ${escape(sum({ summary }))}</p>`
    : `<p class="verdict good">CONFORMS in every case it takes: ${escape(sum({ summary }))}</p>`;

const subjectSection = (s: SubjectReport): string => {
  const failures = s.failures.length === 0 ? '' : `<h3>Failures</h3>${s.failures.map(failureItem).join('\n')}`;
  const more = s.failuresLeftOut > 0 ? `<p class="soft">${s.failuresLeftOut} more failures are counted in the table only.</p>` : '';
  const refusals =
    s.refusals.length === 0
      ? ''
      : `<h3>Refused ops</h3><ul>${s.refusals.map((r) => `<li>${escape(r.op)}: ${escape(r.reason)} (${r.cases} cases)</li>`).join('')}</ul>`;
  const stopped = s.stopped === undefined ? '' : `<p class="poor">Stopped early: ${escape(s.stopped)}</p>`;
  return `<section><h2>${escape(s.name)}</h2>${verdict(s.summary)}${stopped}${failures}${more}<h3>By op and shape class</h3>${matrixTable(s.matrix)}${refusals}</section>`;
};

/** The report as one page without scripts, pictures or anything to load. */
export const reportHtml = (report: Report): string => {
  const { selection } = report;
  const facts: readonly (readonly [string, string])[] = [
    ['cases', `${selection.cases} of ${selection.available}${selection.full ? '' : ' (a sample)'}`],
    ['ops', selection.ops === 'all' ? 'all' : selection.ops.join(', ')],
    ['vector set', report.vectors],
    ['cortexc', report.cortexc],
    ['created', report.created],
    ...Object.entries(report.machine).map(([k, v]) => [k, String(v)] as const),
  ];
  const list = facts.map(([k, v]) => `<dt>${escape(k)}</dt><dd>${escape(v)}</dd>`).join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Conformance report</title><style>${STYLE}</style></head>
<body><main><h1>Conformance report</h1>${verdict(report.summary)}<dl>${list}</dl>
${report.subjects.map(subjectSection).join('\n')}
</main></body></html>
`;
};
