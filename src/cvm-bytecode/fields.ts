import { textProblem } from './format.ts';

/** Told one problem: which field, and what about it. Returns undefined, the value of a field that has a problem. */
export type Report = (path: string, problem: string) => undefined;

/** Reads one field of a decoded record. On a problem it reports and returns undefined; the caller then drops the record. */
export type Field<T> = (value: unknown, path: string, report: Report) => T | undefined;
export type FieldType<F> = F extends Field<infer T> ? T : never;

const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value);

/** One line of text without control characters. */
export const text =
  (maxBytes: number, { empty = false }: { readonly empty?: boolean } = {}): Field<string> =>
  (value, path, report) => {
    if (typeof value !== 'string') return report(path, `is ${kindOf(value)} but takes text`);
    const problem = value === '' && !empty ? 'is empty' : textProblem(value, maxBytes);
    return problem === undefined ? value : report(path, problem);
  };

/** Text that may name a file or a model, but never a place: no separators, drives or dots only. */
export const plainName =
  (maxBytes: number): Field<string> =>
  (value, path, report) => {
    const name = text(maxBytes)(value, path, report);
    if (name === undefined) return undefined;
    return /[\\/:]/.test(name) || /^\.+$/.test(name) || name.trim() !== name
      ? report(path, `is ${JSON.stringify(name)}, which looks like a path`)
      : name;
  };

/** A SHA-256 digest: 64 lower-case hexadecimal digits. */
export const hash: Field<string> = (value, path, report) =>
  typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value : report(path, 'takes 64 lower-case hexadecimal digits');

export const integer =
  (min: number, max: number): Field<number> =>
  (value, path, report) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? value
      : report(path, `is ${typeof value === 'number' ? String(value) : kindOf(value)} but takes an integer from ${min} to ${max}`);

/** A finite number. -0 is refused: it has no encoding of its own in DAG-CBOR. */
export const real: Field<number> = (value, path, report) =>
  typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0)
    ? value
    : report(path, `is ${kindOf(value)} but takes a finite number`);

export const oneOf =
  <const T extends readonly string[]>(choices: T): Field<T[number]> =>
  (value, path, report) =>
    choices.find((c) => c === value) ?? report(path, `takes one of ${choices.join(', ')}`);

export const list =
  <T>(item: Field<T>, { min = 0, max }: { readonly min?: number; readonly max: number }): Field<readonly T[]> =>
  (value, path, report) => {
    if (!Array.isArray(value)) return report(path, `is ${kindOf(value)} but takes a list`);
    if (value.length < min || value.length > max) return report(path, `has ${value.length} entries but takes ${min} to ${max}`);
    const items: T[] = [];
    let complete = true;
    for (const [i, entry] of value.entries()) {
      const read = item(entry, `${path}[${i}]`, report);
      if (read === undefined) complete = false;
      else items.push(read);
    }
    return complete ? items : undefined;
  };

/** A list with one entry for each of the given fields, in their order. */
export const tuple =
  <const T extends readonly Field<unknown>[]>(fields: T): Field<{ readonly [K in keyof T]: FieldType<T[K]> }> =>
  (value, path, report) => {
    if (!Array.isArray(value)) return report(path, `is ${kindOf(value)} but takes a list`);
    if (value.length !== fields.length) return report(path, `has ${value.length} entries but takes ${fields.length}`);
    const items = fields.map((field, i) => field(value[i], `${path}[${i}]`, report));
    return items.includes(undefined) ? undefined : (items as { readonly [K in keyof T]: FieldType<T[K]> });
  };

type Fields = Readonly<Record<string, Field<unknown>>>;
type Required<F extends Fields> = { readonly [K in keyof F]: FieldType<F[K]> };
type Optional<F extends Fields> = { readonly [K in keyof F]?: FieldType<F[K]> };
type Simplify<T> = { readonly [K in keyof T]: T[K] };

/** A record with exactly the given fields; the optional ones may be absent. */
export const record =
  <const R extends Fields, const O extends Fields = Record<never, never>>(
    required: R,
    optional?: O,
  ): Field<Simplify<Required<R> & Optional<O>>> =>
  (value, path, report) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return report(path, `is ${kindOf(value)} but takes a record`);
    const known = new Map<string, Field<unknown>>([...Object.entries(required), ...Object.entries(optional ?? {})]);
    const out: Record<string, unknown> = {};
    let complete = true;
    const given = new Map<string, unknown>(Object.entries(value));
    for (const key of given.keys()) {
      if (known.has(key)) continue;
      complete = false;
      report(`${path}.${key.slice(0, 64)}`, 'is not a field');
    }
    for (const [key, field] of known) {
      const entry = given.get(key);
      if (entry === undefined && optional !== undefined && Object.hasOwn(optional, key)) continue;
      const read = entry === undefined ? report(`${path}.${key}`, 'is missing') : field(entry, `${path}.${key}`, report);
      if (read === undefined) complete = false;
      else out[key] = read;
    }
    return complete ? (out as Simplify<Required<R> & Optional<O>>) : undefined;
  };
