import { ELEM, int64Tensor } from '../message.ts';
import { type Body, define, type FunctionDef } from './define.ts';

/** rshr(x M, s) + zero, limited to [lo, hi]: int64. */
const requantized = (b: Body, x: string, multiplier: string, shift: string): string => {
  const rounded = b.rshr(b.mul(x, b.long(multiplier)), b.long(shift));
  return b.clip(b.add(rounded, b.attr('output_zero')), b.attr('lo'), b.attr('hi'));
};

const rescale: FunctionDef = define({
  op: 'rescale',
  inputs: ['x', 'multiplier', 'shift'],
  body: (b, [x = '', multiplier = '', shift = '']) => {
    const [m, s] = [b.alongChannels(multiplier, x), b.alongChannels(shift, x)];
    const y = requantized(b, b.sub(b.long(x), b.attr('input_zero')), m, s);
    // a scalar with factors of one entry would become a vector
    return b.reshape(b.castTo(y, 'dtype'), b.shape(x));
  },
});

const MOST_SUMMANDS = 8;

const addRescale = (count: number): FunctionDef => {
  const inputs = Array.from({ length: count }, (_, i) => `x${i}`);
  return define({
    op: 'add_rescale',
    inputs,
    body: (b) => {
      const [multipliers, zeros] = [b.attrs('multipliers'), b.attrs('zeros')];
      const terms = inputs.map((x, i) => b.mul(b.sub(b.long(x), b.gather(zeros, b.int(i))), b.gather(multipliers, b.int(i))));
      const sum = terms.reduce((a, t) => b.add(a, t));
      const y = b.clip(b.add(b.rshr(sum, b.attr('shift')), b.attr('output_zero')), b.attr('lo'), b.attr('hi'));
      return b.cast(y, ELEM.int8);
    },
  });
};

const mulRescale: FunctionDef = define({
  op: 'mul_rescale',
  inputs: ['a', 'b', 'multiplier', 'shift'],
  body: (b, [x = '', y = '', multiplier = '', shift = '']) => {
    const product = b.mul(b.sub(b.long(x), b.attr('a_zero')), b.sub(b.long(y), b.attr('b_zero')));
    const scalar = (v: string): string => b.one('Reshape', [v, b.tensor(int64Tensor('shape', [0], []))]);
    return b.cast(requantized(b, product, scalar(multiplier), scalar(shift)), ELEM.int8);
  },
});

/** @param offset - of the index: 128 for signed numbers */
const table = (offset: number): FunctionDef =>
  define({
    op: 'table',
    inputs: ['x', 'table'],
    body: (b, [x = '', t = '']) => b.gather(t, b.add(b.long(x), b.int(offset))),
  });

/** A row of the table for each index along axis 1. */
const tableOfChannels = (offset: number): FunctionDef =>
  define({
    op: 'table',
    inputs: ['x', 'table'],
    body: (b, [x = '', t = '']) => {
      const channels = b.one('Squeeze', [b.one('Shape', [t], { start: 0, end: 1 })]);
      const rows = b.mul(b.one('Range', [b.int(0), channels, b.int(1)]), b.int(256));
      const index = b.add(b.alongChannels(rows, x), b.add(b.long(x), b.int(offset)));
      return b.gather(b.one('Reshape', [t, b.ints([-1])]), index);
    },
  });

const tableOf16: FunctionDef = define({
  op: 'table',
  inputs: ['x', 'table'],
  body: (b, [x = '', t = '']) => {
    const at = b.add(b.long(x), b.int(32768));
    const [index, f] = [b.floorDiv(at, b.int(128)), b.one('Mod', [at, b.int(128)])];
    const [low, high] = [b.long(b.gather(t, index)), b.long(b.gather(t, b.add(index, b.int(1))))];
    const mixed = b.add(b.mul(low, b.int(128)), b.mul(b.sub(high, low), f));
    return b.cast(b.rshr(mixed, b.int(7)), ELEM.int16);
  },
});

const quantize: FunctionDef = define({
  op: 'quantize',
  inputs: ['x'],
  body: (b, [x = '']) => {
    const number = b.where(b.one('IsNaN', [x]), b.float(0), x);
    const whole = b.one('Floor', [b.add(b.mul(number, b.attrFloat('inverse_scale')), b.float(0.5))]);
    // far beyond the range, and still exact
    const code = b.add(b.long(b.clip(whole, b.float(-65536), b.float(65536))), b.attr('zero'));
    return b.cast(b.clip(code, b.int(-128), b.int(127)), ELEM.int8);
  },
});

const dequantize: FunctionDef = define({
  op: 'dequantize',
  inputs: ['x'],
  body: (b, [x = '']) => b.mul(b.cast(b.sub(b.long(x), b.attr('zero')), ELEM.float), b.attrFloat('scale')),
});

export const quantized = {
  rescale,
  ...Object.fromEntries(Array.from({ length: MOST_SUMMANDS }, (_, i) => [`add_rescale__${i + 1}`, addRescale(i + 1)])),
  mul_rescale: mulRescale,
  table: table(128),
  table__u8: table(0),
  table__channels: tableOfChannels(128),
  table__channels_u8: tableOfChannels(0),
  table__i16: tableOf16,
  quantize,
  dequantize,
} as Readonly<Record<string, FunctionDef>>;
