import { DTYPE_INFO, elementCount, isStaticShape, MAX_ELEMENTS, type ValueId } from '../../../ir/index.ts';
import { at } from '../../../support/index.ts';
import { type ElemName, elemByCode, elemOf, type HostTensor, isCode, isLow, type LowElem, makeHost, otherElemName } from '../elem.ts';
import { castHost } from '../fold.ts';
import type { OnnxNode } from '../node.ts';
import { tensorOfHost } from '../tensor.ts';
import type { Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { saturated, span, wrapped } from './util.ts';

const hostOf = (elem: ElemName, shape: readonly number[], values: Iterable<number>): HostTensor => {
  const data = makeHost(elem, elementCount(shape));
  let i = 0;
  for (const v of values) data[i++] = v;
  return { elem, shape, data };
};

const constant = (n: OnnxNode): Made => {
  const tensor = n.tensor('value');
  if (tensor !== undefined) return { host: tensor };
  if (n.hasAttr('value_float')) return { host: hostOf('float', [], [n.float('value_float')]) };
  if (n.hasAttr('value_int')) return { host: hostOf('int64', [], [n.int('value_int')]) };
  const floats = n.floats('value_floats');
  if (floats !== undefined) return { host: hostOf('float', [floats.length], floats) };
  const ints = n.ints('value_ints');
  if (ints !== undefined) return { host: hostOf('int64', [ints.length], ints) };
  const other = ['sparse_value', 'value_string', 'value_strings'].find((name) => n.hasAttr(name));
  return other === undefined ? n.malformed('it has no value') : n.refuse(`attribute ${other} is not supported`);
};

/** Above this many elements a filled tensor is one number and an `expand`: a small file makes no large memory. */
const MAX_FILLED = 65536;

const constantOfShape = (n: OnnxNode): Made => {
  const shape = n.hostInts(0, 'shape');
  const value = n.tensor('value') ?? hostOf('float', [1], [0]);
  if (value.data.length !== 1) return n.malformed(`value has ${value.data.length} elements but 1 is wanted`);
  if (shape.length > 8 || shape.some((d) => !Number.isSafeInteger(d) || d < 0) || elementCount(shape) > MAX_ELEMENTS)
    return n.malformed(`the shape is [${shape.join(', ')}]`);
  const count = elementCount(shape);
  const fill = at(value.data, 0);
  if (count <= MAX_FILLED && n.session.budget.take(count)) {
    const data = makeHost(value.elem, count);
    if (fill !== 0) data.fill(fill);
    return { host: { elem: value.elem, shape, data } };
  }
  const scalar = tensorOfHost(n.site.outputs[0] ?? '', { elem: value.elem, shape: [], data: value.data });
  if (!scalar.ok) return n.refuse(`the value is ${fill}`);
  return { value: n.emit('expand', [n.session.param('fill', scalar.value)], { shape }), elem: value.elem };
};

const shapeOf = (n: OnnxNode): Made => {
  const all = n.shapeOf(0);
  const limit = (v: number): number => Math.max(0, Math.min(all.length, v < 0 ? v + all.length : v));
  const [start, end] = [limit(n.int('start', 0)), limit(n.int('end', all.length))];
  const dims = all.slice(start, Math.max(start, end));
  const host = hostOf(
    'int64',
    [dims.length],
    dims.map((d) => (typeof d === 'number' ? d : 0)),
  );
  return { host: isStaticShape(dims) ? host : { ...host, symbols: dims.map((d) => (typeof d === 'string' ? d : undefined)) } };
};

const range = (n: OnnxNode): Made => {
  const elem = n.elem(0);
  const [start, limit, delta] = [n.hostScalar(0, 'start'), n.hostScalar(1, 'limit'), n.hostScalar(2, 'delta')];
  if (span(0, 3).some((i) => n.input(i).host?.symbols !== undefined))
    return n.unknown('start, limit and delta', ['Bind the symbolic dimensions.']);
  const count = delta === 0 ? Number.NaN : Math.max(0, Math.ceil((limit - start) / delta));
  if (!(count <= MAX_ELEMENTS) || !n.session.budget.take(count))
    return n.refuse(`a range from ${start} to ${limit} by ${delta} is too long`);
  const data = makeHost(elem, count);
  for (let i = 0; i < count; i++) data[i] = start + i * delta;
  return { host: { elem, shape: [count], data } };
};

/** Opset 1 wrote the target type as a word, and some exporters kept to it. */
const WORDS: Readonly<Record<string, ElemName>> = {
  FLOAT: 'float',
  INT32: 'int32',
  INT64: 'int64',
  BOOL: 'bool',
  UINT8: 'uint8',
  INT8: 'int8',
  DOUBLE: 'double',
  FLOAT16: 'float16',
  INT16: 'int16',
  UINT16: 'uint16',
};

const targetOf = (n: OnnxNode): ElemName => {
  if (n.attrType('to') === 'string') {
    const word = n.text('to', '');
    return WORDS[word.toUpperCase()] ?? n.refuse(`a cast to ${word} is not supported`);
  }
  const code = n.int('to');
  return elemByCode(code) ?? n.refuse(`a cast to ${otherElemName(code) ?? `type ${code}`} is not supported`);
};

const isHalf = (elem: ElemName): boolean => elem === 'float16' || elem === 'bfloat16';

/** To a type that is only stored. Before opset 24 numbers outside a 4-bit type saturate, and NaN is the greatest float4. */
const castToLow = (n: OnnxNode, to: LowElem, saturate: boolean): Made => {
  const x = n.wire(0);
  const { lo, hi } = elemOf(to);
  if (isCode(to)) {
    const real = n.as(x, 'f32');
    const rounded = n.elem(0) === to ? x : n.emit('round_float', [real], { format: to, saturate });
    if (to !== 'float4e2m1' || n.since >= 24) return { value: rounded, elem: to };
    return { value: n.emit('select', [n.emit('is_nan', [real], {}), n.scalar(6), rounded], {}), elem: to };
  }
  const clipped = n.since < 24 && n.typeOf(x).dtype === 'f32' ? n.emit('clip', [x], { min: lo, max: hi }) : x;
  return { value: wrapped(n, clipped, to), elem: to };
};

const castTo = (n: OnnxNode, to: ElemName): Made => {
  n.ignore('round_mode');
  const saturate = n.int('saturate', 1) !== 0;
  const from = n.elem(0);
  const [source, target] = [elemOf(from), elemOf(to)];
  if (isLow(to)) return castToLow(n, to, saturate);
  if (isHalf(to) && from !== to) n.approximate(`values cast to ${to} keep float32 precision`);
  const x = n.wire(0);
  const narrows = target.kind === 'int' && target.hi < elemOf('int32').hi && (source.lo < target.lo || source.hi > target.hi);
  // between integers the low bits stay; floats outside are undefined in ONNX and saturate here
  if (narrows && source.kind === 'int') return { value: wrapped(n, x, to), elem: to };
  if (narrows) return { value: saturated(n, x, to), elem: to };
  return { value: n.typeOf(x).dtype === target.dtype ? x : n.emit('cast', [x], { dtype: target.dtype }), elem: to };
};

/** Exact on known values; casts to half precision are left to float32. */
const foldCast = (n: OnnxNode, to: ElemName): HostTensor | undefined => {
  const x = n.input(0).host;
  if (x === undefined || isHalf(to) || isLow(to) || (x.data.length > 1024 && !n.session.budget.take(x.data.length))) return undefined;
  n.ignore('saturate', 'round_mode', 'to');
  return x.elem === to ? x : castHost(x, to);
};

/** A known value stays known although the other operand, of which only the type counts, is computed at run time. */
const castLike = (n: OnnxNode): Made => {
  const host = foldCast(n, n.elem(1)) ?? likeHalf(n);
  return host === undefined ? castTo(n, n.elem(1)) : { host };
};

/** Known values that half precision holds exactly whatever its kind: infinities, and whole numbers of at most 8 bits. */
const likeHalf = (n: OnnxNode): HostTensor | undefined => {
  const x = n.input(0).host;
  const exact = (v: number): boolean => Math.abs(v) === Number.POSITIVE_INFINITY || (Number.isInteger(v) && Math.abs(v) <= 256);
  if (x === undefined || x.symbols !== undefined || !isHalf(n.elem(1)) || x.data.length > 1024 || !x.data.every(exact)) return undefined;
  n.ignore('saturate', 'round_mode');
  return castHost(x, n.elem(1));
};

/** The same bits as another type of the same size, where the program keeps both sizes. */
const bitCast = (n: OnnxNode): Made => {
  const to = targetOf(n);
  const from = n.elem(0);
  const [source, target] = [elemOf(from), elemOf(to)];
  if (source.bytes !== target.bytes) return n.malformed(`${from} has ${source.bytes} bytes, ${to} has ${target.bytes}`);
  const whole = ['float', 'int32', 'uint32', 'int8', 'uint8', 'bool'];
  if (from === to) return identity(n);
  if (!whole.includes(from) || !whole.includes(to) || to === 'bool') return n.refuse(`the bits of ${from} as ${to} are not supported`);
  const x = n.wire(0);
  return { value: source.dtype === target.dtype ? x : n.emit('bitcast', [x], { dtype: target.dtype }), elem: to };
};

const identity = (n: OnnxNode): Made => ({ value: n.wire(0), elem: n.elem(0) });

/** Inference: the input passes; the mask, where asked for, is all true. */
const dropout = (n: OnnxNode): readonly Made[] => {
  n.ignore('consumed_inputs', 'ratio', 'seed', 'is_test');
  if (n.since >= 12 && n.has(2) && n.host(2, 'training_mode').data[0] !== 0) {
    const ratio = n.has(1) ? n.hostScalar(1, 'ratio') : 0.5;
    if (ratio !== 0) return n.refuse('training_mode is true', ['Export the model for inference (model.eval()).']);
  }
  if (n.outputCount === 1) return [identity(n)];
  const count = n.count(n.staticShape(0));
  const mask: ValueId = n.emit('expand', [n.session.param('one', { dtype: 'bool', shape: [], data: DTYPE_INFO.bool.make(1).fill(1) })], {
    shape: [...n.staticShape(0)],
  });
  return [
    identity(n),
    count === 0 || n.since >= 10 ? mask : { value: n.emit('cast', [mask], { dtype: elemOf(n.elem(0)).dtype }), elem: n.elem(0) },
  ];
};

export const constants = {
  Constant: { since: [1, 9, 11, 12, 13, 19, 21, 23, 24, 25], import: (n) => [constant(n)] },
  ConstantOfShape: { since: [9, 20, 21, 23, 24, 25], import: (n) => [constantOfShape(n)] },
  Shape: { since: [1, 13, 15, 19, 21, 23, 24, 25], import: (n) => [shapeOf(n)] },
  Size: {
    since: [1, 13, 19, 21, 23, 24, 25],
    import: (n) => [{ host: hostOf('int64', [], [elementCount(n.staticShape(0))]) }],
  },
  Range: { since: [11, 27], import: (n) => [range(n)] },
  Cast: {
    since: [1, 6, 9, 13, 19, 21, 23, 24, 25],
    low: true,
    fold: (n) => foldCast(n, targetOf(n)),
    import: (n) => [castTo(n, targetOf(n))],
  },
  CastLike: { since: [15, 19, 21, 23, 24, 25], low: true, fold: (n) => foldCast(n, n.elem(1)), import: (n) => [castLike(n)] },
  BitCast: { since: [26], import: (n) => [bitCast(n)] },
  Identity: {
    since: [1, 13, 14, 16, 19, 21, 23, 24, 25],
    moves: 'reshapes',
    import: (n) => [identity(n)],
  },
  Dropout: { since: [1, 6, 7, 10, 12, 13, 22], import: dropout },
} as const satisfies OnnxOps;
