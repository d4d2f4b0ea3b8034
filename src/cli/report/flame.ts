import type { StepTime } from '../../backends/index.ts';
import { at } from '../../support/index.ts';
import type { Profile } from '../pipeline/profile.ts';
import { gmacsOf } from '../pipeline/profile.ts';
import { escapeHtml, page, sectionHtml, table } from './html.ts';

const WIDTH = 1200;
const ROW = 22;
const MARGIN = 10;
const HEAD = 46;
/** Approximate width of a character of the labels. */
const CHARACTER = 6.6;
/** Narrower boxes have no label. */
const LEAST_LABEL = 24;
const MOST_DEPTH = 24;
/** Legend entries; further ops share one. */
const MOST_COLOURS = 10;

/** Fills that dark text stands out on, told apart without red against green. */
const COLOURS = [
  '#f4a582',
  '#92c5de',
  '#fddbc7',
  '#b2abd2',
  '#fee08b',
  '#a6dba0',
  '#f6c1dd',
  '#c7e9f0',
  '#d9d9d9',
  '#e6cfa3',
  '#cccccc',
] as const;

/** A box: a step, or steps next to each other whose places begin alike. */
interface Box {
  readonly label: string;
  readonly title: string;
  readonly op: StepTime['op'] | undefined;
  readonly depth: number;
  readonly from: number;
  readonly ms: number;
}

/** `/layer1/layer1.0/conv1/Conv` -> its parts. */
const pathOf = (place: string): readonly string[] =>
  place
    .replace(/ \([a-z0-9_]+\)$/, '')
    .split(/[/:]/)
    .filter((part) => part !== '');

const msText = (ms: number): string => `${ms < 1 ? ms.toFixed(3) : ms.toFixed(2)} ms`;

const stepTitle = (step: StepTime, totalMs: number): string => {
  const gmacs = gmacsOf(step);
  const speed = gmacs === undefined ? '' : `, ${gmacs.toFixed(1)} GMAC/s`;
  return `${step.place} (${step.op}): ${msText(step.milliseconds)}, ${((100 * step.milliseconds) / totalMs).toFixed(1)} %${speed}`;
};

/** Boxes of steps that share the first `depth` parts of their place; runs of the same next part become one box. */
const boxesOf = (steps: readonly StepTime[], depth: number, from: number, totalMs: number): readonly Box[] => {
  const boxes: Box[] = [];
  let start = from;
  for (let i = 0; i < steps.length; ) {
    const first = at(steps, i);
    const path = pathOf(first.place);
    const part = path[depth];
    let end = i + 1;
    while (part !== undefined && end < steps.length && pathOf(at(steps, end).place)[depth] === part) end++;
    const group = steps.slice(i, end);
    const ms = group.reduce((n, s) => n + s.milliseconds, 0);
    const single = group.length === 1;
    const label = single ? path.slice(depth).join('/') || first.op : (part ?? first.op);
    const title = single ? stepTitle(first, totalMs) : `${path.slice(0, depth + 1).join('/')}: ${msText(ms)} in ${group.length} steps`;
    boxes.push({ label, title, op: single ? first.op : undefined, depth, from: start, ms });
    if (!single && depth < MOST_DEPTH) boxes.push(...boxesOf(group, depth + 1, start, totalMs));
    start += ms;
    i = end;
  }
  return boxes;
};

const colourTable = (steps: readonly StepTime[]): ReadonlyMap<string, string> => {
  const sums = new Map<string, number>();
  for (const s of steps) sums.set(s.op, (sums.get(s.op) ?? 0) + s.milliseconds);
  const order = [...sums].sort((a, b) => b[1] - a[1]);
  return new Map(order.map(([op], i) => [op, at(COLOURS, Math.min(i, MOST_COLOURS))]));
};

const shortened = (label: string, width: number): string => {
  const most = Math.floor((width - 6) / CHARACTER);
  return label.length <= most ? label : most < 3 ? '' : `${label.slice(0, most - 1)}…`;
};

const boxSvg = (box: Box, scale: number, colours: ReadonlyMap<string, string>, bottom: number): string => {
  const [x, width] = [MARGIN + box.from * scale, box.ms * scale];
  const y = bottom - (box.depth + 1) * ROW;
  const fill = box.op === undefined ? '#eef0f3' : (colours.get(box.op) ?? '#cccccc');
  const label = width < LEAST_LABEL ? '' : shortened(box.label, width);
  const text = label === '' ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 15}">${escapeHtml(label)}</text>`;
  return `<g><title>${escapeHtml(box.title)}</title><rect x="${x.toFixed(2)}" y="${y}" width="${Math.max(width, 0.2).toFixed(2)}" height="${ROW - 1}" rx="2" fill="${fill}"/>${text}</g>`;
};

const legendSvg = (colours: ReadonlyMap<string, string>): string => {
  let x = MARGIN;
  const named = [...colours].slice(0, MOST_COLOURS);
  const entries: readonly (readonly [string, string])[] =
    colours.size > MOST_COLOURS ? [...named, ['others', at(COLOURS, MOST_COLOURS)]] : named;
  return entries
    .map(([op, fill]) => {
      const at_ = x;
      x += 26 + op.length * CHARACTER;
      return `<rect x="${at_}" y="27" width="11" height="11" rx="2" fill="${fill}"/><text x="${at_ + 15}" y="37">${escapeHtml(op)}</text>`;
    })
    .join('');
};

/** A picture of a profile: the width of a box is its time, above it the steps whose places begin with its name; colour by op. */
export const flameSvg = (profile: Profile, title: string): string => {
  const boxes = boxesOf(profile.steps, 0, 0, profile.totalMs || 1);
  const depth = 1 + Math.max(0, ...boxes.map((b) => b.depth));
  const height = HEAD + depth * ROW + MARGIN;
  const scale = (WIDTH - 2 * MARGIN) / (profile.totalMs || 1);
  const colours = colourTable(profile.steps);
  const head = `${title}: ${msText(profile.totalMs)} a run on one thread, ${profile.steps.length} steps`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escapeHtml(head)}">
<style>text { font: 11px ui-monospace, monospace; fill: #1c1e21; } .title { font: 600 13px system-ui, sans-serif; }</style>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text class="title" x="${MARGIN}" y="17">${escapeHtml(head)}</text>
${legendSvg(colours)}
${boxes.map((b) => boxSvg(b, scale, colours, height - MARGIN)).join('\n')}
</svg>
`;
};

/** The picture and the steps as a page of its own, the slowest first. */
export const flameHtml = (profile: Profile, title: string): string => {
  const rows = profile.steps
    .toSorted((a, b) => b.milliseconds - a.milliseconds)
    .map((s) => [
      s.place,
      s.op,
      s.milliseconds.toFixed(3),
      `${((100 * s.milliseconds) / (profile.totalMs || 1)).toFixed(1)} %`,
      gmacsOf(s)?.toFixed(1) ?? '',
    ]);
  const steps = sectionHtml({
    id: 'steps',
    title: 'Steps, the slowest first',
    body: table('Steps', ['place', 'op', '>ms', '>share', '>GMAC/s'], rows),
  });
  return page(title, `<h1>Profile of ${escapeHtml(title)}</h1>\n${flameSvg(profile, title)}\n${steps}`);
};
