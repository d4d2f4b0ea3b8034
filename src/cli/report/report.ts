import { accuracySection } from './accuracy-section.ts';
import type { ReportData } from './data.ts';
import { escapeHtml, factList, page, type Section, sectionHtml } from './html.ts';
import { layersSection } from './layers-section.ts';
import { headroomSection } from './proof-section.ts';
import { diagnosticsSection, givenSection, latencySection, mixedSection, searchSection, storageSection } from './sections.ts';

/** In the order of the page. A section without data of its own is left out. */
const SECTIONS: readonly ((data: ReportData) => Section | undefined)[] = [
  accuracySection,
  givenSection,
  layersSection,
  headroomSection,
  searchSection,
  mixedSection,
  storageSection,
  latencySection,
  diagnosticsSection,
];

const warningLine = ({ diagnostics }: ReportData): string => {
  const count = diagnostics.filter((d) => d.severity === 'warning').length;
  if (count === 0) return '';
  return `<div class="diagnostic warning"><a href="#diagnostics">${count} ${count === 1 ? 'warning' : 'warnings'}</a></div>\n`;
};

/**
 * The report of a compilation as one page, for those who submit a model and those who audit it: readable on a phone, without
 * script or network. The same data gives the same bytes.
 */
export const reportHtml = (data: ReportData): string => {
  const sections = SECTIONS.flatMap((section) => section(data) ?? []);
  const links = sections.map(({ id, title }) => `<a href="#${id}">${escapeHtml(title)}</a>`);
  const head = `<header>
<h1>${escapeHtml(data.title)}</h1>
<p class="verdict">${escapeHtml(data.verdict)}</p>
${warningLine(data)}${factList(data.facts)}
<nav aria-label="Sections">${links.join('\n')}</nav>
</header>`;
  return page(data.title, [head, ...sections.map(sectionHtml)].join('\n'));
};
