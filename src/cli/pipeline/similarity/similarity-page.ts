import type { Similarity } from '../../../passes/index.ts';
import { barSvg, escapeHtml, factList, page, sectionHtml, table } from '../../report/html.ts';
import { LAYER_COLUMNS, layerRows, partsOf, type Shown } from './similarity-text.ts';

/** Rows of the page at most. */
const MOST_ROWS = 4000;

const bar = (label: string, value: number | undefined): string => {
  if (value === undefined) return '';
  const kind = value > 0.8 ? 'poor' : value > 0.5 ? 'fair' : 'good';
  const head = `<div class="head"><span class="name">${escapeHtml(label)}</span><span class="value">${value.toFixed(4)}</span></div>`;
  return `<li>${head}${barSvg(Math.max(0, value), kind, `${label}: ${value.toFixed(4)} of 1`)}</li>`;
};

/** A page of its own about what two models have in common. */
export const similarityPage = (found: Similarity, shown: Shown): string => {
  const { structure, weights, behaviour, finding } = found;
  const measured = 'reason' in behaviour ? undefined : behaviour;
  const bars = [
    bar('architecture', structure),
    bar('aligned weights', weights?.cosine),
    bar('aligned weights where neither is 0', weights?.support),
    bar('layers on probes (CKA)', measured?.cka),
    bar('decision distances', measured?.distances),
  ].join('\n');
  const rows = layerRows(found);
  const sections = [
    {
      id: 'finding',
      title: 'Finding',
      intro: 'The parts stay apart: a person weighs them. Red is much in common, green is little.',
      body: `${factList([
        ['A', shown.a],
        ['B', shown.b],
      ])}\n<ul>${finding.because.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>\n<ul class="rows">${bars}</ul>`,
    },
    { id: 'evidence', title: 'Evidence', body: table('Evidence', ['evidence', 'value', 'what it is'], partsOf(found)) },
    ...(rows.length === 0 ? [] : [{ id: 'layers', title: 'Layers', body: table('Layers', LAYER_COLUMNS, rows.slice(0, MOST_ROWS)) }]),
  ];
  const head = `<h1>cortexc similarity</h1>\n<p class="verdict">${escapeHtml(finding.what)}</p>`;
  return page(`cortexc similarity: ${finding.what}`, `${head}\n${sections.map(sectionHtml).join('\n')}`);
};
