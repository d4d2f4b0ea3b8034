import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import { fromStart, sizeOf } from './indexing.ts';
import type { OnnxOps } from './row.ts';

const MODES = { none: 'set', add: 'add', mul: 'mul', max: 'max', min: 'min' } as const;
const isReduction = (text: string): text is keyof typeof MODES => Object.hasOwn(MODES, text);

const modeOf = (n: OnnxNode): (typeof MODES)[keyof typeof MODES] => {
  const reduction = n.text('reduction', 'none');
  if (!isReduction(reduction)) return n.refuse(`reduction is ${reduction}`);
  const { dtype } = n.typeOf(n.wire(0));
  const exact = dtype === 'f32' || n.elem(0) === 'int32' || n.elem(0) === 'int64';
  return reduction === 'none' || exact ? MODES[reduction] : n.refuse(`reduction ${reduction} of ${n.elem(0)} is not supported`);
};

const scatterElements = (n: OnnxNode): Made => {
  const axis = n.axis(n.int('axis', 0), n.rank(0));
  const indices = fromStart(n, [sizeOf(n, n.shapeOf(0)[axis])]);
  return { value: n.emit('scatter_elements', [n.wire(0), indices, n.wire(2)], { axis, mode: modeOf(n) }), elem: n.elem(0) };
};

const scatterNd = (n: OnnxNode): Made => {
  const length = sizeOf(n, n.rank(1) === 0 ? n.malformed('the indices have no dimension') : n.shapeOf(1).at(-1));
  if (length < 1 || length > n.rank(0)) return n.malformed(`index vectors have length ${length}, but the rank is ${n.rank(0)}`);
  const sizes = n.shapeOf(0).slice(0, length);
  const indices = fromStart(
    n,
    sizes.map((d) => sizeOf(n, d)),
  );
  return { value: n.emit('scatter_nd', [n.wire(0), indices, n.wire(2)], { mode: modeOf(n) }), elem: n.elem(0) };
};

export const scatter = {
  Scatter: { since: [9, 11], import: (n) => [scatterElements(n)] },
  ScatterElements: { since: [11, 13, 16, 18], import: (n) => [scatterElements(n)] },
  ScatterND: { since: [11, 13, 16, 18], import: (n) => [scatterNd(n)] },
} as const satisfies OnnxOps;
