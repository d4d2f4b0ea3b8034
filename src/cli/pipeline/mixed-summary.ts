import { extname } from 'node:path';
import type { Budgets, LayerSensitivity, Point } from '../../passes/index.ts';
import type { Json } from '../json.ts';
import { paretoHtml, type ParetoOptions, paretoSvg } from '../report/pareto.ts';
import { formatBytes, formatCount, formatFacts, formatPercent, formatTable, visible } from '../text.ts';
import type { MixedRun } from './mixed.ts';

/** Three digits, in powers of ten where there are many zeros. */
const scientific = (v: number): string => (v === 0 ? '0' : v.toExponential(2));

const decibels = (v: number): string => (v >= 200 ? 'exact' : v.toFixed(1));

const drop = (v: number): string => `${(100 * v).toFixed(2)} %`;

const isChosen = ({ mixed }: MixedRun, point: Point): boolean => point.assignment === mixed.chosen.assignment;

const POINT_HEADER = ['', 'assignment', 'package', 'drop', 'Endorphin'] as const;

const pointRow = (run: MixedRun, p: Point): readonly string[] => [
  isChosen(run, p) ? '*' : '',
  p.name,
  formatBytes(p.size),
  drop(p.drop),
  formatCount(p.endorphin),
];

const lossHeader = ({ mixed }: MixedRun): string => (mixed.sensitivity.unit === 'divergence' ? 'KL nats' : 'noise');

/** What the layer adds to the error of the answers on its rung. */
const lossOf = (layer: LayerSensitivity & { readonly rungIndex: number }): number => layer.losses[layer.rungIndex] ?? 0;

const layersOf = ({ mixed }: MixedRun) =>
  mixed.layers.map((layer, i) => {
    const rungIndex = mixed.chosen.assignment[i] ?? 0;
    const loss = lossOf({ ...layer, rungIndex });
    return { ...layer, loss, alone: layer.effects[rungIndex]?.decibels ?? 0, lowest: layer.losses[0] ?? 0 };
  });

const layerHeader = (run: MixedRun): readonly string[] => [
  'layer',
  'op',
  'weights',
  'bits',
  'dB alone',
  lossHeader(run),
  'at 6 bits',
  'blame',
];

const layerRows = (run: MixedRun): readonly (readonly string[])[] =>
  layersOf(run).map((l) => [
    `${visible(l.name)}${l.layers.length > 1 ? ` and ${l.layers.length - 1} more` : ''}`,
    l.op,
    formatCount(l.parameters),
    l.rung,
    decibels(l.alone),
    scientific(l.loss),
    scientific(l.lowest),
    formatPercent(l.blame),
  ]);

const budgetsText = ({ drop: most, size, endorphin }: Budgets): string =>
  [
    ...(most === undefined ? [] : [`drop at most ${Number((100 * most).toFixed(4))} %`]),
    ...(size === undefined ? [] : [`package at most ${formatBytes(size)}`]),
    ...(endorphin === undefined ? [] : [`at most ${formatCount(endorphin)} Endorphin`]),
  ].join(', ');

/** What "drop" and the layers' columns mean, plainly: nobody should take a choice for a test. */
const notes = ({ meter, mixed }: MixedRun): readonly (readonly [string, string])[] => [
  ['drop is', `${meter.what}; the same samples chose the assignment, so judge it on others`],
  [
    'layers',
    `measured one at a time on ${mixed.sensitivity.probes} calibration samples, all others at 8 bits; 8 bits everywhere: ${decibels(mixed.sensitivity.base.decibels)} dB`,
  ],
];

/** What was chosen, within what, and how it was measured. */
export const mixedFacts = (run: MixedRun): readonly (readonly [string, string])[] => [
  ['mixed', `${run.mixed.chosen.name}: drop ${drop(run.mixed.chosen.drop)} (${budgetsText(run.budgets)})`],
  ...notes(run),
];

export const mixedText = (run: MixedRun): string =>
  [
    formatTable(layerHeader(run), layerRows(run), ['left', 'left', 'right', 'left', 'right', 'right', 'right', 'right']),
    '\n',
    formatTable(
      POINT_HEADER,
      run.mixed.points.map((p) => pointRow(run, p)),
      ['left', 'left', 'right', 'right', 'right'],
    ),
    '\n',
    formatFacts(mixedFacts(run)),
  ].join('');

const pointJson = ({ name, size, drop: lost, endorphin }: Point): { readonly [key: string]: Json } => ({
  name,
  size,
  drop: lost,
  endorphin,
});

export const mixedJson = (run: MixedRun): Json => ({
  budgets: {
    ...(run.budgets.drop === undefined ? {} : { drop: run.budgets.drop }),
    ...(run.budgets.size === undefined ? {} : { size: run.budgets.size }),
    ...(run.budgets.endorphin === undefined ? {} : { endorphin: run.budgets.endorphin }),
  },
  measure: { kind: run.meter.kind, what: run.meter.what, samples: run.meter.samples },
  chosen: pointJson(run.mixed.chosen),
  points: run.mixed.points.map((p) => ({ ...pointJson(p), chosen: isChosen(run, p) })),
  sensitivity: { unit: run.mixed.sensitivity.unit, samples: run.mixed.sensitivity.probes, baseDb: run.mixed.sensitivity.base.decibels },
  layers: layersOf(run).map((l) => ({
    layer: l.name,
    nodes: [...l.layers],
    op: l.op,
    weights: l.parameters,
    rung: l.rung,
    weightBits: l.bits.weights,
    activationBits: l.bits.activations,
    loss: l.loss,
    losses: [...l.losses],
    sqnrDb: l.effects.map((e) => e.decibels),
    blame: l.blame,
  })),
});

export const paretoOptions = ({ mixed, budgets, meter }: MixedRun): ParetoOptions => ({
  chosen: mixed.chosen,
  maxDrop: budgets.drop,
  maxSize: budgets.size,
  what: meter.what,
});

/** The chart as the name of its file says: .html is a page with the tables, everything else the picture alone. */
const paretoFile = (path: string, title: string, run: MixedRun): string => {
  const { points } = run.mixed;
  const options = paretoOptions(run);
  if (!['.html', '.htm'].includes(extname(path).toLowerCase())) return paretoSvg(points, options);
  return paretoHtml(title, points, options, [
    {
      title: 'Layers',
      note: `What each layer adds to the error of the answers. ${notes(run)
        .map(([name, text]) => `${name}: ${text}.`)
        .join(' ')}`,
      header: layerHeader(run),
      rows: layerRows(run),
    },
    {
      title: 'Assignments',
      note: 'All that were measured, the smallest package first.',
      header: ['assignment', 'package', 'drop', 'Endorphin'],
      rows: points.map((p) => [`${p.name}${isChosen(run, p) ? ' (chosen)' : ''}`, ...pointRow(run, p).slice(2)]),
    },
  ]);
};

/** The file of --pareto, when one is asked for: its path and content. */
export const paretoFiles = (path: string | undefined, model: string, run: MixedRun | undefined): readonly (readonly [string, string])[] =>
  path === undefined || run === undefined ? [] : [[path, paretoFile(path, `${model}: mixed precision`, run)]];
