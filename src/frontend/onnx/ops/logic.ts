import type { ValueId } from '../../../ir/index.ts';
import { elementCount } from '../../../ir/index.ts';
import { type ElemName, elemOf, type HostTensor, makeHost } from '../elem.ts';
import { broadcastShapes, foldTest, foldUnary } from '../fold.ts';
import type { OnnxNode } from '../node.ts';
import type { Made } from '../values.ts';
import type { OnnxOp, OnnxOps } from './row.ts';
import { floatWire, type PlainOp, sameElem, secondAligned } from './util.ts';

const operands = (n: OnnxNode): readonly [ValueId, ValueId] => {
  sameElem(n);
  return [n.wire(0), secondAligned(n, n.wire(1))];
};

const compare = (
  since: readonly number[],
  test: (a: number, b: number) => boolean,
  emit: (n: OnnxNode, a: ValueId, b: ValueId) => ValueId,
): OnnxOp => ({
  since,
  fold: (n) => foldTest(n, test),
  import: (n) => {
    const [a, b] = operands(n);
    return [emit(n, a, b)];
  },
});

/** Known condition and integer branches, as in shape computations. */
const foldWhere = (n: OnnxNode): HostTensor | undefined => {
  const [c, a, b] = [n.input(0).host, n.input(1).host, n.input(2).host];
  if (c === undefined || a === undefined || b === undefined || a.elem !== b.elem) return undefined;
  const ab = broadcastShapes(a.shape, b.shape);
  const shape = ab === undefined ? undefined : broadcastShapes(ab, c.shape);
  if (shape === undefined || shape.length > 1 || elementCount(shape) > 65536) return undefined;
  const data = makeHost(a.elem, elementCount(shape));
  const symbols: (string | undefined)[] = [];
  const pick = (t: HostTensor, i: number): number => (t.data.length === 1 ? 0 : i);
  for (let i = 0; i < data.length; i++) {
    const from = c.data[pick(c, i)] === 0 ? b : a;
    data[i] = from.data[pick(from, i)] ?? 0;
    const symbol = from.symbols?.[pick(from, i)];
    if (symbol !== undefined) symbols[i] = symbol;
  }
  return symbols.length === 0 ? { elem: a.elem, shape, data } : { elem: a.elem, shape, data, symbols };
};

const wholeElem = (n: OnnxNode): ElemName => {
  const elem = sameElem(n);
  return elemOf(elem).kind === 'int' ? elem : n.malformed(`it works on bits of integers, but input 0 is ${elem}`);
};

const bitwise = (op: PlainOp): OnnxOp => ({
  since: [18],
  import: (n) => {
    const elem = wholeElem(n);
    return [{ value: n.emit(op, [n.wire(0), n.wire(1)], {}), elem }];
  },
});

/** uint16 is held in i32: the low 16 bits. */
const lowBits = (n: OnnxNode, value: ValueId, op: 'bitwise_and' | 'bitwise_xor'): ValueId =>
  n.emit(op, [value, n.int32('mask', 0xffff)], {});

const bitwiseNot = (n: OnnxNode): Made => {
  const elem = wholeElem(n);
  if (elem === 'uint32' || elem === 'uint64') return n.refuse(`the complement of ${elem} does not fit int32`);
  return { value: elem === 'uint16' ? lowBits(n, n.wire(0), 'bitwise_xor') : n.emit('bitwise_not', [n.wire(0)], {}), elem };
};

/** Unsigned integers only; a count of the type's width or more is undefined in ONNX. */
const bitShift = (n: OnnxNode): Made => {
  const elem = wholeElem(n);
  const direction = n.text('direction', '');
  if (direction !== 'LEFT' && direction !== 'RIGHT') return n.malformed(`direction is ${direction}, but LEFT or RIGHT is wanted`);
  const operands = [n.wire(0), n.wire(1)];
  if (direction === 'LEFT') {
    const moved = n.emit('shift_left', operands, {});
    return { value: elem === 'uint16' ? lowBits(n, moved, 'bitwise_and') : moved, elem };
  }
  const wide = elem === 'uint32' || elem === 'uint64';
  return { value: n.emit(wide ? 'shift_right_logical' : 'shift_right', operands, {}), elem };
};

export const logic = {
  Equal: compare(
    [1, 7, 11, 13, 19],
    (a, b) => a === b,
    (n, a, b) => n.emit('equal', [a, b], {}),
  ),
  Less: compare(
    [1, 7, 9, 13],
    (a, b) => a < b,
    (n, a, b) => n.emit('less', [a, b], {}),
  ),
  Greater: compare(
    [1, 7, 9, 13],
    (a, b) => a > b,
    (n, a, b) => n.emit('less', [b, a], {}),
  ),
  LessOrEqual: compare(
    [12, 16],
    (a, b) => a <= b,
    (n, a, b) => n.emit('less_equal', [a, b], {}),
  ),
  GreaterOrEqual: compare(
    [12, 16],
    (a, b) => a >= b,
    (n, a, b) => n.emit('less_equal', [b, a], {}),
  ),
  And: compare(
    [1, 7],
    (a, b) => a !== 0 && b !== 0,
    (n, a, b) => n.emit('logical_and', [a, b], {}),
  ),
  Or: compare(
    [1, 7],
    (a, b) => a !== 0 || b !== 0,
    (n, a, b) => n.emit('logical_or', [a, b], {}),
  ),
  Xor: compare(
    [1, 7],
    (a, b) => a !== b,
    (n, a, b) => n.emit('logical_xor', [a, b], {}),
  ),
  Not: {
    since: [1],
    fold: (n) => foldUnary(n, (v) => (v === 0 ? 1 : 0)),
    import: (n) => [n.emit('logical_not', [n.wire(0)], {})],
  },
  BitwiseAnd: bitwise('bitwise_and'),
  BitwiseOr: bitwise('bitwise_or'),
  BitwiseXor: bitwise('bitwise_xor'),
  BitwiseNot: { since: [18], import: (n) => [bitwiseNot(n)] },
  BitShift: { since: [11], import: (n) => [bitShift(n)] },
  IsNaN: { since: [9, 13, 20], import: (n) => [n.emit('is_nan', [floatWire(n, 0)], {})] },
  IsInf: {
    since: [10, 20],
    import: (n) => {
      const attrs = { negative: n.int('detect_negative', 1) !== 0, positive: n.int('detect_positive', 1) !== 0 };
      return [n.emit('is_inf', [floatWire(n, 0)], attrs)];
    },
  },
  Where: {
    since: [9, 16],
    fold: foldWhere,
    import: (n) => [{ value: n.emit('select', [n.wire(0), n.wire(1), n.wire(2)], {}), elem: n.elem(1) }],
  },
} as const satisfies OnnxOps;
