import { type AnyNode, elementCount, isStaticShape, type Program, sameShape, type TensorType, typeOf } from '../../../ir/index.ts';
import { trailing } from './layers.ts';

/** Uses of composites that the operator of ONNX, or onnxruntime, takes; all others are written by their definition. */
type Taken = Partial<
  Readonly<Record<AnyNode['op'], (types: readonly TensorType[], node: AnyNode, results: readonly TensorType[]) => boolean>>
>;

const isFloat = ([x]: readonly TensorType[]): boolean => x?.dtype === 'f32';

/** Scale, and bias where there is one, have the shape of what is normalized. */
const normalized: Taken[AnyNode['op']] = ([x, ...factors], node) => {
  const tail = x === undefined ? undefined : trailing(x.shape, Number(node.attrs['axis']));
  return tail !== undefined && factors.length > 0 && factors.every((t) => sameShape(t.shape, tail));
};

const isPlane = ([x]: readonly TensorType[]): boolean => x?.dtype === 'f32' && x.shape.length === 4;

const sizesOf = (node: AnyNode): readonly unknown[] => (Array.isArray(node.attrs['size']) ? node.attrs['size'] : []);

/** Size 1 does not stretch in Einsum. */
const hasOneSizePerLetter = (types: readonly TensorType[], node: AnyNode): boolean => {
  const sizes = new Map<unknown, unknown>();
  const letters = Array.isArray(node.attrs['letters']) ? node.attrs['letters'] : [];
  return types
    .flatMap((t) => t.shape)
    .every((d, i) => {
      const letter: unknown = letters[i];
      if (!sizes.has(letter)) sizes.set(letter, d);
      return sizes.get(letter) === d;
    });
};

/** onnxruntime takes the states of sequences without a step from elsewhere, and clips otherwise. */
const hasPlainSteps = (types: readonly TensorType[], node: AnyNode): boolean =>
  types.every((t) => t.dtype === 'f32') && node.attrs['clip'] === 0;

const hasWholeWindows = (node: AnyNode): boolean => node.attrs['ceil'] === false;

const TAKEN: Taken = {
  layer_norm: normalized,
  rms_norm: normalized,
  conv_transpose: isFloat,
  resize: ([x], node) =>
    x?.dtype === 'f32' || (node.attrs['mode'] === 'nearest' && x?.dtype !== 'i16' && x?.dtype !== 'bool' && x?.dtype !== 'i6'),
  cubic_resize: isPlane,
  grid_sample: ([x]) => x !== undefined && x.shape.length > 3,
  // between its corners, onnxruntime has no place for a single position
  affine_grid: ([theta], node) =>
    typeof theta?.shape[0] === 'number' && !(node.attrs['align_corners'] === true && sizesOf(node).includes(1)),
  conv_deformable: isFloat,
  gemm: isFloat,
  global_max_pool: isFloat,
  global_average_pool: isFloat,
  lp_pool: (_types, node) => hasWholeWindows(node),
  depth_to_space: ([x]) => x?.dtype === 'f32' || x?.dtype === 'i8' || x?.dtype === 'u8',
  space_to_depth: ([x]) => x?.dtype === 'f32' || x?.dtype === 'i8' || x?.dtype === 'u8',
  reduce_l1: ([x]) => x?.dtype === 'f32' || x?.dtype === 'i32',
  reduce_sum_square: ([x]) => x?.dtype === 'f32' || x?.dtype === 'i32',
  einsum: (types, node) => (types[0]?.dtype === 'f32' || types[0]?.dtype === 'i32') && hasOneSizePerLetter(types, node),
  rnn: hasPlainSteps,
  lstm: hasPlainSteps,
  gru: hasPlainSteps,
  col2im: isFloat,
};

/** Whether the row of a composite is used. Operators do not take empty tensors as the ops do. */
export const takes = (node: AnyNode, program: Program): boolean => {
  const types = node.operands.map((v) => typeOf(program, v));
  const results = node.results.map((v) => typeOf(program, v));
  if ([...types, ...results].some((t) => isStaticShape(t.shape) && elementCount(t.shape) === 0)) return false;
  const taken = TAKEN[node.op];
  return taken === undefined || taken(types, node, results);
};
