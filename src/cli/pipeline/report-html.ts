import { visible } from '../text.ts';

/** One line of the layer table. */
export interface ReportLayer {
  readonly layer: string;
  readonly op: string;
  readonly scale: number | undefined;
  readonly zero: number | undefined;
  /** Signal to quantization noise, in dB; infinite when nothing was lost. */
  readonly sqnrDb: number;
  /** Share of values outside the representable interval. */
  readonly clipped: number | undefined;
}

export interface HtmlReport {
  readonly title: string;
  readonly facts: readonly (readonly [string, string])[];
  readonly layers: readonly ReportLayer[];
  readonly headroom: readonly { readonly layer: string; readonly bound: number; readonly freeBits: number }[];
  readonly warnings: readonly string[];
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string): string => visible(text).replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c);

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5c6370; --paper: #fff; --line: #d8dce3; --good: #1a7f37; --fair: #9a6700; --poor: #cf222e; --bar: #2f6feb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa3af; --paper: #15171a; --line: #343941; --good: #3fb950; --fair: #d29922; --poor: #f85149; --bar: #58a6ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4rem; margin: .5rem 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0 .75rem; color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.rows { list-style: none; margin: 0; padding: 0; }
.rows li { padding: .4rem 0; border-top: 1px solid var(--line); }
.head { display: flex; justify-content: space-between; gap: 1rem; }
.name { overflow-wrap: anywhere; } .value { white-space: nowrap; font-variant-numeric: tabular-nums; font-weight: 600; }
.note { color: var(--soft); font-size: .85rem; } svg { display: block; width: 100%; height: .6rem; margin: .2rem 0; }
.good { fill: var(--good); } .fair { fill: var(--fair); } .poor { fill: var(--poor); } .bar { fill: var(--bar); } .track { fill: var(--line); }
.warn { border-left: .25rem solid var(--fair); padding: .25rem .75rem; margin: .75rem 0; color: var(--ink); }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
`;

const bar = (share: number, kind: string, label: string): string => {
  const width = Math.max(0, Math.min(100, 100 * share));
  return `<svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label="${escape(label)}"><rect class="track" width="100" height="4"/><rect class="${kind}" width="${width.toFixed(2)}" height="4"/></svg>`;
};

/** dB at which the bar is full, and where the colour changes: below 20 dB a tenth of the signal is noise. */
const FULL_DB = 60;
const GOOD_DB = 30;
const FAIR_DB = 20;

const formatDb = (db: number): string => (Number.isFinite(db) ? `${db.toFixed(1)} dB` : db > 0 ? 'exact' : 'no signal');

const layerItem = (l: ReportLayer): string => {
  const kind = l.sqnrDb >= GOOD_DB ? 'good' : l.sqnrDb >= FAIR_DB ? 'fair' : 'poor';
  const parts = [
    l.op,
    ...(l.scale === undefined ? [] : [`scale ${Number(l.scale.toPrecision(6))}`]),
    ...(l.zero === undefined ? [] : [`zero ${l.zero}`]),
    ...(l.clipped === undefined ? [] : [`${(100 * l.clipped).toFixed(3)} % clipped`]),
  ];
  return `<li><div class="head"><span class="name">${escape(l.layer)}</span><span class="value">${formatDb(l.sqnrDb)}</span></div>${bar(
    Number.isFinite(l.sqnrDb) ? l.sqnrDb / FULL_DB : l.sqnrDb > 0 ? 1 : 0,
    kind,
    `${l.layer}: ${formatDb(l.sqnrDb)}`,
  )}<div class="note">${escape(parts.join(' · '))}</div></li>`;
};

const headroomItem = ({ layer, bound, freeBits }: HtmlReport['headroom'][number]): string =>
  `<li><div class="head"><span class="name">${escape(layer)}</span><span class="value">${31 - freeBits} of 31 bits</span></div>${bar((31 - freeBits) / 31, freeBits >= 4 ? 'bar' : 'fair', `${layer}: ${31 - freeBits} of 31 bits`)}<div class="note">|accumulator| ≤ ${bound}</div></li>`;

/** A page of its own: no script, no network, readable on a phone, light and dark. The same report gives the same bytes. */
export const htmlReport = ({ title, facts, layers, headroom, warnings }: HtmlReport): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${warnings.map((w) => `<div class="warn">${escape(w)}</div>`).join('\n')}
<dl>
${facts.map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`).join('\n')}
</dl>
<h2>Error of each layer</h2>
<p>Signal to quantization noise of the INT8 result against float32, over the calibration samples. Above ${GOOD_DB} dB is good; below ${FAIR_DB} dB the layer deserves a look.</p>
<ul class="rows">
${layers.map(layerItem).join('\n')}
</ul>
<h2>Overflow headroom</h2>
<p>Proven bound of each int32 accumulator for every possible input. At 31 bits it would overflow.</p>
<ul class="rows">
${headroom.map(headroomItem).join('\n')}
</ul>
</body>
</html>
`;
