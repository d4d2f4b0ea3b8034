import { broken, type FileBytes, MAX_DEPTH, unsupported, widthOf } from './bytes.ts';

/** Names of a group in the old form: HEAP. */
export const localHeapName = (file: FileBytes, heap: number | undefined): ((offset: number) => string) => {
  const start = file.block(heap, 'HEAP');
  const size = file.length(start + 8);
  const data = file.at(file.address(start + 24), 'a local heap');
  return (offset) =>
    offset < size ? file.text(data + offset, Math.min(size - offset, file.size - data - offset)) : broken('a name is outside its heap');
};

interface Stored {
  readonly at: number;
  readonly size: number;
}

/** Global heap collections, GCOL: elements of variable length. Each is walked once. */
export class GlobalHeaps {
  private readonly file: FileBytes;
  private readonly known = new Map<number, ReadonlyMap<number, Stored>>();

  constructor(file: FileBytes) {
    this.file = file;
  }

  /** Object `index` of a collection. */
  object(collection: number | undefined, index: number): Uint8Array {
    const start = this.file.block(collection, 'GCOL');
    const objects = this.known.get(start) ?? this.walk(start);
    this.known.set(start, objects);
    const found = objects.get(index) ?? broken(`object ${index} is not in the heap at ${start}`);
    return this.file.part(found.at, found.size);
  }

  private walk(start: number): ReadonlyMap<number, Stored> {
    const objects = new Map<number, Stored>();
    const end = Math.min(this.file.size, start + this.file.length(start + 8));
    for (let at = start + 16; at + 16 <= end; ) {
      const [index, size] = [this.file.u16(at), this.file.length(at + 8)];
      if (index === 0) break;
      objects.set(index, { at: at + 16, size });
      at += 16 + Math.ceil(size / 8) * 8;
    }
    return objects;
  }
}

/** Rows of an indirect block: their sizes double, so that more would pass 2^64. */
const MAX_ROWS = 64;

/** A place in a fractal heap, FRHP: objects in direct blocks (FHDB), found by way of indirect ones (FHIB). Section III.G. */
export class FractalHeap {
  private readonly file: FileBytes;
  private readonly idBytes: number;
  private readonly width: number;
  private readonly startBytes: number;
  private readonly maxDirect: number;
  private readonly offsetWidth: number;
  private readonly lengthWidth: number;
  private readonly root: number | undefined;
  private readonly rootRows: number;

  constructor(file: FileBytes, address: number | undefined) {
    const start = file.block(address, 'FRHP');
    this.file = file;
    this.idBytes = file.u16(start + 5);
    if (file.u16(start + 7) !== 0) unsupported('a heap with filters');
    const maxManaged = file.u32(start + 10);
    this.width = file.u16(start + 110);
    this.startBytes = file.length(start + 112);
    this.maxDirect = file.length(start + 120);
    this.offsetWidth = Math.ceil(file.u16(start + 128) / 8);
    this.root = file.address(start + 132);
    this.rootRows = file.u16(start + 140);
    const isSound =
      this.width > 0 && this.startBytes > 0 && this.maxDirect >= this.startBytes && this.offsetWidth <= 8 && this.rootRows <= MAX_ROWS;
    if (!isSound) broken('a fractal heap has no sizes');
    this.lengthWidth = Math.min(Math.ceil(Math.log2(this.maxDirect) / 8), widthOf(maxManaged));
  }

  /** The object that an id of the heap names. */
  object(id: number): { readonly at: number; readonly size: number } {
    const kind = (this.file.u8(id) >> 4) & 3;
    if (kind === 2) return { at: id + 1, size: Math.min((this.file.u8(id) & 15) + 1, this.idBytes - 1) };
    if (kind !== 0) return unsupported('an object of its own in a heap: a name or an attribute above 64 KiB');
    const offset = this.file.uint(id + 1, this.offsetWidth);
    const size = this.file.uint(id + 1 + this.offsetWidth, this.lengthWidth);
    return { at: this.place(offset), size };
  }

  private rowBytes(row: number): number {
    return this.startBytes * 2 ** Math.max(0, row - 1);
  }

  /** Where byte `offset` of the heap is in the file. */
  private place(offset: number): number {
    let rows = this.rootRows;
    let block = this.root;
    let rest = offset;
    for (let depth = 0; depth < MAX_DEPTH && rows > 0; depth++) {
      const entries = this.file.block(block, 'FHIB') + 13 + this.offsetWidth;
      let row = 0;
      for (; row < rows && rest >= this.width * this.rowBytes(row); row++) rest -= this.width * this.rowBytes(row);
      if (row === rows) return broken(`offset ${offset} is outside its heap`);
      const bytes = this.rowBytes(row);
      const column = Math.floor(rest / bytes);
      rest -= column * bytes;
      block = this.file.address(entries + 8 * (row * this.width + column));
      rows = bytes <= this.maxDirect ? 0 : Math.log2(bytes) - Math.log2(this.startBytes * this.width) + 1;
    }
    return rows > 0 ? broken('a heap is nested too deep') : this.file.block(block, 'FHDB') + rest;
  }
}
