import { visible } from '../text.ts';
import type { Fact } from './data.ts';

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for an element or a quoted attribute. Control characters are shown, so that a name cannot hide what it is. */
export const escapeHtml = (text: string): string => visible(text).replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c);

/** Six digits; what is no number is told in words, never as NaN. */
export const numberText = (v: number): string =>
  Number.isFinite(v) ? String(Number(v.toPrecision(6))) : Number.isNaN(v) ? 'none' : 'unbounded';

/** A coordinate of a picture, between 0 and `most`. */
export const coordinate = (v: number, most: number): string => String(Number((v > 0 ? Math.min(v, most) : 0).toFixed(1)));

export const factList = (facts: readonly Fact[]): string =>
  facts.length === 0
    ? ''
    : `<dl>\n${facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('\n')}\n</dl>`;

/** A horizontal bar that is full at 1. @param label - what it says, for those who do not see it */
export const barSvg = (share: number, kind: string, label: string): string =>
  `<svg class="meter" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(label)}"><rect class="track" width="100" height="4"/><rect class="${kind}" width="${coordinate(100 * share, 100)}" height="4"/></svg>`;

/** @param columns - headings; those that begin with > hold numbers */
export const table = (caption: string, columns: readonly string[], rows: readonly (readonly string[])[]): string => {
  const kinds = columns.map((c) => (c.startsWith('>') ? ' class="number"' : ''));
  const head = columns.map((c, i) => `<th scope="col"${kinds[i] ?? ''}>${escapeHtml(c.replace(/^>/, ''))}</th>`).join('');
  const body = rows.map((r) => `<tr>${r.map((cell, i) => `<td${kinds[i] ?? ''}>${escapeHtml(cell)}</td>`).join('')}</tr>`);
  return `<div class="scroll" role="region" tabindex="0" aria-label="${escapeHtml(caption)}"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody>\n</table></div>`;
};

export interface Section {
  readonly id: string;
  readonly title: string;
  /** What the section says and how it was measured. HTML. */
  readonly intro?: string;
  readonly body: string;
}

export const sectionHtml = ({ id, title, intro, body }: Section): string =>
  `<section id="${id}" aria-labelledby="${id}-title">\n<h2 id="${id}-title">${escapeHtml(title)}</h2>\n${intro === undefined ? '' : `<p>${intro}</p>\n`}${body}\n</section>`;

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #57606a; --paper: #fff; --line: #d8dce3; --good: #1a7f37; --fair: #9a6700; --poor: #cf222e; --bar: #2f6feb; --out: #fbe9ea; --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa3af; --paper: #15171a; --line: #343941; --good: #3fb950; --fair: #d29922; --poor: #f85149; --bar: #58a6ff; --out: #3a1d1f; --link: #79b8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.1rem; margin: .25rem 0; color: var(--soft); font-weight: 600; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
a { color: var(--link); } nav { margin: .75rem 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; font-size: .9rem; }
p { margin: .25rem 0 .75rem; } section > p, .note { color: var(--soft); } .verdict { font-size: 1.3rem; line-height: 1.35; font-weight: 600; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0 0 .75rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.rows { list-style: none; margin: 0; padding: 0; } .rows > li { padding: .5rem 0; border-top: 1px solid var(--line); }
.head { display: flex; justify-content: space-between; gap: 1rem; }
.name { overflow-wrap: anywhere; } .value { white-space: nowrap; font-variant-numeric: tabular-nums; font-weight: 600; }
.note { font-size: .85rem; overflow-wrap: anywhere; } .ends { display: flex; justify-content: space-between; gap: 1rem; font-size: .8rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin: .5rem 0; } table { border-collapse: collapse; font-size: .9rem; min-width: 100%; }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { overflow-wrap: anywhere; min-width: 7rem; }
th { color: var(--soft); font-weight: 600; } .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
summary { cursor: pointer; padding: .25rem 0; font-size: .9rem; color: var(--link); }
svg { display: block; width: 100%; } .meter { height: .6rem; margin: .25rem 0; } .histogram { height: 7rem; margin: .5rem 0 .25rem; background: var(--paper); border-bottom: 1px solid var(--soft); }
.good { fill: var(--good); } .fair { fill: var(--fair); } .poor { fill: var(--poor); } .bar { fill: var(--bar); } .track { fill: var(--line); }
.outside { fill: var(--out); } .clip { stroke: var(--poor); stroke-width: 2; stroke-dasharray: 6 4; vector-effect: non-scaling-stroke; }
.diagnostic { border-left: .25rem solid var(--line); padding: .25rem .75rem; margin: .75rem 0; } .diagnostic.warning { border-color: var(--fair); } .diagnostic.error { border-color: var(--poor); }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print { summary { display: none; } nav { display: none; } }
`;

/** A page of its own: no script, nothing from a network, light and dark, readable on a phone. */
export const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
