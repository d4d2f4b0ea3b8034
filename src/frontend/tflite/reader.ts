import { damaged, overLimit, stop } from './diagnostics.ts';

/**
 * A reader of FlatBuffers (https://flatbuffers.dev/internals) that trusts nothing: every offset is checked against the bytes before it is
 * followed, and what is read in all is bounded by the size of the file, since tables and vectors may be shared: a few bytes
 * could otherwise name the same long vector again and again. The npm package flatbuffers reads without such checks.
 */

/** How a field is stored. `byte`, `int`, `long` are signed; enums are the integers they are based on. */
export type FieldKind =
  | 'byte'
  | 'ubyte'
  | 'int'
  | 'uint'
  | 'long'
  | 'ulong'
  | 'float'
  | 'bool'
  | 'string'
  | 'bytes'
  | 'ints'
  | 'longs'
  | 'floats'
  | 'bools'
  | 'table'
  | 'tables';

/** Kind, slot in the vtable, value when absent (0). */
export type FieldSpec = readonly [kind: FieldKind, slot: number, absent?: number];
export type TableSpec = Readonly<Record<string, FieldSpec>>;
export type TableSpecs = Readonly<Record<string, TableSpec>>;

/** Where a table stands, as a byte offset. */
export interface TablePosition {
  readonly table: number;
}

interface FieldValues {
  readonly byte: number;
  readonly ubyte: number;
  readonly int: number;
  readonly uint: number;
  readonly long: number;
  readonly ulong: number;
  readonly float: number;
  readonly bool: boolean;
  readonly string: string;
  readonly bytes: Uint8Array | undefined;
  readonly ints: readonly number[] | undefined;
  readonly longs: readonly number[] | undefined;
  readonly floats: readonly number[] | undefined;
  readonly bools: readonly number[] | undefined;
  readonly table: TablePosition | undefined;
  readonly tables: readonly TablePosition[];
}

/** A table as read: every field, absent ones with their defaults. */
export type TableOf<S extends TableSpec> = { readonly [K in keyof S]: FieldValues[S[K][0]] };

/** Bytes that may be read of a file, tables and vectors that are read twice counted twice: a fixed part and this multiple of its size. */
const READ_FACTOR = 8;
const READ_FREE = 65_536;

export class FlatReader {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  private left: number;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.left = READ_FREE + READ_FACTOR * bytes.length;
  }

  private check(place: number, size: number): void {
    if (!(place >= 0 && place + size <= this.bytes.length))
      stop(damaged(`${size} bytes are wanted at ${place}, but there are ${this.bytes.length}`, place));
    this.left -= size;
    if (this.left < 0)
      stop(overLimit(`tables and vectors of the file refer to more than ${READ_FACTOR} times its ${this.bytes.length} bytes`));
  }

  private uint(place: number): number {
    this.check(place, 4);
    return this.view.getUint32(place, true);
  }

  /** Where an offset leads. Offsets point forward and are never 0. */
  private follow(place: number): number {
    const offset = this.uint(place);
    if (offset === 0) stop(damaged('an offset is 0', place));
    return place + offset;
  }

  root(): TablePosition {
    return { table: this.follow(0) };
  }

  /** Start, length in elements, of a vector. */
  private vector(place: number, elementBytes: number): { readonly start: number; readonly length: number } {
    const at = this.follow(place);
    const length = this.uint(at);
    this.check(at + 4, length * elementBytes);
    return { start: at + 4, length };
  }

  private numbers(place: number, elementBytes: number, read: (at: number) => number): readonly number[] {
    const { start, length } = this.vector(place, elementBytes);
    return Array.from({ length }, (_, i) => read(start + i * elementBytes));
  }

  private text(place: number): string {
    const { start, length } = this.vector(place, 1);
    return new TextDecoder().decode(this.bytes.subarray(start, start + length));
  }

  private scalar(kind: 'byte' | 'ubyte' | 'int' | 'uint' | 'long' | 'ulong' | 'float' | 'bool', place: number): number | boolean {
    this.check(place, kind === 'long' || kind === 'ulong' ? 8 : kind === 'int' || kind === 'uint' || kind === 'float' ? 4 : 1);
    switch (kind) {
      case 'byte':
        return this.view.getInt8(place);
      case 'ubyte':
        return this.view.getUint8(place);
      case 'bool':
        return this.view.getUint8(place) !== 0;
      case 'int':
        return this.view.getInt32(place, true);
      case 'uint':
        return this.view.getUint32(place, true);
      case 'float':
        return this.view.getFloat32(place, true);
      case 'long':
        return Number(this.view.getBigInt64(place, true));
      case 'ulong':
        return Number(this.view.getBigUint64(place, true));
      default:
        return kind satisfies never;
    }
  }

  private field(kind: FieldKind, place: number): FieldValues[FieldKind] {
    switch (kind) {
      case 'string':
        return this.text(place);
      case 'bytes': {
        const { start, length } = this.vector(place, 1);
        return this.bytes.subarray(start, start + length);
      }
      case 'ints':
        return this.numbers(place, 4, (at) => this.view.getInt32(at, true));
      case 'longs':
        return this.numbers(place, 8, (at) => Number(this.view.getBigInt64(at, true)));
      case 'floats':
        return this.numbers(place, 4, (at) => this.view.getFloat32(at, true));
      case 'bools':
        return this.numbers(place, 1, (at) => this.view.getUint8(at));
      case 'table':
        return { table: this.follow(place) };
      case 'tables': {
        const { start, length } = this.vector(place, 4);
        return Array.from({ length }, (_, i) => ({ table: this.follow(start + 4 * i) }));
      }
      default:
        return this.scalar(kind, place);
    }
  }

  private absent([kind, , value = 0]: FieldSpec): FieldValues[FieldKind] {
    switch (kind) {
      case 'string':
        return '';
      case 'tables':
        return [];
      case 'bool':
        return value !== 0;
      case 'bytes':
      case 'ints':
      case 'longs':
      case 'floats':
      case 'bools':
      case 'table':
        return undefined;
      default:
        return value;
    }
  }

  /** Reads every field that the schema names. Without a position, all are absent. */
  table<S extends TableSpec>(spec: S, position: TablePosition | undefined): TableOf<S> {
    const out: Record<string, FieldValues[FieldKind]> = {};
    const places = position === undefined ? () => 0 : this.places(position.table);
    for (const [name, field] of Object.entries(spec)) {
      const place = places(field[1]);
      out[name] = place === 0 ? this.absent(field) : this.field(field[0], place);
    }
    return out as TableOf<S>;
  }

  /** The place of the field in each slot of the table; 0 for an absent one. */
  private places(table: number): (slot: number) => number {
    this.check(table, 4);
    const vtable = table - this.view.getInt32(table, true);
    this.check(vtable, 4);
    const vtableBytes = this.view.getUint16(vtable, true);
    const tableBytes = this.view.getUint16(vtable + 2, true);
    if (vtableBytes < 4 || vtableBytes % 2 !== 0) stop(damaged(`a vtable has ${vtableBytes} bytes`, vtable));
    this.check(vtable, vtableBytes);
    return (slot) => {
      const entry = 4 + 2 * slot;
      if (entry + 2 > vtableBytes) return 0;
      const offset = this.view.getUint16(vtable + entry, true);
      if (offset !== 0 && (offset < 4 || offset >= tableBytes))
        stop(damaged(`a field stands at ${offset} of a table of ${tableBytes} bytes`, table));
      return offset === 0 ? 0 : table + offset;
    };
  }
}
