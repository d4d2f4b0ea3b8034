import { elementCount } from '../../../ir/index.ts';
import type { ElemName } from '../../host-tensor.ts';
import type { Made } from '../../import-session.ts';
import type { LayerNode } from '../../layer-node.ts';
import { bool, int, ints, optionalFloat, optionalInt, word } from '../attributes.ts';
import type { MxTable } from './row.ts';
import { cast, dtype } from './util.ts';

/** Elements as the type of the constant holds them. */
const constant = (n: LayerNode, shape: readonly number[], element: (i: number) => number, elem: ElemName = dtype(n, 'float32')): Made => {
  n.ignore('ctx');
  const narrow = elem === 'float16' || elem === 'bfloat16';
  return n.made(narrow ? 'float32' : elem, shape, element);
};
const filled = (n: LayerNode, value: number): Made => constant(n, ints(n, 'shape'), () => value);
const like = (n: LayerNode, value: number): Made => {
  n.ignore('dtype', 'ctx');
  return n.made(n.elem(0), n.shapeOf(0), () => value);
};

/** start, start + step, …, below stop, each `repeat` times. */
const arange = (n: LayerNode): Made => {
  if (bool(n, 'infer_range', false)) return n.refuse('infer_range is True');
  const [start, stop, step] = [optionalFloat(n, 'start') ?? 0, optionalFloat(n, 'stop'), optionalFloat(n, 'step') ?? 1];
  const repeat = int(n, 'repeat', 1);
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!Number.isFinite(count) || repeat < 1) return n.malformed(`start ${from}, stop ${to}, step ${step}, repeat ${repeat}`);
  return constant(n, [count * repeat], (i) => from + Math.floor(i / repeat) * step);
};

/** 0, 1, … along an axis of another tensor, or over all its elements. */
const arangeLike = (n: LayerNode): Made => {
  const axis = optionalInt(n, 'axis');
  const [start, step] = [optionalFloat(n, 'start') ?? 0, optionalFloat(n, 'step') ?? 1];
  if (int(n, 'repeat', 1) !== 1) return n.refuse('repeat is given');
  const shape = axis === undefined ? n.shapeOf(0) : [n.shapeOf(0)[n.axis(axis, n.rank(0))] ?? 0];
  return constant(n, shape, (i) => start + i * step, 'float32');
};

const sizeOf = (n: LayerNode, values: readonly number[]): Made => ({
  host: { elem: 'int64', shape: [values.length], data: Float64Array.from(values) },
});

const converted = (n: LayerNode): Made => {
  const to = dtype(n, 'float32');
  return cast(n, n.x(0), to);
};

const one = (row: (n: LayerNode) => Made) => ({ import: (n: LayerNode) => [row(n)] }) as const;
const same = (...ignored: readonly string[]) =>
  one((n) => {
    n.ignore(...ignored);
    return { same: n.input(0) };
  });
/** Outputs of training: at inference the first input passes. */
const loss = (...ignored: readonly string[]) => ({ ...same(...ignored), labels: [1] }) as const;

export const constants = {
  _zeros: one((n) => filled(n, 0)),
  _zeros_without_dtype: one((n) => constant(n, ints(n, 'shape'), () => 0, (n.ignore('dtype'), 'float32'))),
  _ones: one((n) => filled(n, 1)),
  _full: one((n) => filled(n, optionalFloat(n, 'value') ?? n.malformed('attribute value is missing'))),
  zeros_like: one((n) => like(n, 0)),
  ones_like: one((n) => like(n, 1)),
  _arange: one(arange),
  _contrib_arange_like: one(arangeLike),
  shape_array: one((n) => sizeOf(n, n.shapeOf(0))),
  size_array: one((n) => sizeOf(n, [elementCount(n.shapeOf(0))])),
  Cast: one(converted),
  identity: same(),
  MakeLoss: same('grad_scale', 'valid_thresh', 'normalization'),
  _identity_with_attr_like_rhs: same(),
  _contrib_gradientmultiplier: same('scalar'),
  IdentityAttachKLSparseReg: same('sparseness_target', 'penalty', 'momentum'),
  cast_storage: same('stype'),
  Dropout: one((n) => {
    n.ignore('p', 'axes', 'cudnn_off');
    if (word(n, 'mode', ['training', 'always'], 'training') === 'always') return n.refuse('mode is always: its result is random');
    return { same: n.input(0) };
  }),
  LinearRegressionOutput: loss('grad_scale'),
  SVMOutput: loss('margin', 'regularization_coefficient', 'use_linear'),
  LogisticRegressionOutput: {
    labels: [1],
    import: (n) => {
      n.ignore('grad_scale');
      return [n.map(0, (x) => n.emit('sigmoid', [x], {}))];
    },
  },
} as const satisfies MxTable;
