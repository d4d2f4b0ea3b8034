import { ELEM, ELEM_OF } from '../message.ts';
import { type Body, define, type FunctionDef, saturated } from './define.ts';

/** a / b with results for b = 0: `quotient` sees a divisor that is not 0. */
const divided = (b: Body, x: string, y: string, quotient: (a: string, d: string) => string): string => {
  const zero = b.equal(y, b.int(0));
  return b.where(zero, b.int(0), quotient(x, b.where(zero, b.int(1), y)));
};

/** Rounds down for a divisor of any sign but 0. */
const floorAny = (b: Body, x: string, y: string): string => b.div(b.sub(x, b.one('Mod', [x, y])), y);

const quotient = (op: 'div' | 'div_floor' | 'div_round', of: (b: Body, a: string, d: string) => string): FunctionDef =>
  define({
    op,
    inputs: ['a', 'b'],
    body: (b, [x = '', y = '']) =>
      saturated(
        b,
        divided(b, b.long(x), b.long(y), (a, d) => of(b, a, d)),
        'i32',
      ),
  });

const remainder = (op: 'mod' | 'rem'): FunctionDef =>
  define({
    op,
    inputs: ['a', 'b'],
    body: (b, [x = '', y = '']) => {
      const mod = (a: string, d: string): string => (op === 'mod' ? b.one('Mod', [a, d]) : b.one('Mod', [a, d], { fmod: 1 }));
      return b.one('CastLike', [divided(b, b.long(x), b.long(y), mod), x]);
    },
  });

/** The low bits of an integer as a dtype holds them: ONNX leaves open what Cast does with others. */
const wrapped = (b: Body, x: string, dtype: 'i8' | 'u8' | 'i16' | 'i32'): string => {
  const bits = { i8: 8, u8: 8, i16: 16, i32: 32 }[dtype];
  const low = b.one('Mod', [x, b.int(2 ** bits)]);
  if (dtype === 'u8') return b.cast(low, ELEM.uint8);
  const high = b.less(low, b.int(2 ** (bits - 1)));
  return b.cast(b.where(high, low, b.sub(low, b.int(2 ** bits))), ELEM_OF[dtype]);
};

const shiftLeft = (dtype: 'i8' | 'u8' | 'i16' | 'i32'): FunctionDef =>
  define({
    op: 'shift_left',
    inputs: ['a', 'b'],
    body: (b, [x = '', y = '']) => {
      const n = b.long(y);
      const factor = b.where(b.less(b.int(31), n), b.int(0), b.pow2(b.clip(n, b.int(0), b.int(31))));
      return wrapped(b, b.mul(b.long(x), factor), dtype);
    },
  });

const shiftRight: FunctionDef = define({
  op: 'shift_right',
  inputs: ['a', 'b'],
  body: (b, [x = '', y = '']) => b.one('CastLike', [b.shiftRight(b.long(x), b.clip(b.long(y), b.int(0), b.int(31))), x]),
});

const shiftRightLogical: FunctionDef = define({
  op: 'shift_right_logical',
  inputs: ['a', 'b'],
  body: (b, [x = '', y = '']) => {
    const n = b.long(y);
    const shifted = b.shiftRight(b.one('Mod', [b.long(x), b.int(2 ** 32)]), b.clip(n, b.int(0), b.int(32)));
    return wrapped(b, b.where(b.less(b.int(31), n), b.int(0), shifted), 'i32');
  },
});

const clz: FunctionDef = define({
  op: 'clz',
  inputs: ['x'],
  body: (b, [x = '']) => {
    // as many as there are powers of two above the unsigned number
    const unsigned = b.one('Mod', [b.long(x), b.int(2 ** 32)]);
    const wide = b.one('Unsqueeze', [unsigned, b.ints([-1])]);
    const powers = b.table(Array.from({ length: 32 }, (_, i) => 2 ** i));
    return b.cast(b.sum(b.long(b.less(wide, powers)), b.ints([-1]), 0), ELEM.int32);
  },
});

const magnitude = (op: 'neg' | 'abs'): FunctionDef =>
  define({
    op,
    inputs: ['x'],
    body: (b, [x = '']) => saturated(b, b.one(op === 'neg' ? 'Neg' : 'Abs', [b.long(x)]), 'i32'),
  });

/** Integers that saturate. */
const narrowed = (dtype: 'i8' | 'u8' | 'i16' | 'i32'): FunctionDef =>
  define({ op: 'cast', inputs: ['x'], body: (b, [x = '']) => saturated(b, b.long(x), dtype) });

/** Reals to integers: NaN to 0, toward zero, saturated. */
const truncated = (dtype: 'i8' | 'u8' | 'i16' | 'i32'): FunctionDef =>
  define({
    op: 'cast',
    inputs: ['x'],
    body: (b, [x = '']) => {
      const number = b.where(b.one('IsNaN', [x]), b.float(0), x);
      return saturated(b, b.long(b.clip(number, b.float(-(2 ** 33)), b.float(2 ** 33))), dtype);
    },
  });

/** The bits of x as another dtype of 8 bits. */
const bits = (dtype: 'i8' | 'u8'): FunctionDef =>
  define({ op: 'bitcast', inputs: ['x'], body: (b, [x = '']) => wrapped(b, b.long(x), dtype) });

const addSaturated: FunctionDef = define({
  op: 'add_saturated',
  inputs: ['a', 'b'],
  body: (b, [x = '', y = '']) => {
    const [p, q] = [b.long(x), b.long(y)];
    const impossible = b.one('LessOrEqual', [b.min(p, q), b.int(-(2 ** 29))]);
    return b.cast(b.where(impossible, b.int(-(2 ** 30)), b.min(b.add(p, q), b.int(2 ** 30))), ELEM.int32);
  },
});

/** onnxruntime selects neither int16 nor bool. */
const selected = (dtype: 'i16' | 'bool'): FunctionDef =>
  define({
    op: 'select',
    inputs: ['condition', 'a', 'b'],
    body: (b, [condition = '', x = '', y = '']) => {
      const wide = (v: string): string => b.cast(v, dtype === 'i16' ? ELEM.int32 : ELEM.uint8);
      return b.cast(b.where(condition, wide(x), wide(y)), ELEM_OF[dtype]);
    },
  });

/** Integers as ONNX has none: defined quotients by 0, saturation, shifts of signed numbers. */
export const integer = {
  div: quotient('div', (b, a, d) => b.div(a, d)),
  div_floor: quotient('div_floor', floorAny),
  // floor(a / b + 1/2) = floor((2 a + b) / (2 b))
  div_round: quotient('div_round', (b, a, d) => floorAny(b, b.add(b.mul(a, b.int(2)), d), b.mul(d, b.int(2)))),
  mod: remainder('mod'),
  rem: remainder('rem'),
  shift_left__i8: shiftLeft('i8'),
  shift_left__u8: shiftLeft('u8'),
  shift_left__i16: shiftLeft('i16'),
  shift_left__i32: shiftLeft('i32'),
  shift_right: shiftRight,
  shift_right_logical: shiftRightLogical,
  clz,
  neg: magnitude('neg'),
  abs: magnitude('abs'),
  cast__to_i8: narrowed('i8'),
  cast__to_u8: narrowed('u8'),
  cast__to_i16: narrowed('i16'),
  cast__to_i32: narrowed('i32'),
  cast__f32_to_i8: truncated('i8'),
  cast__f32_to_u8: truncated('u8'),
  cast__f32_to_i16: truncated('i16'),
  cast__f32_to_i32: truncated('i32'),
  bitcast__to_i8: bits('i8'),
  bitcast__to_u8: bits('u8'),
  add_saturated: addSaturated,
  select__i16: selected('i16'),
  select__bool: selected('bool'),
} as const;
