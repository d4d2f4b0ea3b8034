import { formatCount, formatPercent } from '../text.ts';
import type { AccuracyData, GuessData, QualityData, ReportData } from './data.ts';
import { barSvg, escapeHtml, factList, numberText, type Section, table } from './html.ts';
import { chanceNote, compareChoices, type Comparison, wilson } from './statistics.ts';

/** Changed samples that are listed. */
export const MOST_CHANGES = 10;

/** A share of samples with its 95 % interval: `99.20 % (97.96 to 99.69)`. */
export const shareText = (share: number, samples: number): string => {
  const { lo, hi } = wilson(Math.round(share * samples), samples);
  return `${formatPercent(share)} (${(100 * lo).toFixed(2)} to ${(100 * hi).toFixed(2)})`;
};

const guessItem = (name: string, { samples, top1, top5 }: GuessData): string =>
  `<li><div class="head"><span class="name">${name}: top-1</span><span class="value">${formatPercent(top1)}</span></div>${barSvg(top1, 'bar', `${name}: top-1 ${formatPercent(top1)}`)}<div class="note">top-1 ${shareText(top1, samples)} · top-5 ${shareText(top5, samples)}</div></li>`;

const className = (classes: readonly string[] | undefined, index: number): string => {
  const name = classes?.[index];
  return name === undefined ? String(index) : `${index} ${name}`;
};

const changesTable = ({ classes }: AccuracyData, { changes, lost, gained }: Comparison): string => {
  if (changes.length === 0) return '<p>Both programs choose the same class for every sample.</p>';
  const neither = changes.length - lost - gained;
  const more = changes.length > MOST_CHANGES ? ` The first ${MOST_CHANGES} of ${formatCount(changes.length)}, what was lost first.` : '';
  const title = 'Samples whose first choice changed';
  const rows = changes
    .slice(0, MOST_CHANGES)
    .map((c) => [
      String(c.sample),
      className(classes, c.label),
      className(classes, c.float),
      className(classes, c.integer),
      c.float === c.label ? 'lost' : c.integer === c.label ? 'gained' : 'wrong in both',
    ]);
  return `<h3>${title}</h3>\n<p class="note">${formatCount(lost)} right in float and wrong in integers, ${formatCount(gained)} the other way round, ${formatCount(neither)} wrong in both.${more}</p>\n${table(title, ['>sample', 'label', 'float says', 'integer says', ''], rows)}`;
};

const qualityTable = ({ name, unit, samples, float, integer }: QualityData): string => {
  const text = (v: number): string => `${numberText(v)}${unit}`;
  const own = integer === undefined ? [] : [text(integer), text(integer - float)];
  return `<p>First output against the expected one, on ${formatCount(samples)} samples.</p>\n${table(
    name,
    ['measure', '>float', ...(integer === undefined ? [] : ['>integer', '>change'])],
    [[name, text(float), ...own]],
  )}`;
};

export const accuracySection = ({ accuracy, quality }: Pick<ReportData, 'accuracy' | 'quality'>): Section => {
  const id = 'accuracy';
  const title = 'Accuracy';
  if (accuracy === undefined && quality !== undefined) return { id, title, body: qualityTable(quality) };
  if (accuracy === undefined) {
    return { id, title, body: '<p>Not measured: no labelled samples were given (--eval, --eval-labels).</p>' };
  }
  const { float, integer } = accuracy;
  const compared = compareChoices(accuracy);
  const rows = [guessItem('float', float), ...(integer === undefined ? [] : [guessItem('integer', integer)])];
  const note = chanceNote(accuracy);
  const body = [
    ...(note === undefined ? [] : [`<div class="diagnostic warning">${escapeHtml(note)}</div>`]),
    `<ul class="rows">\n${rows.join('\n')}\n</ul>`,
    ...(compared === undefined ? [] : [factList([['same first choice as float', shareText(compared.agreement, float.samples)]])]),
    ...(quality === undefined ? [] : [qualityTable(quality)]),
    ...(compared === undefined ? [] : [changesTable(accuracy, compared)]),
  ];
  const intro = `On ${formatCount(float.samples)} labelled samples. In brackets: the 95 % interval (Wilson) of what other samples of the same kind would give.`;
  return { id, title, intro, body: body.filter((part) => part !== '').join('\n') };
};
