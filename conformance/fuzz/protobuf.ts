import { INTERESTING, join, leb, mutateBytes } from './mutate.ts';
import type { Rng } from './rng.ts';

/** A field of a protobuf message: its whole bytes, and where its content starts when it has a length. */
interface Field {
  readonly start: number;
  readonly content: number | undefined;
  readonly end: number;
}

const varintEnd = (bytes: Uint8Array, at: number): number => {
  let i = at;
  while (i < bytes.length && (bytes[i] ?? 0) >= 0x80) i++;
  return i + 1;
};

const varint = (bytes: Uint8Array, at: number, end: number): number => {
  let value = 0;
  let scale = 1;
  for (let i = at; i < end; i++, scale *= 128) value += ((bytes[i] ?? 0) & 127) * scale;
  return value;
};

/** The fields of a message; undefined when the bytes are none. */
const fieldsOf = (bytes: Uint8Array): readonly Field[] | undefined => {
  const fields: Field[] = [];
  let i = 0;
  while (i < bytes.length) {
    const start = i;
    const tagEnd = varintEnd(bytes, i);
    const tag = varint(bytes, i, tagEnd);
    const wire = tag % 8;
    i = tagEnd;
    let content: number | undefined;
    if (wire === 0) i = varintEnd(bytes, i);
    else if (wire === 1) i += 8;
    else if (wire === 5) i += 4;
    else if (wire === 2) {
      content = varintEnd(bytes, i);
      i = content + varint(bytes, i, content);
    } else return undefined;
    if (tag < 8 || i > bytes.length) return undefined;
    fields.push({ start, content, end: i });
  }
  return fields;
};

const tagBytes = (bytes: Uint8Array, field: Field): Uint8Array => bytes.subarray(field.start, varintEnd(bytes, field.start));

/** Drops, doubles, moves or replaces whole fields. */
const mutateFields = (rng: Rng, bytes: Uint8Array, fields: readonly Field[], other: Uint8Array): Uint8Array => {
  const pieces = fields.map((f) => bytes.subarray(f.start, f.end));
  const where = rng.below(pieces.length);
  const kind = rng.below(4);
  if (kind === 0) pieces.splice(where, 1);
  else if (kind === 1) pieces.splice(rng.below(pieces.length + 1), 0, pieces[where] ?? new Uint8Array(0));
  else if (kind === 2) pieces.splice(rng.below(pieces.length + 1), 0, ...pieces.splice(where, 1));
  else {
    const foreign = fieldsOf(other) ?? [];
    const field = foreign[rng.below(foreign.length)];
    if (field !== undefined) pieces.splice(where, 1, other.subarray(field.start, field.end));
  }
  return join(...pieces);
};

/** Another number of the same wire type most of the time. */
const mutateScalar = (rng: Rng, bytes: Uint8Array, field: Field): Uint8Array => {
  const value = bytes.subarray(varintEnd(bytes, field.start), field.end);
  const last = value[value.length - 1] ?? 0;
  if (last < 0x80 && value.length < 8 && rng.below(8) > 0) return leb(rng.below(3) === 0 ? rng.pick(INTERESTING) : rng.below(24));
  return mutateBytes(rng, value, value);
};

/** Changes a message somewhere inside and makes the lengths of all that contain the change true. */
export const mutateMessage = (rng: Rng, bytes: Uint8Array, other: Uint8Array): Uint8Array => {
  const fields = fieldsOf(bytes);
  if (fields === undefined || fields.length === 0 || rng.below(40) === 0) return mutateBytes(rng, bytes, other);
  if (rng.below(6) === 0) return mutateFields(rng, bytes, fields, other);
  const field = fields[rng.below(fields.length)];
  if (field === undefined) return bytes;
  if (field.content === undefined) {
    return join(bytes.subarray(0, field.start), tagBytes(bytes, field), mutateScalar(rng, bytes, field), bytes.subarray(field.end));
  }
  const inner = mutateMessage(rng, bytes.subarray(field.content, field.end), other);
  return join(bytes.subarray(0, field.start), tagBytes(bytes, field), leb(inner.length), inner, bytes.subarray(field.end));
};
