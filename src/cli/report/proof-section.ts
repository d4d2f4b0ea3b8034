import { formatCount } from '../text.ts';
import type { HeadroomData, ReportData } from './data.ts';
import { barSvg, escapeHtml, type Section } from './html.ts';

/** Bits of an int32 below its sign: a bound with more would overflow. */
const LIMIT_BITS = 31;
const LIMIT = 2_147_483_647;
/** With fewer free bits than these the bar is yellow. */
const TIGHT_BITS = 4;
/** Shown at once; the others in a fold. */
const FIRST = 10;

const item = ({ layer, bound, freeBits }: HeadroomData): string => {
  const used = LIMIT_BITS - freeBits;
  const text = `${used} of ${LIMIT_BITS} bits`;
  return `<li><div class="head"><span class="name">${escapeHtml(layer)}</span><span class="value">${text}</span></div>${barSvg(used / LIMIT_BITS, freeBits >= TIGHT_BITS ? 'bar' : 'fair', `${layer}: ${text}`)}<div class="note">|accumulator| ≤ ${formatCount(bound)}</div></li>`;
};

const list = (items: readonly HeadroomData[]): string => `<ul class="rows">\n${items.map(item).join('\n')}\n</ul>`;

/** The proof, tightest first. */
export const headroomSection = ({ headroom }: Pick<ReportData, 'headroom'>): Section => {
  const sorted = headroom.toSorted((a, b) => a.freeBits - b.freeBits || b.bound - a.bound);
  const rest = sorted.slice(FIRST);
  return {
    id: 'headroom',
    title: 'Overflow headroom',
    intro: `Proven bound of each int32 accumulator over every possible input, tightest first. The limit is ${formatCount(LIMIT)}: ${LIMIT_BITS} bits.`,
    body:
      sorted.length === 0
        ? '<p>The program has no int32 accumulators.</p>'
        : `${list(sorted.slice(0, FIRST))}${rest.length === 0 ? '' : `\n<details><summary>${formatCount(rest.length)} more</summary>${list(rest)}</details>`}`,
  };
};
