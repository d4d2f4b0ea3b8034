import type { ValueId } from '../../../ir/index.ts';
import { type ElemName, elemOf } from '../elem.ts';
import { foldBinary, foldUnary, foldVariadic, type IntFunction } from '../fold.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOp, OnnxOps } from './row.ts';
import { chain, floatWire, narrowTo, type PlainOp, sameElem, secondAligned, widened, wrapped } from './util.ts';

/** Integers of 8 and 16 bits wrap at their width: computed in int32, of which the low bits count. */
const narrowed = (n: OnnxNode, value: ValueId, elem: ElemName): Made => {
  const narrow = elemOf(elem).kind === 'int' && elemOf(elem).hi < 2 ** 31 - 1;
  return { value: narrow ? wrapped(n, value, elem) : value, elem };
};

const numericElem = (n: OnnxNode): ElemName => {
  const elem = sameElem(n);
  return elem === 'bool' ? n.malformed('arithmetic on bool') : elem;
};

const binary = (op: PlainOp, f: IntFunction): OnnxOp => ({
  since: [1, 6, 7, 13, 14],
  fold: (n) => foldBinary(n, f),
  import: (n) => {
    const elem = numericElem(n);
    return [narrowed(n, n.emit(op, [widened(n, 0), secondAligned(n, widened(n, 1))], {}), elem)];
  },
});

/** Min and Max: exact in int32 for every narrower type. */
const extreme = (op: 'maximum' | 'minimum', f: IntFunction): OnnxOp => ({
  since: [1, 6, 8, 12, 13],
  fold: (n) => foldVariadic(n, f),
  import: (n) => {
    n.ignore('consumed_inputs');
    const elem = sameElem(n);
    return [narrowTo(n, chain(n, op, wideAll(n)), elem)];
  },
});

const wideAll = (n: OnnxNode): readonly ValueId[] => Array.from({ length: n.inputCount }, (_, i) => widened(n, i));

const unaryFloat = (op: PlainOp, since: readonly number[]): OnnxOp => ({
  since,
  import: (n) => {
    n.ignore('consumed_inputs');
    return [n.emit(op, [floatWire(n, 0)], {})];
  },
});

const power = (n: OnnxNode): Made => {
  const elem = n.elem(0);
  const float = (i: number): ValueId => {
    const x = n.wire(i);
    return n.as(x, 'f32');
  };
  const y = n.emit('pow', [float(0), secondAligned(n, float(1))], {});
  if (elemOf(elem).kind !== 'float') n.approximate('integer powers are computed in float32');
  // the cast back truncates: rounding first undoes the error of the float power
  return elemOf(elem).kind === 'float' ? { value: y, elem } : narrowTo(n, n.emit('round', [y], {}), elem);
};

/** Remainders: with the sign of the divisor, integers only, or (fmod 1) with that of the dividend. */
const remainder = (n: OnnxNode): Made => {
  const elem = sameElem(n);
  const fmod = n.int('fmod', 0) !== 0;
  const { kind } = elemOf(elem);
  if (kind === 'bool' || (kind === 'float' && !fmod)) return n.refuse(`Mod of ${elem} with fmod ${n.int('fmod', 0)} is not supported`);
  return { value: n.emit(fmod ? 'rem' : 'mod', [n.wire(0), n.wire(1)], {}), elem };
};

const mixedUnary = (op: 'neg' | 'abs', f: (a: number) => number): OnnxOp => ({
  since: [1, 6, 13],
  fold: (n) => foldUnary(n, f),
  import: (n) => {
    n.ignore('consumed_inputs');
    const elem = n.elem(0);
    return [narrowed(n, n.emit(op, [widened(n, 0)], {}), elem)];
  },
});

export const arithmetic = {
  Add: binary('add', (a, b) => a + b),
  Sub: binary('sub', (a, b) => a - b),
  Mul: binary('mul', (a, b) => a * b),
  Div: {
    since: [1, 6, 7, 13, 14],
    fold: (n) => foldBinary(n, (a, b) => (b === 0 ? Number.NaN : Math.trunc(a / b))),
    import: (n) => {
      const elem = sameElem(n);
      if (elem === 'bool') return n.malformed('arithmetic on bool');
      return [narrowTo(n, n.emit('div', [widened(n, 0), secondAligned(n, widened(n, 1))], {}), elem)];
    },
  },
  Pow: { since: [1, 7, 12, 13, 15], fold: (n) => foldBinary(n, (a, b) => (b < 0 ? Number.NaN : a ** b)), import: (n) => [power(n)] },
  Mod: {
    since: [10, 13],
    fold: (n) => (n.int('fmod', 0) === 0 ? foldBinary(n, (a, b) => a - b * Math.floor(a / b)) : foldBinary(n, (a, b) => a % b)),
    import: (n) => [remainder(n)],
  },
  Max: extreme('maximum', Math.max),
  Min: extreme('minimum', Math.min),
  Sum: {
    since: [1, 6, 8, 13],
    import: (n) => {
      n.ignore('consumed_inputs');
      const elem = numericElem(n);
      return [narrowed(n, chain(n, 'add', wideAll(n)), elem)];
    },
  },
  Mean: {
    since: [1, 6, 8, 13],
    import: (n) => {
      n.ignore('consumed_inputs');
      sameElem(n);
      const sum = chain(
        n,
        'add',
        Array.from({ length: n.inputCount }, (_, i) => floatWire(n, i)),
      );
      return [n.inputCount === 1 ? sum : n.emit('div', [sum, n.scalar(n.inputCount)], {})];
    },
  },
  Neg: mixedUnary('neg', (a) => (a === 0 ? 0 : -a)),
  Abs: mixedUnary('abs', Math.abs),
  Sign: {
    since: [9, 13],
    fold: (n) => foldUnary(n, Math.sign),
    import: (n) => [narrowTo(n, n.emit('sign', [widened(n, 0)], {}), n.elem(0))],
  },
  Reciprocal: unaryFloat('reciprocal', [1, 6, 13]),
  Floor: unaryFloat('floor', [1, 6, 13]),
  Ceil: unaryFloat('ceil', [1, 6, 13]),
  Round: unaryFloat('round', [11, 22]),
  Sqrt: unaryFloat('sqrt', [1, 6, 13]),
  Exp: unaryFloat('exp', [1, 6, 13]),
  Log: unaryFloat('log', [1, 6, 13]),
  Erf: unaryFloat('erf', [9, 13]),
  Sin: unaryFloat('sin', [7, 22]),
  Cos: unaryFloat('cos', [7, 22]),
  Tan: unaryFloat('tan', [7, 22]),
  Asin: unaryFloat('asin', [7, 22]),
  Acos: unaryFloat('acos', [7, 22]),
  Atan: unaryFloat('atan', [7, 22]),
  Sinh: unaryFloat('sinh', [9, 22]),
  Cosh: unaryFloat('cosh', [9, 22]),
  Asinh: unaryFloat('asinh', [9, 22]),
  Acosh: unaryFloat('acosh', [9, 22]),
  Atanh: unaryFloat('atanh', [9, 22]),
} as const satisfies OnnxOps;
