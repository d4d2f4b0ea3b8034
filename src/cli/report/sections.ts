import { formatCount, formatPercent } from '../text.ts';
import type { DiagnosticData, LatencyData, ParameterData, ReportData, TimesData } from './data.ts';
import { escapeHtml, factList, numberText, type Section, table } from './html.ts';
import { latencyText } from './latency.ts';

export const searchSection = ({ search }: Pick<ReportData, 'search'>): Section | undefined =>
  search === undefined
    ? undefined
    : {
        id: 'search',
        title: 'Ways that were tried',
        intro:
          'Each way of quantizing ran on calibration samples; a later one starts from the best so far. dB is half the mean over all layers and half the mean over the outputs, layers above 60 dB counted as 60.',
        body: `${factList(search.kept)}${
          search.trials.length === 0
            ? '<p>Nothing was left open, so nothing was tried.</p>'
            : table(
                'Ways that were tried',
                ['way', '>dB'],
                search.trials.map((t) => [t.name, t.decibels.toFixed(2)]),
              )
        }`,
      };

export const mixedSection = ({ mixed }: Pick<ReportData, 'mixed'>): Section | undefined =>
  mixed === undefined
    ? undefined
    : {
        id: 'mixed',
        title: 'Mixed precision',
        intro: 'Loss of accuracy over package size: each point is an assignment of bits to the layers.',
        body: `${mixed.chart ?? ''}\n${factList(mixed.facts)}`,
      };

/** Parameters in the table; the others are one line. */
const MOST_PARAMETERS = 20;

const ratio = (stored: number, decoded: number): string => (decoded === 0 ? '' : formatPercent(stored / decoded));

const parameterRow = (p: ParameterData): readonly string[] => [
  `${p.name}, ${p.type}`,
  p.encoding,
  formatCount(p.storedBytes),
  formatCount(p.decodedBytes),
  ratio(p.storedBytes, p.decodedBytes),
];

const restRow = (rest: readonly ParameterData[]): readonly string[] => {
  const stored = rest.reduce((n, p) => n + p.storedBytes, 0);
  const decoded = rest.reduce((n, p) => n + p.decodedBytes, 0);
  return [`${formatCount(rest.length)} others`, '', formatCount(stored), formatCount(decoded), ratio(stored, decoded)];
};

export const storageSection = ({ storage }: Pick<ReportData, 'storage'>): Section => {
  const sorted = storage.parameters.toSorted((a, b) => b.storedBytes - a.storedBytes);
  const rest = sorted.slice(MOST_PARAMETERS);
  const rows = [...sorted.slice(0, MOST_PARAMETERS).map(parameterRow), ...(rest.length === 0 ? [] : [restRow(rest)])];
  return {
    id: 'storage',
    title: 'Storage',
    intro: 'Bytes of each parameter in the file and decoded, the largest first.',
    body: `${factList(storage.facts)}\n${table('Parameters', ['parameter', 'encoding', '>stored', '>decoded', '>ratio'], rows)}`,
  };
};

const timesRow = (name: string, t: TimesData): readonly string[] => [
  name,
  latencyText(t.median),
  latencyText(t.least),
  latencyText(t.most),
  String(t.runs),
];

const latencyBody = ({ program, float, backend, warmUp, machine }: LatencyData): string => {
  const rows = [timesRow('the package', program), ...(float === undefined ? [] : [timesRow('float32', float)])];
  const facts = [
    ...(float === undefined || program.median <= 0
      ? []
      : [['speed', `${(float.median / program.median).toFixed(2)} times that of float32`] as const]),
    ['backend', backend] as const,
    ['warm-up', `${warmUp} ${warmUp === 1 ? 'run' : 'runs'} before the first that counts`] as const,
    ...machine,
  ];
  return `${table('Latency', ['program', '>median', '>least', '>most', '>runs'], rows)}\n${factList(facts)}`;
};

export const latencySection = ({ latency }: Pick<ReportData, 'latency'>): Section | undefined =>
  latency === undefined
    ? undefined
    : {
        id: 'latency',
        title: 'Latency, measured',
        intro:
          'A measurement of this machine at this moment, one run after another with a batch of one: the only part of the report that differs between two compilations. Everything else is the same on every machine.',
        body: latencyBody(latency),
      };

export const givenSection = ({ given }: Pick<ReportData, 'given'>): Section | undefined =>
  given === undefined
    ? undefined
    : {
        id: 'source',
        title: 'Difference from the source',
        intro: `The model was quantized already and keeps its scales. The integer program rounds once, half up, where the source divides in float: on ${formatCount(given.samples)} ${given.random ? 'random ' : ''}samples the outputs differ by this many steps of their own scale.`,
        body: [
          factList(given.facts),
          table(
            'Difference of each output',
            ['output', '>at most', '>mean', '>same argmax'],
            given.outputs.map((o) => [
              o.name,
              `${numberText(o.maxSteps)} steps`,
              `${numberText(o.meanSteps)} steps`,
              o.sameArgmax === undefined ? '' : formatPercent(o.sameArgmax),
            ]),
          ),
          ...(given.changed.length === 0
            ? []
            : [
                table(
                  'Layers whose integers changed',
                  ['layer', 'why its integers changed'],
                  given.changed.map((c) => [c.layer, c.reason]),
                ),
              ]),
        ].join('\n'),
      };

const SEVERITIES: ReadonlySet<string> = new Set(['error', 'warning', 'note']);

const diagnosticHtml = ({ severity, code, message, where, notes }: DiagnosticData): string => {
  const kind = SEVERITIES.has(severity) ? severity : 'note';
  const place = where === undefined ? '' : `<div class="note">${escapeHtml(where)}</div>`;
  return `<div class="diagnostic ${kind}"><strong>${kind} ${escapeHtml(code)}</strong> ${escapeHtml(message)}${place}${notes.map((n) => `<div class="note">${escapeHtml(n)}</div>`).join('')}</div>`;
};

export const diagnosticsSection = ({ diagnostics }: Pick<ReportData, 'diagnostics'>): Section => ({
  id: 'diagnostics',
  title: 'Warnings and notes',
  body: diagnostics.length === 0 ? '<p>None.</p>' : diagnostics.map(diagnosticHtml).join('\n'),
});
