import { SHARE_BITS, type ShareBits, type SharedLayer } from '../../passes/index.ts';
import type { Json } from '../json.ts';
import { formatCount } from '../text.ts';

export interface SharingArgs {
  readonly 'share-weights'?: number | undefined;
}

/** Bits of --share-weights; undefined without it. */
export const shareBits = (args: SharingArgs): ShareBits | undefined => SHARE_BITS.find((bits) => bits === args['share-weights']);

/** What the record of the quantization says about it. */
export const sharingRecord = (args: SharingArgs): string => {
  const bits = shareBits(args);
  return bits === undefined ? '' : `, weights shared to ${bits} bits`;
};

/** Mean squared change over all weights, in squared steps of their scales. */
const meanChange = (layers: readonly SharedLayer[]): number => {
  const weights = layers.reduce((n, l) => n + l.weights, 0);
  return weights === 0 ? 0 : layers.reduce((sum, l) => sum + l.weights * l.meanSquaredChange, 0) / weights;
};

export const sharingFacts = (layers: readonly SharedLayer[] | undefined): readonly (readonly [string, string])[] => {
  if (layers === undefined) return [];
  const shared = layers.filter((l) => l.kept === undefined);
  const kept = layers.length - shared.length;
  const most = shared.reduce((n, l) => Math.max(n, l.after), 0);
  const worst = shared.reduce<SharedLayer | undefined>(
    (a, b) => (a === undefined || b.meanSquaredChange > a.meanSquaredChange ? b : a),
    undefined,
  );
  return [
    [
      'sharing',
      `${formatCount(shared.length)} layers of at most ${most} weights, mean squared change ${meanChange(shared).toFixed(2)} steps^2` +
        (worst === undefined ? '' : ` (most: ${worst.meanSquaredChange.toFixed(2)} in ${worst.layer})`) +
        (kept === 0 ? '' : `; ${formatCount(kept)} layers keep theirs`),
    ],
  ];
};

export const sharingJson = (layers: readonly SharedLayer[] | undefined): { readonly [key: string]: Json } =>
  layers === undefined ? {} : { sharing: { meanSquaredChange: meanChange(layers), layers: layers.map((l) => ({ ...l })) } };
