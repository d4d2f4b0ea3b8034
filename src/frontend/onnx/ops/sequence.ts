import { type ElemName, elemByCode, makeHost } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import type { KnownValue, Made } from '../values.ts';
import type { OnnxOps } from './row.ts';
import { last, ones, span } from './util.ts';

/** Tensors that a sequence may hold: what a generator in a small file could ask for is bounded. */
const MAX_LENGTH = 65536;

/** The values of the sequence that input i is. Its length is known at import, so the program never sees a sequence. */
const sequenceAt = (n: OnnxNode, i: number): readonly KnownValue[] =>
  n.site.inputs[i]?.sequence ?? n.malformed(`input ${i} is a tensor, but a sequence is needed`);

const made = (n: OnnxNode, values: readonly KnownValue[], elem: ElemName): Made => {
  const other = values.find((v) => v.elem !== elem);
  if (other !== undefined) return n.malformed(`the sequence holds ${elem}, but ${other.name} is ${other.elem}`);
  return values.length > MAX_LENGTH
    ? n.refuse(`the sequence has ${values.length} tensors, more than ${MAX_LENGTH}`)
    : { sequence: values, elem };
};

const elemOfSequence = (n: OnnxNode): ElemName => n.site.inputs[0]?.elem ?? n.malformed('input 0 is missing');

/** A position counted from the end when negative; `limit` is the greatest that is allowed. */
const position = (n: OnnxNode, i: number, length: number, limit: number): number => {
  const given = n.hostScalar(i, 'position');
  const from = given < 0 ? given + length : given;
  return from >= 0 && from <= limit ? from : n.malformed(`position is ${given}, but the sequence has ${length} tensors`);
};

const empty = (n: OnnxNode): Made => {
  const code = n.int('dtype', 1);
  return { sequence: [], elem: elemByCode(code) ?? n.refuse(`dtype is ${code}`) };
};

const insert = (n: OnnxNode): Made => {
  const values = sequenceAt(n, 0);
  const place = n.has(2) ? position(n, 2, values.length, values.length) : values.length;
  return made(n, values.toSpliced(place, 0, n.input(1)), elemOfSequence(n));
};

const erase = (n: OnnxNode): Made => {
  const values = sequenceAt(n, 0);
  if (values.length === 0) return n.malformed('the sequence is empty');
  const place = n.has(1) ? position(n, 1, values.length, values.length - 1) : values.length - 1;
  return { sequence: values.toSpliced(place, 1), elem: elemOfSequence(n) };
};

const element = (n: OnnxNode): Made => {
  const values = sequenceAt(n, 0);
  const found = values[position(n, 1, values.length, values.length - 1)];
  return found === undefined ? n.malformed('the sequence is empty') : { same: found };
};

/** Joins along an axis, a new one when new_axis is set. */
const concat = (n: OnnxNode): Made => {
  const values = sequenceAt(n, 0);
  const [first] = values;
  if (first === undefined) return n.malformed('the sequence is empty');
  const fresh = n.int('new_axis', 0) !== 0;
  const axis = n.axis(n.int('axis'), first.shape.length + (fresh ? 1 : 0));
  const wires = values.map((v) => (fresh ? n.emit('unsqueeze', [n.session.wire(v)], { axes: [axis] }) : n.session.wire(v)));
  return { value: n.emit('concat', wires, { axis }), elem: first.elem };
};

/** Sizes of the parts: a list, one size for all but a smaller last, or 1. */
const partSizes = (n: OnnxNode, size: number): readonly number[] => {
  if (!n.has(1)) return ones(size);
  const given = n.hostInts(1, 'split');
  if (n.rank(1) === 1) return given;
  const part = last(given);
  if (part < 1) return n.malformed(`split is ${part}`);
  const count = Math.ceil(size / part);
  return count > MAX_LENGTH
    ? n.refuse(`it splits into ${count} tensors, more than ${MAX_LENGTH}`)
    : span(0, count).map((i) => Math.min(part, size - i * part));
};

const splitToSequence = (n: OnnxNode): Made => {
  const axis = n.axis(n.int('axis', 0), n.rank(0));
  const size = n.shapeOf(0)[axis];
  if (typeof size !== 'number') return n.unbound([size ?? 'N']);
  if (!n.has(1) && size > MAX_LENGTH) return n.refuse(`it splits into ${size} tensors, more than ${MAX_LENGTH}`);
  const keep = n.int('keepdims', 1) !== 0 || n.has(1);
  const elem = n.elem(0);
  const sizes = partSizes(n, size);
  const parts = sizes.length === 0 ? [] : n.emitAll('split', [n.wire(0)], { axis, sizes: [...sizes] });
  const values = parts.map((part, i): KnownValue => {
    const wire = keep ? part : n.emit('squeeze', [part], { axes: [axis] });
    return { known: true, name: `${n.site.origin}[${i}]`, elem, shape: n.typeOf(wire).shape, wire };
  });
  return { sequence: values, elem };
};

const scalar = (elem: ElemName, value: number): Made => {
  const data = makeHost(elem, 1);
  data[0] = value;
  return { host: { elem, shape: [], data } };
};

/** Sequences and optionals whose length or presence is known at import: they vanish, their tensors stay. */
export const sequences = {
  SequenceConstruct: {
    since: [11],
    import: (n) => [
      made(
        n,
        n.site.inputs.map((_, i) => n.input(i)),
        n.elem(0),
      ),
    ],
  },
  SequenceEmpty: { since: [11], import: (n) => [empty(n)] },
  SequenceInsert: { since: [11], import: (n) => [insert(n)] },
  SequenceErase: { since: [11], import: (n) => [erase(n)] },
  SequenceAt: { since: [11], import: (n) => [element(n)] },
  SequenceLength: { since: [11], import: (n) => [scalar('int64', sequenceAt(n, 0).length)] },
  ConcatFromSequence: { since: [11], import: (n) => [concat(n)] },
  SplitToSequence: { since: [11, 24], import: (n) => [splitToSequence(n)] },
  Optional: {
    since: [15],
    import: (n) => [n.site.inputs[0] === undefined ? n.refuse('an empty optional has no tensor') : { same: n.site.inputs[0] }],
  },
  OptionalGetElement: { since: [15, 18], import: (n) => [{ same: n.site.inputs[0] ?? n.malformed('there is no optional to read') }] },
  OptionalHasElement: { since: [15, 18], import: (n) => [scalar('bool', n.site.inputs[0] === undefined ? 0 : 1)] },
} as const satisfies OnnxOps;
