import type { FieldKind, FieldSpec, TableSpec } from '../reader.ts';

/** A value of a field: numbers and lists as they are, a table by its spec and values. */
export type Written = number | boolean | string | Uint8Array | readonly number[] | TableValue | readonly TableValue[];

export interface TableValue {
  readonly spec: TableSpec;
  readonly values: Readonly<Record<string, Written | undefined>>;
}

const INLINE: Partial<Record<FieldKind, number>> = { byte: 1, ubyte: 1, bool: 1, int: 4, uint: 4, float: 4, long: 8, ulong: 8 };
const sizeOf = (kind: FieldKind): number => INLINE[kind] ?? 4;

/** Writes FlatBuffers for tests: a table, then what it refers to, so that every offset points forward. */
export class FlatWriter {
  private readonly view = new DataView(new ArrayBuffer(2 ** 20));
  private end = 0;

  bytes(): Uint8Array {
    return new Uint8Array(this.view.buffer.slice(0, this.end));
  }

  private align(to: number, offset = 0): void {
    while ((this.end + offset) % to !== 0) this.end++;
  }

  /** A file with the identifier and this root. */
  file(identifier: string, root: TableValue): Uint8Array {
    this.end = 8;
    Array.from(identifier).forEach((c, i) => this.view.setUint8(4 + i, c.charCodeAt(0)));
    this.view.setUint32(0, this.table(root), true);
    return this.bytes();
  }

  private scalar(kind: FieldKind, place: number, value: number): void {
    switch (kind) {
      case 'byte':
      case 'ubyte':
      case 'bool':
        this.view.setUint8(place, value & 255);
        break;
      case 'float':
        this.view.setFloat32(place, value, true);
        break;
      case 'long':
      case 'ulong':
        this.view.setBigInt64(place, BigInt(value), true);
        break;
      default:
        this.view.setInt32(place, value, true);
    }
  }

  private table({ spec, values }: TableValue): number {
    const fields = Object.entries(spec).filter(([name]) => values[name] !== undefined);
    const slots = Math.max(0, ...fields.map(([, f]) => f[1] + 1));
    this.align(2);
    const vtable = this.end;
    this.end += 4 + 2 * slots;
    this.align(8);
    const table = this.end;
    this.end += 4;
    const places = fields.map(([name, f]) => {
      this.align(sizeOf(f[0]));
      const place = this.end;
      this.end += sizeOf(f[0]);
      this.view.setUint16(vtable + 4 + 2 * f[1], place - table, true);
      return { name, field: f, place };
    });
    this.view.setUint16(vtable, 4 + 2 * slots, true);
    this.view.setUint16(vtable + 2, this.end - table, true);
    this.view.setInt32(table, table - vtable, true);
    for (const { name, field, place } of places) this.value(field, place, values[name]);
    return table;
  }

  private value([kind]: FieldSpec, place: number, value: Written | undefined): void {
    if (typeof value === 'number' || typeof value === 'boolean') this.scalar(kind, place, Number(value));
    else if (typeof value === 'string') this.refer(place, () => this.vector(1, 'ubyte', [...new TextEncoder().encode(value)]));
    else if (value instanceof Uint8Array) this.refer(place, () => this.vector(16, 'ubyte', [...value]));
    else if (Array.isArray(value)) this.refer(place, () => this.list(kind, value));
    else if (value !== undefined && 'spec' in value) this.refer(place, () => this.table(value));
  }

  private list(kind: FieldKind, items: readonly (number | TableValue)[]): number {
    if (kind !== 'tables') {
      const element = kind === 'longs' ? 'long' : kind === 'floats' ? 'float' : kind === 'bools' ? 'ubyte' : 'int';
      return this.vector(sizeOf(element), element, items as readonly number[]);
    }
    const start = this.vector(
      4,
      'int',
      items.map(() => 0),
    );
    (items as readonly TableValue[]).forEach((t, i) => this.refer(start + 4 + 4 * i, () => this.table(t)));
    return start;
  }

  private refer(place: number, write: () => number): void {
    this.view.setUint32(place, write() - place, true);
  }

  private vector(align: number, element: FieldKind, items: readonly number[]): number {
    this.align(Math.max(4, align), 4);
    const start = this.end;
    this.view.setUint32(start, items.length, true);
    this.end += 4;
    items.forEach((v) => {
      this.scalar(element, this.end, v);
      this.end += sizeOf(element);
    });
    if (element === 'ubyte') this.end++;
    return start;
  }
}
