import { formatPercent } from '../text.ts';
import type { LayerData, ReportData } from './data.ts';
import { barSvg, escapeHtml, factList, numberText, type Section } from './html.ts';
import { histogramSvg } from './histogram.ts';
import { decibelText, GOOD_DB, lowest, POOR_DB } from './verdict.ts';

/** dB at which the bar is full. */
const FULL_DB = 60;
const WORST = 5;

/** Bits of weights and result: `8/8`, `-/16` for a layer without weights. */
export const bitsText = ({ weightBits, bits }: Pick<LayerData, 'weightBits' | 'bits'>): string => `${weightBits ?? '-'}/${bits}`;

const kindOf = (db: number): string => (db >= GOOD_DB ? 'good' : db >= POOR_DB ? 'fair' : 'poor');

const factsOf = (l: LayerData): string =>
  factList([
    ['scale', numberText(l.scale)],
    ['zero point', String(l.zero)],
    ['range', `${numberText(l.range[0])} to ${numberText(l.range[1])} (${l.method})`],
    ['clipped', `${(100 * l.clipped).toFixed(3)} % of the calibrated values`],
    ['greatest error', numberText(l.worst)],
    ...(l.blame === undefined ? [] : ([['share of the expected loss', formatPercent(l.blame)]] as const)),
  ]);

const layerItem = (l: LayerData, index: number): string => {
  const db = decibelText(l.decibels);
  const full = l.decibels === Number.POSITIVE_INFINITY ? 1 : Number.isFinite(l.decibels) ? l.decibels / FULL_DB : 0;
  const note = [
    l.op,
    `${bitsText(l)} bits`,
    l.method,
    `${(100 * l.clipped).toFixed(3)} % clipped`,
    ...(l.blame === undefined ? [] : [`blame ${formatPercent(l.blame)}`]),
  ];
  const picture = l.histogram === undefined ? '' : histogramSvg(l.layer, l.histogram, l.range, l.clipped);
  const more = l.histogram === undefined ? 'Numbers' : 'Histogram and numbers';
  return `<li id="layer-${index}"><div class="head"><span class="name">${escapeHtml(l.layer)}</span><span class="value">${db}</span></div>${barSvg(full, kindOf(l.decibels), `${l.layer}: ${db}`)}<div class="note">${escapeHtml(note.join(' · '))}</div>
<details><summary>${more}</summary>${picture}${factsOf(l)}</details></li>`;
};

const worstList = (layers: readonly LayerData[]): string => {
  const worst = lowest(layers, WORST);
  if (worst.length === 0 || layers.length <= WORST) return '';
  const items = worst.map((l) => `<li><a href="#layer-${layers.indexOf(l)}">${escapeHtml(l.layer)}</a> ${decibelText(l.decibels)}</li>`);
  return `<h3>Lowest ${worst.length}</h3>\n<ol>\n${items.join('\n')}\n</ol>\n<h3>All, in program order</h3>\n`;
};

export const layersSection = ({ layers }: Pick<ReportData, 'layers'>): Section | undefined =>
  layers.length === 0
    ? undefined
    : {
        id: 'layers',
        title: 'Error of each layer',
        intro: `Signal to quantization noise of what the layer gives against float32, with everything before it quantized, over the first calibration samples, at most 16. From ${GOOD_DB} dB on it is good; below ${POOR_DB} dB the layer deserves a look. Bits: weights/result.`,
        body: `${worstList(layers)}<ul class="rows">\n${layers.map(layerItem).join('\n')}\n</ul>`,
      };
