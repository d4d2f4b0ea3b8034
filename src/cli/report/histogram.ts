import { log64 } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { formatCount, formatPercent } from '../text.ts';
import type { HistogramData } from './data.ts';
import { coordinate, escapeHtml, numberText } from './html.ts';

const MOST_BARS = 64;
const WIDTH = 640;
const HEIGHT = 100;
/** Height of the least count that is drawn at all: one value among millions is what a clip is about. */
const LEAST_HEIGHT = 3;

export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** At most 64 bars of equal width: neighbouring bins together. */
export const barsOf = ({ first, width, bins }: HistogramData): readonly Bar[] => {
  const together = Math.max(1, Math.ceil(bins.length / MOST_BARS));
  return Array.from({ length: Math.ceil(bins.length / together) }, (_, b) => {
    const end = (b + 1) * together;
    let count = 0;
    for (let i = b * together; i < Math.min(end, bins.length); i++) count += at(bins, i);
    return { from: (first + b * together) * width, to: (first + end) * width, count };
  });
};

/** What the picture shows, in words. */
const textOf = (name: string, h: HistogramData, [lo, hi]: readonly [number, number], clipped: number): string =>
  `Histogram of ${name}: ${formatCount(h.count)} values from ${numberText(h.min)} to ${numberText(h.max)}, ${formatPercent(h.count === 0 ? 0 : h.zeros / h.count)} exact zeros. Range ${numberText(lo)} to ${numberText(hi)}, ${(100 * clipped).toFixed(3)} % clipped.`;

/**
 * Counts on a logarithmic scale, with the chosen range: what is outside is shaded. Exact zeros are told, not drawn.
 * @param clipped - share of the values outside the range
 */
export const histogramSvg = (name: string, h: HistogramData, range: readonly [number, number], clipped: number): string => {
  const [lo, hi] = range;
  const bars = barsOf(h);
  const left = Math.min(lo, h.min, bars[0]?.from ?? h.min);
  const right = Math.max(hi, h.max, bars.at(-1)?.to ?? h.max);
  const text = textOf(name, h, range, clipped);
  if (bars.length === 0 || !(right > left)) return `<p class="note">${escapeHtml(text)}</p>`;
  const x = (v: number): string => coordinate(((v - left) / (right - left)) * WIDTH, WIDTH);
  const most = bars.reduce((m, b) => Math.max(m, b.count), 1);
  const top = log64(1 + most);
  const y = (count: number): string => coordinate(HEIGHT - LEAST_HEIGHT - (log64(1 + count) / top) * (HEIGHT - LEAST_HEIGHT), HEIGHT);
  const path = bars
    .filter((b) => b.count > 0)
    .map((b) => `M${x(b.from)} ${HEIGHT}V${y(b.count)}H${x(b.to)}V${HEIGHT}z`)
    .join('');
  const shade = (from: number, to: number): string =>
    to > from
      ? `<rect class="outside" x="${x(from)}" width="${coordinate(((to - from) / (right - left)) * WIDTH, WIDTH)}" height="${HEIGHT}"/>`
      : '';
  const line = (v: number): string => `<line class="clip" x1="${x(v)}" x2="${x(v)}" y1="0" y2="${HEIGHT}"/>`;
  return `<svg class="histogram" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${escapeHtml(text)}">${shade(left, lo)}${shade(hi, right)}<path class="bar" d="${path}"/>${line(lo)}${line(hi)}</svg><div class="ends"><span>${numberText(left)}</span><span>${formatPercent(h.zeros / h.count)} exact zeros, not drawn; most in a bar: ${formatCount(most)}</span><span>${numberText(right)}</span></div>`;
};
