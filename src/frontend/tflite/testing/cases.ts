import { f32, i32, i8, single } from './build.ts';
import { bool, type Case, i16, one, u8, weights } from './case-parts.ts';
import { LAYER_CASES } from './cases-layers.ts';

/** Boxes by two opposite corners. */
const BOXES = {
  boxes: f32([5, 4], [0, 0, 1, 1, 1, 1.1, 0, 0.1, 0, 0.4, 1, 1.4, 5, 5, 6, 7, 0, 10, 1, 11]),
  scores: f32([5], [0.9, 0.75, 0.6, 0.1, 0.3]),
};

const elementwise = (): readonly Case[] => {
  const pair = { a: f32([2, 3, 4]), b: f32([3, 1]) };
  const y = f32([2, 3, 4]);
  const plain = (['MAXIMUM', 'MINIMUM', 'FLOOR_MOD', 'SQUARED_DIFFERENCE'] as const).map((op) => one(op, op, pair, y));
  const tests = (['EQUAL', 'NOT_EQUAL', 'LESS', 'LESS_EQUAL', 'GREATER', 'GREATER_EQUAL'] as const).map((op) =>
    one(op, op, { a: i32([2, 3]), b: i32([3]) }, bool([2, 3])),
  );
  const x = { x: f32([2, 11]) };
  const unary = (
    [
      'ABS',
      'NEG',
      'EXP',
      'SQUARE',
      'SIN',
      'COS',
      'FLOOR',
      'TANH',
      'LOGISTIC',
      'RELU',
      'RELU6',
      'RELU_N1_TO_1',
      'RELU_0_TO_1',
      'ELU',
      'HARD_SWISH',
      'SIGN',
      'LOG_SOFTMAX',
    ] as const
  ).map((op) => one(op, op, x, f32([2, 11])));
  const q = { x: i8([2, 16], 0.05, 3) };
  return [
    ...plain,
    ...tests,
    ...unary,
    one('floor div', 'FLOOR_DIV', { a: i32([2, 3]), b: i32([3], [2, -3, 1]) }, i32([2, 3])),
    one('floor mod integers', 'FLOOR_MOD', { a: i32([2, 3]), b: i32([3], [2, -3, 5]) }, i32([2, 3])),
    one('div integers', 'DIV', { a: i32([2, 3]), b: i32([3], [2, -3, 1]) }, i32([2, 3]), ['DivOptions', {}]),
    one('add relu', 'ADD', pair, y, ['AddOptions', { fused_activation_function: 1 }]),
    one('sub', 'SUB', pair, y, ['SubOptions', {}]),
    one('mul relu6', 'MUL', pair, y, ['MulOptions', { fused_activation_function: 3 }]),
    one('div', 'DIV', { a: f32([2, 3]), b: f32([3], [0.5, -3, 1.25]) }, f32([2, 3]), ['DivOptions', {}]),
    one('pow', 'POW', { a: f32([2, 3]), b: f32([3], [2, 3, 1]) }, f32([2, 3])),
    one('add int8', 'ADD', { a: i8([2, 8], 0.05, 3), b: i8([8], 0.02, -7) }, i8([2, 8], 0.06, 1), ['AddOptions', {}]),
    one('sub uint8', 'SUB', { a: u8([2, 8], 0.05, 120), b: u8([2, 8], 0.02, 7) }, u8([2, 8], 0.06, 60), ['SubOptions', {}]),
    one('mul int8', 'MUL', { a: i8([2, 8], 0.05, 3), b: i8([2, 8], 0.02, -7) }, i8([2, 8], 0.1, 1), [
      'MulOptions',
      { fused_activation_function: 1 },
    ]),
    one('add int16', 'ADD', { a: i16([2, 8], 0.0005), b: i16([2, 8], 0.00025) }, i16([2, 8], 0.0006), [
      'AddOptions',
      { pot_scale_int16: false },
    ]),
    one('logistic int8', 'LOGISTIC', q, i8([2, 16], 1 / 256, -128)),
    one('tanh int8', 'TANH', q, i8([2, 16], 1 / 128, 0)),
    one('hard swish int8', 'HARD_SWISH', q, i8([2, 16], 0.03, -100)),
    one('softmax int8', 'SOFTMAX', q, i8([2, 16], 1 / 256, -128), ['SoftmaxOptions', { beta: 1 }]),
    one('softmax', 'SOFTMAX', { x: f32([2, 3, 5]) }, f32([2, 3, 5]), ['SoftmaxOptions', { beta: 0.75 }]),
    one('leaky relu', 'LEAKY_RELU', x, f32([2, 11]), ['LeakyReluOptions', { alpha: 0.2 }]),
    one('leaky relu int8', 'LEAKY_RELU', q, i8([2, 16], 0.043, -9), ['LeakyReluOptions', { alpha: 0.2 }]),
    one('prelu', 'PRELU', { x: f32([1, 2, 2, 3]), a: f32([1, 1, 3], [0.1, -0.5, 2]) }, f32([1, 2, 2, 3])),
    one('gelu', 'GELU', x, f32([2, 11]), ['GeluOptions', { approximate: false }]),
    one('gelu tanh', 'GELU', x, f32([2, 11]), ['GeluOptions', { approximate: true }]),
    one('sqrt', 'SQRT', { x: f32([4], [0.25, 2, 9, 0]) }, f32([4])),
    one('select v2', 'SELECT_V2', { c: bool([2, 1]), a: f32([2, 3]), b: f32([3]) }, f32([2, 3])),
    one('select rows', 'SELECT', { c: bool([2]), a: f32([2, 3]), b: f32([2, 3]) }, f32([2, 3])),
    one('logical and', 'LOGICAL_AND', { a: bool([4]), b: bool([4]) }, bool([4])),
    one('logical or', 'LOGICAL_OR', { a: bool([4]), b: bool([4]) }, bool([4])),
    one('fake quant', 'FAKE_QUANT', x, f32([2, 11]), ['FakeQuantOptions', { min: -0.7, max: 1.3, num_bits: 8 }]),
    one('quantize', 'QUANTIZE', { x: f32([2, 11]) }, i8([2, 11], 0.01, 5)),
    one('requantize', 'QUANTIZE', { x: i8([2, 11], 0.05, 5) }, u8([2, 11], 0.06, 100)),
    one('dequantize', 'DEQUANTIZE', { x: u8([2, 11], 0.05, 100) }, f32([2, 11])),
    one('cast', 'CAST', { x: f32([2, 11]) }, i32([2, 11]), ['CastOptions', { in_data_type: 0, out_data_type: 2 }]),
    one('atan2', 'ATAN2', { a: f32([8], [1, 1, -1, -1, 0, 2, -2, 0]), b: f32([8], [2, -2, 2, -2, -3, 0, 0, 3]) }, f32([8])),
    {
      name: 'nms v4',
      model: single(
        'NON_MAX_SUPPRESSION_V4',
        { ...BOXES, size: i32([], [4]), iou: f32([], [0.4]), least: f32([], [0.15]) },
        { chosen: i32([4]), count: i32([]) },
      ),
    },
    {
      name: 'nms v5',
      model: single(
        'NON_MAX_SUPPRESSION_V5',
        { ...BOXES, size: i32([], [3]), iou: f32([], [0.7]), least: f32([], [-5]), sigma: f32([], [0]) },
        { chosen: i32([3]), values: f32([3]), count: i32([]) },
      ),
    },
    { name: 'add n', model: single('ADD_N', { a: f32([3]), b: f32([3]), c: f32([3]) }, { y: f32([3]) }) },
  ];
};

const reductions = (): readonly Case[] => {
  const reduce = (
    op: 'SUM' | 'MEAN' | 'REDUCE_MAX' | 'REDUCE_MIN' | 'REDUCE_PROD',
    axes: readonly number[],
    shape: readonly number[],
    keep: boolean,
  ): Case =>
    one(`${op} ${axes.join(' ')}`, op, { x: f32([2, 3, 4, 2]), axes: i32([axes.length], axes) }, f32(shape), [
      'ReducerOptions',
      { keep_dims: keep },
    ]);
  return [
    reduce('MEAN', [1, 2], [2, 2], false),
    reduce('SUM', [-1, 0], [1, 3, 4, 1], true),
    reduce('REDUCE_MAX', [3], [2, 3, 4], false),
    reduce('REDUCE_MIN', [1], [2, 1, 4, 2], true),
    reduce('REDUCE_PROD', [2], [2, 3, 2], false),
    one('mean int8', 'MEAN', { x: i8([1, 4, 4, 3], 0.05, -3), axes: i32([2], [1, 2]) }, i8([1, 3], 0.03, 6), ['ReducerOptions', {}]),
    one('mean integers', 'MEAN', { x: i32([2, 3]), axes: i32([1], [1]) }, i32([2]), ['ReducerOptions', {}]),
    one('sum integers', 'SUM', { x: i32([2, 3]), axes: i32([1], [1]) }, i32([2]), ['ReducerOptions', {}]),
    one('any', 'REDUCE_ANY', { x: bool([3, 2]), axes: i32([1], [1]) }, bool([3]), ['ReducerOptions', {}]),
    one('all', 'REDUCE_ALL', { x: bool([3, 2]), axes: i32([1], [1]) }, bool([3]), ['ReducerOptions', {}]),
    one('arg max', 'ARG_MAX', { x: f32([2, 3, 4]), a: i32([], [1]) }, i32([2, 4]), ['ArgMaxOptions', { output_type: 2 }]),
    one('arg min', 'ARG_MIN', { x: f32([2, 3, 4]), a: i32([], [-1]) }, i32([2, 3]), ['ArgMinOptions', { output_type: 2 }]),
    { name: 'top k', model: single('TOPK_V2', { x: f32([2, 6]), k: i32([], [3]) }, { v: f32([2, 3]), i: i32([2, 3]) }) },
    one('cumsum', 'CUMSUM', { x: f32([2, 5]), a: i32([], [1]) }, f32([2, 5]), ['CumsumOptions', { exclusive: true, reverse: true }]),
    one('segment sum', 'SEGMENT_SUM', { x: f32([4, 2]), s: i32([4], [0, 0, 1, 2]) }, f32([3, 2])),
    one('unsorted max', 'UNSORTED_SEGMENT_MAX', { x: f32([4, 2]), s: i32([4], [1, 0, 1, 0]), n: i32([], [2]) }, f32([2, 2])),
  ];
};

const shapes = (): readonly Case[] => {
  const x = f32([2, 3, 4]);
  const slice = (
    name: string,
    begin: readonly number[],
    end: readonly number[],
    strides: readonly number[],
    shape: readonly number[],
    masks: Readonly<Record<string, number>>,
  ): Case =>
    one(
      name,
      'STRIDED_SLICE',
      { x, b: i32([begin.length], begin), e: i32([end.length], end), s: i32([strides.length], strides) },
      f32(shape),
      ['StridedSliceOptions', masks],
    );
  return [
    one('reshape', 'RESHAPE', { x, s: i32([2], [-1, 8]) }, f32([3, 8]), ['ReshapeOptions', { new_shape: [-1, 8] }]),
    one('reshape by option', 'RESHAPE', { x }, f32([4, 6]), ['ReshapeOptions', { new_shape: [4, 6] }]),
    one('squeeze', 'SQUEEZE', { x: f32([1, 3, 1, 2]) }, f32([3, 1, 2]), ['SqueezeOptions', { squeeze_dims: [0] }]),
    one('expand dims', 'EXPAND_DIMS', { x, a: i32([], [-2]) }, f32([2, 3, 1, 4])),
    one('transpose', 'TRANSPOSE', { x, p: i32([3], [2, 0, 1]) }, f32([4, 2, 3])),
    one('concat', 'CONCATENATION', { a: f32([2, 1, 3]), b: f32([2, 2, 3]) }, f32([2, 3, 3]), ['ConcatenationOptions', { axis: -2 }]),
    one('concat int8', 'CONCATENATION', { a: i8([2, 3], 0.05, 3), b: i8([2, 3], 0.05, 3) }, i8([4, 3], 0.05, 3), [
      'ConcatenationOptions',
      { axis: 0 },
    ]),
    one('pack', 'PACK', { a: f32([2, 3]), b: f32([2, 3]) }, f32([2, 2, 3]), ['PackOptions', { values_count: 2, axis: 1 }]),
    { name: 'unpack', model: single('UNPACK', { x: f32([3, 2]) }, { a: f32([3]), b: f32([3]) }, ['UnpackOptions', { num: 2, axis: -1 }]) },
    {
      name: 'split',
      model: single('SPLIT', { a: i32([], [1]), x: f32([2, 4]) }, { p: f32([2, 2]), q: f32([2, 2]) }, ['SplitOptions', { num_splits: 2 }]),
    },
    {
      name: 'split v',
      model: single('SPLIT_V', { x: f32([2, 5]), s: i32([2], [2, -1]), a: i32([], [1]) }, { p: f32([2, 2]), q: f32([2, 3]) }, [
        'SplitVOptions',
        { num_splits: 2 },
      ]),
    },
    one('slice', 'SLICE', { x, b: i32([3], [1, 0, 1]), s: i32([3], [1, 2, -1]) }, f32([1, 2, 3])),
    slice('strided slice', [0, -1, 3], [2, -4, 0], [1, -1, -2], [2, 3, 2], {}),
    slice('strided slice masks', [1, 1, 0], [0, 2, 3], [1, 1, 2], [1, 1, 2], { begin_mask: 4, end_mask: 1 }),
    slice('strided slice shrink', [-1, 0, 1], [0, 3, 2], [1, 2, 1], [2], { shrink_axis_mask: 5 }),
    slice('strided slice ellipsis', [0, 1], [0, 3], [1, 1], [2, 3, 2], { ellipsis_mask: 1 }),
    slice('strided slice new axis', [0, 1], [0, 2], [1, 1], [1, 1, 3, 4], { new_axis_mask: 1 }),
    one('pad', 'PAD', { x: f32([2, 3]), p: i32([2, 2], [1, 0, 2, 1]) }, f32([3, 6])),
    one('pad int8', 'PAD', { x: i8([2, 3], 0.05, 7), p: i32([2, 2], [1, 0, 2, 1]) }, i8([3, 6], 0.05, 7)),
    one('pad v2', 'PADV2', { x: f32([2, 3]), p: i32([2, 2], [1, 0, 2, 1]), v: f32([], [-1.5]) }, f32([3, 6])),
    one('mirror reflect', 'MIRROR_PAD', { x: f32([2, 3]), p: i32([2, 2], [1, 0, 2, 1]) }, f32([3, 6]), ['MirrorPadOptions', { mode: 0 }]),
    one('mirror symmetric', 'MIRROR_PAD', { x: f32([2, 3]), p: i32([2, 2], [2, 1, 3, 1]) }, f32([5, 7]), ['MirrorPadOptions', { mode: 1 }]),
    one('tile', 'TILE', { x: f32([2, 3]), m: i32([2], [2, 1]) }, f32([4, 3])),
    one('broadcast to', 'BROADCAST_TO', { x: f32([3, 1]), s: i32([3], [2, 3, 4]) }, f32([2, 3, 4])),
    one('reverse', 'REVERSE_V2', { x, a: i32([1], [1]) }, f32([2, 3, 4])),
    one('reverse sequence', 'REVERSE_SEQUENCE', { x, l: i32([2], [3, 2]) }, f32([2, 3, 4]), [
      'ReverseSequenceOptions',
      { seq_dim: 1, batch_dim: 0 },
    ]),
    one('gather', 'GATHER', { x, i: i32([2, 2]) }, f32([2, 2, 2, 4]), ['GatherOptions', { axis: 1 }]),
    one('gather batch', 'GATHER', { x, i: i32([2, 2]) }, f32([2, 2, 4]), ['GatherOptions', { axis: 1, batch_dims: 1 }]),
    one('gather nd', 'GATHER_ND', { x: f32([3, 3, 2]), i: i32([4, 2]) }, f32([4, 2])),
    one('scatter nd', 'SCATTER_ND', { i: i32([4, 1], [2, 0, 2, 1]), u: f32([4, 2]), s: i32([2], [4, 2]) }, f32([4, 2])),
    one('one hot', 'ONE_HOT', { i: i32([3]), d: i32([], [4]), on: f32([], [5]), off: f32([], [-1]) }, f32([3, 4]), [
      'OneHotOptions',
      { axis: -1 },
    ]),
    one('embedding', 'EMBEDDING_LOOKUP', { i: i32([3]), w: weights([3, 4], 5) }, f32([3, 4])),
    one('update slice', 'DYNAMIC_UPDATE_SLICE', { x: f32([3, 4]), u: f32([2, 2]), s: i32([2], [1, 1]) }, f32([3, 4])),
  ];
};

export const CASES: readonly Case[] = [...LAYER_CASES, ...elementwise(), ...reductions(), ...shapes()];
