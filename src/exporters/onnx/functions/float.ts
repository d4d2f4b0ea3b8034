import { ELEM } from '../message.ts';
import { type Body, define, type FunctionDef } from './define.ts';

const trunc: FunctionDef = define({
  op: 'trunc',
  inputs: ['x'],
  body: (b, [x = '']) => b.where(b.less(x, b.float(0)), b.one('Ceil', [x]), b.one('Floor', [x])),
});

/** Greatest finite numbers. */
const GREATEST = { float16: 65504, bfloat16: (2 - 2 ** -7) * 2 ** 127 } as const;

/** Rounded by a cast there and back. Cast of ONNX saturates for the formats of 8 bits alone. */
const rounded16 = (format: 'float16' | 'bfloat16', saturate: boolean): FunctionDef =>
  define({
    op: 'round_float',
    inputs: ['x'],
    body: (b, [x = '']) => {
      const limit = GREATEST[format];
      const held = saturate ? b.clip(x, b.float(-limit), b.float(limit)) : x;
      return b.cast(b.cast(held, ELEM[format]), ELEM.float);
    },
  });

/** onnxruntime makes NaN of what leaves the range of float8e5m2, where the format has infinity: from halfway to the next power on. */
const roundedE5m2: FunctionDef = define({
  op: 'round_float',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const y = b.cast(b.one('Cast', [x], { to: ELEM.float8e5m2, saturate: { ref: 'saturate', kind: 'int' } }), ELEM.float);
    const beyond = b.one('LessOrEqual', [b.float(61440), b.one('Abs', [x])]);
    const infinite = b.one('And', [beyond, b.equal(b.attr('saturate'), b.int(0))]);
    return b.where(infinite, b.mul(b.one('Sign', [x]), b.float(Number.POSITIVE_INFINITY)), y);
  },
});

type Format8 = 'float8e4m3fn' | 'float8e4m3fnuz' | 'float8e5m2fnuz';
const rounded8 = (format: Format8): FunctionDef =>
  define({
    op: 'round_float',
    inputs: ['x'],
    body: (b: Body, [x = '']) => b.cast(b.one('Cast', [x], { to: ELEM[format], saturate: { ref: 'saturate', kind: 'int' } }), ELEM.float),
  });

/** Functions of floats that are no single operator. */
export const float = {
  trunc,
  round_float__float16: rounded16('float16', false),
  round_float__float16_saturated: rounded16('float16', true),
  round_float__bfloat16: rounded16('bfloat16', false),
  round_float__bfloat16_saturated: rounded16('bfloat16', true),
  round_float__float8e4m3fn: rounded8('float8e4m3fn'),
  round_float__float8e4m3fnuz: rounded8('float8e4m3fnuz'),
  round_float__float8e5m2: roundedE5m2,
  round_float__float8e5m2fnuz: rounded8('float8e5m2fnuz'),
} as const;
