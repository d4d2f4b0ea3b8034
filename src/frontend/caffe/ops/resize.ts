import type { ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import type { LayerTable } from '../../layer-graph.ts';
import type { LayerNode } from '../../layer-node.ts';
import { wholeOf, wholesOf } from './attributes.ts';

const imageOf = (n: LayerNode): readonly [number, number] => {
  const [, , height, width] = n.shapeOf(0);
  return n.rank(0) === 4 && height !== undefined && width !== undefined
    ? [height, width]
    : n.refuse(`the input has ${n.rank(0)} dimensions, but 4 are supported`);
};

/** Bilinear with the corners kept; padding is cut off before, never added (of DeepLab). */
const interp = (n: LayerNode): ValueId => {
  const G = 'interp_param';
  const [begin, end] = [wholeOf(n, `${G}.pad_beg`, 0), wholeOf(n, `${G}.pad_end`, 0)];
  if (begin > 0 || end > 0) return n.malformed(`pad_beg is ${begin}, pad_end is ${end}, but only crops are allowed`);
  if (n.inputCount > 1) return n.refuse('a size by a second input differs between forks');
  const sizes = imageOf(n).map((size) => size + begin + end);
  const optional = (name: string): number | undefined => wholesOf(n, `${G}.${name}`).at(-1);
  const [height, width, zoom, shrink] = ['height', 'width', 'zoom_factor', 'shrink_factor'].map(optional);
  if ((zoom !== undefined && zoom < 1) || (shrink !== undefined && shrink < 1) || sizes.some((s) => s < 1))
    return n.malformed(`zoom_factor is ${String(zoom)}, shrink_factor is ${String(shrink)}`);
  if ((height === undefined) !== (width === undefined)) return n.malformed('height and width belong together');
  if ((height === undefined) === (zoom === undefined && shrink === undefined)) return n.malformed('either a size or a factor is wanted');
  const shrunk = sizes.map((s) => (shrink === undefined ? s : Math.floor((s - 1) / shrink) + 1));
  const wanted =
    height !== undefined && width !== undefined ? [height, width] : shrunk.map((s) => (zoom === undefined ? s : s + (s - 1) * (zoom - 1)));
  const x = n.real(0);
  const cropped =
    begin === 0 && end === 0 ? x : n.emit('slice', [x], { starts: [0, 0, -begin, -begin], sizes: [-1, -1, ...sizes], steps: [1, 1, 1, 1] });
  return n.emit('resize', [cropped], { mode: 'linear', coordinates: 'align_corners', sizes: wanted });
};

/** With a second input the inverse of pooling (of SegNet), else each cell repeated. */
const upsample = (n: LayerNode): ValueId => {
  const G = 'upsample_param';
  const sizes = imageOf(n);
  const both = wholeOf(n, `${G}.scale`, 2);
  const scales = ['scale_h', 'scale_w'].map((name) => wholeOf(n, `${G}.${name}`, both));
  if (scales.some((s) => s < 1)) return n.malformed(`scales are [${scales.join(', ')}]`);
  if (n.inputCount === 1) {
    if (!n.hasAttribute(`${G}.scale`)) return n.malformed('scale is missing');
    return n.emit('resize', [n.real(0)], {
      mode: 'nearest',
      coordinates: 'asymmetric',
      rounding: 'floor',
      sizes: sizes.map((s) => s * both),
    });
  }
  const own = ['upsample_h', 'upsample_w'].map((name) => wholesOf(n, `${G}.${name}`).at(-1));
  const odd = ['pad_out_h', 'pad_out_w'].map((name) => wholesOf(n, `${G}.${name}`).at(-1) ?? 0);
  const wanted = sizes.map((size, i) => own[i] ?? size * at(scales, i) - at(odd, i));
  return n.emit('max_unpool', [n.real(0), n.as(n.x(1), 'i32')], { sizes: wanted });
};

export const resizing = {
  Interp: { import: (n) => [interp(n)] },
  Upsample: { import: (n) => [upsample(n)] },
} as const satisfies LayerTable;
