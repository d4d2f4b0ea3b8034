/** A value of a protobuf field: words of enums and strings alike are text; runs of packed floats stay arrays. */
export type FieldValue = string | number | boolean | Uint8Array | Float32Array | Float64Array | Fields;

/** A protobuf message, from text or bytes: the values of each field that is set, in order. */
export type Fields = ReadonlyMap<string, readonly FieldValue[]>;

/** A message while it is read. */
export class FieldsInTheMaking {
  readonly map = new Map<string, FieldValue[]>();

  add(name: string, value: FieldValue): void {
    const have = this.map.get(name);
    if (have === undefined) this.map.set(name, [value]);
    else have.push(value);
  }
}

const isFields = (value: FieldValue | undefined): value is Fields => value instanceof Map;

/** The messages of a field. */
export const messages = (fields: Fields, name: string): readonly Fields[] => (fields.get(name) ?? []).filter(isFields);
/** The texts of a field: strings or words of an enum. */
export const texts = (fields: Fields, name: string): readonly string[] => (fields.get(name) ?? []).filter((v) => typeof v === 'string');
/** The numbers of a field. */
export const numbers = (fields: Fields, name: string): readonly number[] => (fields.get(name) ?? []).filter((v) => typeof v === 'number');
/** The last text, as protobuf takes it when a field is set more than once. */
export const text = (fields: Fields, name: string): string | undefined => texts(fields, name).at(-1);
