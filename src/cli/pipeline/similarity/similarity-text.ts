import type { Similarity } from '../../../passes/index.ts';
import type { Json } from '../../json.ts';
import { formatFacts, formatTable, visible } from '../../text.ts';

/** What the evidence is shown with. */
export interface Shown {
  readonly a: string;
  readonly b: string;
  readonly layers: boolean;
}

const share = (v: number): string => `${(100 * v).toFixed(1)} %`;
const figure = (v: number | undefined): string => (v === undefined ? '-' : v.toFixed(4));

/** A part of the evidence: what was measured, the figure, and how to read it. */
export type Part = readonly [string, string, string];

/** Below this share of zeros masks say nothing. */
const FEW_ZEROS = 0.02;

/** The evidence as rows. */
export const partsOf = ({ structure, layers, weights: w, behaviour }: Similarity): readonly Part[] => {
  const parts: Part[] = [
    ['architecture', figure(structure), 'cosine of the subtree kernel; 1: the same'],
    ['layers', `${layers.paired} pairs`, `at the same place, of ${layers.a} in A and ${layers.b} in B`],
  ];
  if (w !== undefined) {
    parts.push(
      ['weights compared', `${share(w.covered.a)} / ${share(w.covered.b)}`, 'of A / of B: those that have a counterpart'],
      [
        'aligned weights',
        figure(w.cosine),
        'mean cosine of rows with channels in the order that fits best; independent networks: below 0.5',
      ],
      ['where neither is 0', figure(w.support), 'the same without weights that either network left out'],
      ['residual', w.residual.toExponential(1), 'length of the difference over the length of A'],
      ['nearest both ways', share(w.mutual), 'channels whose counterpart is the nearest of all, seen from A and from B'],
      ['above chance', w.deviations.toFixed(1), "standard deviations of the counterpart's cosine above those of other channels"],
      ['biases', figure(w.biases), 'mean cosine'],
      ['channels moved', share(w.moved), 'stand at another place in B'],
    );
    const { zerosA, zerosB, jaccard, contained } = w.masks;
    parts.push(['zeros', `${share(zerosA)} / ${share(zerosB)}`, 'of the weights compared, in A / in B']);
    if (Math.max(zerosA, zerosB) > FEW_ZEROS)
      parts.push([
        'masks',
        figure(jaccard),
        `places that are not 0 in both over those in either; ${share(contained)} of the sparser's are in the other`,
      ]);
  }
  if ('reason' in behaviour) parts.push(['behaviour', '-', behaviour.reason]);
  else {
    parts.push(
      [
        'layers on probes',
        figure(behaviour.cka),
        `mean unbiased CKA over ${behaviour.layers.length} layers and ${behaviour.probes} probes`,
      ],
      ['decision distances', figure(behaviour.distances), 'correlation, over pairs of probes, of how far outputs are apart'],
      ['same first choice', behaviour.agreement === undefined ? '-' : share(behaviour.agreement), 'of probes'],
    );
  }
  return parts;
};

/** Layer by layer. */
export const layerRows = ({ weights }: Similarity): readonly (readonly string[])[] =>
  (weights?.layers ?? []).map((l) => [
    visible(l.a),
    visible(l.b),
    String(l.weights),
    figure(l.cosine),
    figure(l.support),
    l.residual.toExponential(1),
  ]);

export const LAYER_COLUMNS = ['layer of A', 'layer of B', '>weights', '>cosine', '>where neither is 0', '>residual'] as const;

export const similarityText = (found: Similarity, shown: Shown): string => {
  const facts = [
    ['A', visible(shown.a)],
    ['B', visible(shown.b)],
    ['finding', found.finding.what],
    ...found.finding.because.map((text) => ['', text] as const),
  ] as const;
  const table = formatTable(['evidence', 'value', 'what it is'], partsOf(found));
  const layers = shown.layers
    ? `\n${formatTable(
        LAYER_COLUMNS.map((c) => c.replace('>', '')),
        layerRows(found),
      )}`
    : '';
  return `${formatFacts(facts)}\n${table}${layers}`;
};

export const similarityJson = ({
  structure,
  layers,
  weights,
  behaviour,
  finding,
}: Similarity): { readonly [key: string]: Json | undefined } => ({
  finding: { what: finding.what, because: [...finding.because] },
  structure,
  layers: { ...layers },
  weights:
    weights === undefined
      ? null
      : {
          ...weights,
          biases: weights.biases ?? null,
          covered: { ...weights.covered },
          masks: { ...weights.masks },
          layers: weights.layers.map((l) => ({ ...l })),
        },
  behaviour:
    'reason' in behaviour
      ? { reason: behaviour.reason }
      : {
          ...behaviour,
          cka: behaviour.cka ?? null,
          agreement: behaviour.agreement ?? null,
          layers: behaviour.layers.map((l) => ({ ...l })),
        },
});
