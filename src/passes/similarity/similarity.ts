import type { Program } from '../../ir/index.ts';
import type { RunModel } from '../isomorphism/probes.ts';
import { alignNets } from './align.ts';
import { type Behaviour, behaviourEvidence, type Subject } from './behaviour.ts';
import { examine } from './examine.ts';
import { pairLayers } from './pairing.ts';
import { structureCosine } from './skeleton.ts';
import { type WeightsEvidence, weightsEvidence } from './weights-evidence.ts';

/** What two models have in common, each part by itself: no number sums it up. */
export interface Similarity {
  /** Cosine of the subtree kernel of both architectures. */
  readonly structure: number;
  readonly layers: { readonly a: number; readonly b: number; readonly paired: number };
  /** Undefined where no layers stand at the same place. */
  readonly weights: WeightsEvidence | undefined;
  readonly behaviour: Behaviour;
  readonly finding: Finding;
}

/** What the evidence amounts to, in words; a person weighs it. */
const FINDINGS = ['same weights', 'derived', 'unclear', 'independent weights', 'different networks'] as const;
export interface Finding {
  readonly what: (typeof FINDINGS)[number];
  readonly because: readonly string[];
}

interface SimilarityOptions {
  /** Makes what runs a model, or nothing where it cannot. */
  readonly run?: ((program: Program) => RunModel | undefined) | undefined;
  readonly probes?: number;
}

/** Bands of the mean cosine of aligned rows, from copies of trained networks and independent ones (bench/iso, `npm run bench -- iso`). */
const BANDS = { rounding: 0.999_999, quantized: 0.9995, derived: 0.8, unclear: 0.5 } as const;
/** Networks with fewer of their weights at the same places are not compared by weights. */
const LEAST_COVERED = 0.2;
/** Networks that have more zeros than this were pruned. */
const PRUNED = 0.1;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const findingOf = (structure: number, weights: WeightsEvidence | undefined): Finding => {
  const alike = `architectures: ${structure.toFixed(3)} of 1`;
  if (weights === undefined) return { what: 'different networks', because: [alike, 'no layers stand at the same place'] };
  const covered = Math.max(weights.covered.a, weights.covered.b);
  if (covered < LEAST_COVERED) {
    const because = [alike, `only ${percent(covered)} of the weights stand at the same place`];
    return { what: structure > 0.9 ? 'unclear' : 'different networks', because };
  }
  const { cosine, support, masks } = weights;
  const pruned = Math.abs(masks.zerosA - masks.zerosB) > PRUNED;
  const best = pruned ? Math.max(cosine, support) : cosine;
  const rows = `rows of weights, once channels are put in order: mean cosine ${best.toFixed(4)}${pruned && best === support ? ' where neither is 0' : ''}`;
  const reach = `compared: ${percent(weights.covered.a)} of the weights of A, ${percent(weights.covered.b)} of B`;
  const because = [
    rows,
    reach,
    alike,
    ...(pruned
      ? [
          `zeros: ${percent(masks.zerosA)} in A, ${percent(masks.zerosB)} in B; ${percent(masks.contained)} of the sparser's weights are in the other`,
        ]
      : []),
    ...(weights.moved > 0.05 ? [`${percent(weights.moved)} of the channels stand at another place`] : []),
  ];
  if (best >= BANDS.quantized) {
    const how = best >= BANDS.rounding ? 'equal but for rounding' : 'equal but for rounding to few bits or short training';
    return { what: pruned ? 'derived' : 'same weights', because: [how, ...because] };
  }
  if (best >= BANDS.derived) return { what: 'derived', because };
  return { what: best >= BANDS.unclear ? 'unclear' : 'independent weights', because };
};

/** Compares two models part by part; the name of the one that cannot be brought into normal form. */
export const measureSimilarity = (a: Subject, b: Subject, options: SimilarityOptions = {}): Similarity | 'A' | 'B' => {
  const [x, y] = [examine(a.program), examine(b.program)];
  if (x === undefined) return 'A';
  if (y === undefined) return 'B';
  const structure = structureCosine(x.skeleton, y.skeleton);
  const pairs = pairLayers(x, y);
  const weights = pairs.length === 0 ? undefined : weightsEvidence(alignNets(x, y, pairs), x.layers, y.layers);
  const counts = [x.layers.length, y.layers.length] as const;
  const behaviour: Behaviour =
    options.run === undefined || options.probes === 0
      ? { reason: 'the models were not run' }
      : behaviourEvidence(a, b, options.run, options.probes ?? 32, { pairs, counts });
  const layers = { a: counts[0], b: counts[1], paired: pairs.length };
  return { structure, layers, weights, behaviour, finding: findingOf(structure, weights) };
};
