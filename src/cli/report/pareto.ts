import { formatBytes, formatCount, visible } from '../text.ts';

/** One way of quantizing a model. */
export interface ParetoPoint {
  readonly name: string;
  /** Bytes of the package. */
  readonly size: number;
  /** Share of accuracy lost; below 0 when it gained. */
  readonly drop: number;
  /** Price of one run. */
  readonly endorphin: number;
}

export interface ParetoOptions {
  /** The point that was taken. */
  readonly chosen?: ParetoPoint | undefined;
  /** Limits that were asked for. */
  readonly maxDrop?: number | undefined;
  readonly maxSize?: number | undefined;
  /** What a drop is, for the axis: `top-1 lost`. */
  readonly what?: string | undefined;
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text: string): string => visible(text).replace(/[&<>"']/g, (c) => ESCAPES[c] ?? c);

/** The points that no other point beats in size and drop at once, the smallest first. */
export const frontierOf = (points: readonly ParetoPoint[]): readonly ParetoPoint[] => {
  const frontier: ParetoPoint[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (const point of points.toSorted((a, b) => a.size - b.size || a.drop - b.drop)) {
    if (point.drop >= least) continue;
    least = point.drop;
    frontier.push(point);
  }
  return frontier;
};

const WIDTH = 400;
const HEIGHT = 300;
const LEFT = 54;
const RIGHT = 14;
const TOP = 16;
const BOTTOM = 40;
const TICKS = 4;

interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

/** 1, 2, 2.5 or 5 times a power of ten: about a quarter of the span. */
const stepOf = (span: number): number => {
  let power = 1;
  while (power * 10 <= span / TICKS) power *= 10;
  while (power > span / TICKS) power /= 10;
  const [step = 10] = [1, 2, 2.5, 5, 10].filter((m) => m * power >= span / TICKS);
  return step * power;
};

/** An axis over all values with a little air, and round ticks inside. @param least - span of an axis whose values are all alike */
const axisOf = (values: readonly number[], least: number): Axis => {
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const span = Math.max(max - min, least);
  const [from, to] = [min - 0.06 * span, min + 1.08 * span];
  const step = stepOf(to - from);
  const first = Math.ceil(from / step);
  return { from, to, ticks: Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => (first + i) * step) };
};

const place = ({ from, to }: Axis, start: number, end: number, value: number): string =>
  (start + ((value - from) / (to - from)) * (end - start)).toFixed(1);

const percentOf = (share: number): string => `${Number((100 * share).toFixed(4))} %`;

const STYLE = `
.pareto { --paper: #fff; --ink: #1c1e21; --soft: #5c6370; --line: #d8dce3; --dot: #2f6feb; --best: #1a7f37; --limit: #cf222e; display: block; width: 100%; height: auto; font: 11px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { .pareto { --paper: #15171a; --ink: #e6e8eb; --soft: #9aa3af; --line: #343941; --dot: #58a6ff; --best: #3fb950; --limit: #f85149; } }
.pareto .paper { fill: var(--paper); } .pareto text { fill: var(--soft); } .pareto .strong { fill: var(--ink); font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
.pareto .grid { stroke: var(--line); } .pareto .front { stroke: var(--dot); fill: none; stroke-width: 1.5; }
.pareto .dot { fill: var(--dot); } .pareto .beaten { fill: none; stroke: var(--soft); } .pareto .chosen { fill: none; stroke: var(--best); stroke-width: 2.5; }
.pareto .limit { stroke: var(--limit); stroke-dasharray: 4 3; } .pareto text.limit { fill: var(--limit); stroke: none; }
`;

interface Plane {
  readonly x: Axis;
  readonly y: Axis;
  readonly px: (size: number) => string;
  readonly py: (drop: number) => string;
}

const planeOf = (points: readonly ParetoPoint[], { maxDrop, maxSize }: ParetoOptions): Plane => {
  const sizes = points.map((p) => p.size);
  const drops = points.map((p) => p.drop);
  const near = (limit: number | undefined, values: readonly number[]): readonly number[] => {
    // a limit far from everything would press the points together: it is not drawn
    const span = Math.max(...values) - Math.min(...values);
    return limit !== undefined && limit <= Math.max(...values) + 2 * span && limit >= Math.min(...values) - 2 * span ? [limit] : [];
  };
  const x = axisOf([...sizes, ...near(maxSize, sizes)], Math.max(10, 0.02 * Math.max(...sizes)));
  const y = axisOf([...drops, ...(maxDrop !== undefined && maxDrop <= 0.02 ? [maxDrop] : near(maxDrop, drops))], 0.002);
  return {
    x,
    y,
    px: (size) => place(x, LEFT, WIDTH - RIGHT, size),
    py: (drop) => place(y, HEIGHT - BOTTOM, TOP, drop),
  };
};

const gridOf = ({ x, y, px, py }: Plane, what: string): readonly string[] => [
  ...x.ticks.map(
    (v) =>
      `<line class="grid" x1="${px(v)}" x2="${px(v)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/><text x="${px(v)}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${escape(formatBytes(v))}</text>`,
  ),
  ...y.ticks.map(
    (v) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(v)}" y2="${py(v)}"/><text x="${LEFT - 5}" y="${py(v)}" dy="4" text-anchor="end">${percentOf(v)}</text>`,
  ),
  `<text class="strong" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - BOTTOM + 31}" text-anchor="middle">package size</text>`,
  `<text class="strong" x="2" y="10">${escape(what)}</text>`,
];

const limitsOf = ({ x, y, px, py }: Plane, { maxDrop, maxSize }: ParetoOptions): readonly string[] => [
  ...(maxDrop !== undefined && maxDrop >= y.from && maxDrop <= y.to
    ? [
        `<line class="limit" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(maxDrop)}" y2="${py(maxDrop)}"/><text class="limit" x="${WIDTH - RIGHT}" y="${py(maxDrop)}" dy="-3" text-anchor="end">at most ${percentOf(maxDrop)}</text>`,
      ]
    : []),
  ...(maxSize !== undefined && maxSize >= x.from && maxSize <= x.to
    ? [
        `<line class="limit" x1="${px(maxSize)}" x2="${px(maxSize)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/><text class="limit" x="${px(maxSize)}" y="${HEIGHT - BOTTOM - 5}" dx="-3" text-anchor="end">at most ${escape(formatBytes(maxSize))}</text>`,
      ]
    : []),
];

const told = (p: ParetoPoint): string =>
  `${p.name}: ${formatBytes(p.size)}, drop ${percentOf(p.drop)}, ${formatCount(p.endorphin)} Endorphin`;

/** The name beside a point, on the side where there is room. */
const nameAt = (p: ParetoPoint, { x, px, py }: Plane): string => {
  const right = p.size < (x.from + x.to) / 2;
  return `<text class="strong" x="${px(p.size)}" y="${py(p.drop)}" dx="${right ? 8 : -8}" dy="-7" text-anchor="${right ? 'start' : 'end'}">${escape(p.name)}</text>`;
};

/**
 * Drop over size of all points: the frontier as steps, points on it filled, others hollow, the chosen one with a ring.
 * A standalone SVG that follows the reader's light or dark scheme and may stand inside a page; the same points give the same
 * bytes. '' without points.
 */
export const paretoSvg = (points: readonly ParetoPoint[], options: ParetoOptions = {}): string => {
  if (points.length === 0) return '';
  const { chosen, what = 'accuracy lost' } = options;
  const plane = planeOf(points, options);
  const { px, py } = plane;
  const frontier = frontierOf(points);
  const steps = frontier.map((p, i) => (i === 0 ? `M${px(p.size)} ${py(p.drop)}` : `H${px(p.size)}V${py(p.drop)}`)).join('');
  const best = new Set(frontier);
  const smallest = frontier[0];
  const named = [...new Set([chosen ?? smallest, ...points.filter((p) => p.name.startsWith('all '))])].filter((p) => p !== undefined);
  return `<svg xmlns="http://www.w3.org/2000/svg" class="pareto" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(what)} over package size">
<title>${escape(what)} over package size</title>
<desc>${escape(points.map(told).join('; '))}</desc>
<style>${STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${HEIGHT}"/>
${[...gridOf(plane, what), ...limitsOf(plane, options)].join('\n')}
<path class="front" d="${steps}"/>
${points.map((p) => `<circle class="${best.has(p) ? 'dot' : 'beaten'}" cx="${px(p.size)}" cy="${py(p.drop)}" r="3.5"><title>${escape(told(p))}</title></circle>`).join('\n')}
${chosen === undefined ? '' : `<circle class="chosen" cx="${px(chosen.size)}" cy="${py(chosen.drop)}" r="7"/>\n`}${named.map((p) => nameAt(p, plane)).join('\n')}
</svg>
`;
};

/** A table of a page. */
export interface ParetoTable {
  readonly title: string;
  readonly note: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5c6370; --paper: #fff; --line: #d8dce3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa3af; --paper: #15171a; --line: #343941; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4rem; margin: .5rem 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0 .75rem; color: var(--soft); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .75rem .3rem 0; text-align: right; border-top: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 9rem; } th { color: var(--soft); font-weight: 500; border-top: 0; }
`;

const tableHtml = ({ title, note, header, rows }: ParetoTable): string => `<h2>${escape(title)}</h2>
<p>${escape(note)}</p>
<div class="wide"><table>
<thead><tr>${header.map((h) => `<th scope="col">${escape(h)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`).join('\n')}
</tbody></table></div>`;

/** A page of its own with the chart and tables: no script, no network, readable on a phone, light and dark. */
export const paretoHtml = (
  title: string,
  points: readonly ParetoPoint[],
  options: ParetoOptions,
  tables: readonly ParetoTable[],
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${paretoSvg(points, options)}${tables.map(tableHtml).join('\n')}
</body>
</html>
`;
