import { at, type ByteSource } from '../../support/index.ts';
import { bucketsOf, type LayerPrint, MAX_MODEL_LAYERS, ROW_HASHES, SKETCH_STEP } from './fingerprint.ts';
import { SKETCH_LENGTH } from './sketch.ts';

/** A model as an index knows it. */
export interface KnownModel {
  readonly name: string;
  /** Identity hash, 64 hex digits. */
  readonly identity: string;
  readonly layers: readonly LayerPrint[];
}

/**
 * File, little-endian: magic; counts of models, layers and postings, bytes of names (u32 each), 0 up to byte 64; models (48 bytes: identity, place and
 * length of the name, first layer, layers); names; layers (172 bytes: model, sizes, weights, sketch i16[64], rows u32[8]);
 * postings (8 bytes: bucket, layer), sorted.
 */
const MAGIC = [0x43, 0x54, 0x58, 0x49, 0x4e, 0x44, 0x58, 0x01] as const;
const HEADER = 64;
const MODEL = 48;
const LAYER = 12 + 2 * SKETCH_LENGTH + 4 * ROW_HASHES;
const POSTING = 8;
/** Longer names are cut. */
const MAX_NAME = 1024;
/** Postings read at once. */
const BLOCK = 512;

/** Raised when an index says something that cannot be; becomes a diagnostic. */
export class DamagedIndex extends Error {
  override readonly name = 'DamagedIndex';
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Whether a file begins as an index does. */
export const isIndex = (head: Uint8Array): boolean => MAGIC.every((b, i) => head[i] === b);

/** Bytes of an index of these models. */
export const encodeIndex = (models: readonly KnownModel[]): Uint8Array => {
  const names = models.map((m) => new TextEncoder().encode(m.name).subarray(0, MAX_NAME));
  const layers = models.flatMap((m, model) => m.layers.map((print) => ({ print, model })));
  const nameBytes = Math.ceil(names.reduce((n, b) => n + b.length, 0) / 4) * 4;
  const keys = layers.map(({ print }) => {
    const { near, alike } = bucketsOf(print);
    return [...near, alike];
  });
  const count = keys.reduce((n, k) => n + k.length, 0);
  const [buckets, owners] = [new Uint32Array(count), new Uint32Array(count)];
  let next = 0;
  keys.forEach((own, layer) => {
    for (const key of own) {
      buckets[next] = key;
      owners[next++] = layer;
    }
  });
  // pairs of 32 bits as numbers of 53, so that they sort as numbers do
  const sorted = Float64Array.from(buckets, (b, i) => b * 2 ** 21 + at(owners, i)).sort();
  const bytes = new Uint8Array(HEADER + MODEL * models.length + nameBytes + LAYER * layers.length + POSTING * count);
  const view = viewOf(bytes);
  bytes.set(MAGIC);
  [models.length, layers.length, count, nameBytes].forEach((n, i) => view.setUint32(8 + 4 * i, n, true));
  let [name, first] = [0, 0];
  const namesAt = HEADER + MODEL * models.length;
  models.forEach((m, i) => {
    const place = HEADER + MODEL * i;
    for (let k = 0; k < 32; k++) bytes[place + k] = Number.parseInt(m.identity.slice(2 * k, 2 * k + 2), 16);
    [name, at(names, i).length, first, m.layers.length].forEach((n, k) => view.setUint32(place + 32 + 4 * k, n, true));
    bytes.set(at(names, i), namesAt + name);
    name += at(names, i).length;
    first += m.layers.length;
  });
  layers.forEach(({ print, model }, i) => {
    const place = namesAt + nameBytes + LAYER * i;
    view.setUint32(place, model, true);
    view.setUint32(place + 4, print.shape, true);
    view.setUint32(place + 8, Math.min(0xffffffff, print.weights), true);
    print.sketch.forEach((v, k) => view.setInt16(place + 12 + 2 * k, Math.round(v / SKETCH_STEP), true));
    print.rows.forEach((v, k) => view.setUint32(place + 12 + 2 * SKETCH_LENGTH + 4 * k, v, true));
  });
  const postingsAt = namesAt + nameBytes + LAYER * layers.length;
  sorted.forEach((v, i) => {
    view.setUint32(postingsAt + POSTING * i, Math.floor(v / 2 ** 21), true);
    view.setUint32(postingsAt + POSTING * i + 4, v % 2 ** 21, true);
  });
  return bytes;
};

/** Layers that an index can hold: postings are sorted as numbers. */
export const MAX_LAYERS = 2 ** 21;

/** An index on disk, read in parts. Everything in it is checked when it is read. */
export class IndexFile {
  readonly models: number;
  readonly layers: number;
  private readonly postings: number;
  private readonly nameBytes: number;
  private readonly source: ByteSource;

  /** @throws {DamagedIndex} when sizes do not fit */
  constructor(source: ByteSource) {
    this.source = source;
    const head = source.size < HEADER ? new Uint8Array() : source.read(0, HEADER);
    if (!isIndex(head)) throw new DamagedIndex('it does not begin as an index does');
    const view = viewOf(head);
    [this.models, this.layers, this.postings, this.nameBytes] = [8, 12, 16, 20].map((o) => view.getUint32(o, true)) as [
      number,
      number,
      number,
      number,
    ];
    if (head.subarray(24).some((b) => b !== 0)) throw new DamagedIndex('bytes of the header that are kept free are not 0');
    const size = this.postingsAt + POSTING * this.postings;
    if (size !== source.size) {
      throw new DamagedIndex(
        `its header tells of ${this.models} models, ${this.layers} layers and ${this.postings} postings, which are ${size} bytes, but the file has ${source.size}`,
      );
    }
  }

  private get namesAt(): number {
    return HEADER + MODEL * this.models;
  }

  private get layersAt(): number {
    return this.namesAt + this.nameBytes;
  }

  private get postingsAt(): number {
    return this.layersAt + LAYER * this.layers;
  }

  /** A model without its layers. */
  model(index: number): { readonly name: string; readonly identity: string; readonly first: number; readonly layers: number } {
    if (index >= this.models) throw new DamagedIndex(`a layer belongs to model ${index} of ${this.models}`);
    const bytes = this.source.read(HEADER + MODEL * index, MODEL);
    const [place, length, first, layers] = [32, 36, 40, 44].map((o) => viewOf(bytes).getUint32(o, true)) as [
      number,
      number,
      number,
      number,
    ];
    if (length > MAX_NAME || place + length > this.nameBytes) throw new DamagedIndex(`the name of model ${index} lies outside the names`);
    if (layers > MAX_MODEL_LAYERS || first + layers > this.layers)
      throw new DamagedIndex(`the layers of model ${index} lie outside the layers`);
    const name = new TextDecoder().decode(this.source.read(this.namesAt + place, length));
    return { name, identity: Array.from(bytes.subarray(0, 32), (b) => b.toString(16).padStart(2, '0')).join(''), first, layers };
  }

  /** Layers from `first` on. */
  prints(first: number, count: number): readonly LayerPrint[] {
    const bytes = this.source.read(this.layersAt + LAYER * first, LAYER * count);
    const view = viewOf(bytes);
    return Array.from({ length: count }, (_, i) => {
      const place = LAYER * i;
      return {
        shape: view.getUint32(place + 4, true),
        weights: view.getUint32(place + 8, true),
        sketch: Float32Array.from({ length: SKETCH_LENGTH }, (__, k) => view.getInt16(place + 12 + 2 * k, true) * SKETCH_STEP),
        rows: Uint32Array.from({ length: ROW_HASHES }, (__, k) => view.getUint32(place + 12 + 2 * SKETCH_LENGTH + 4 * k, true)),
      };
    });
  }

  /** The model that a layer belongs to. */
  ownerOf(layer: number): number {
    if (layer >= this.layers) throw new DamagedIndex(`a posting names layer ${layer} of ${this.layers}`);
    const owner = viewOf(this.source.read(this.layersAt + LAYER * layer, 4)).getUint32(0, true);
    if (owner >= this.models) throw new DamagedIndex(`layer ${layer} belongs to model ${owner} of ${this.models}`);
    return owner;
  }

  private keyAt(i: number): number {
    return viewOf(this.source.read(this.postingsAt + POSTING * i, 4)).getUint32(0, true);
  }

  /** The layers in a bucket, `most` at most. */
  bucket(key: number, most: number): readonly number[] {
    let [low, high] = [0, this.postings];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.keyAt(middle) < key) low = middle + 1;
      else high = middle;
    }
    const found: number[] = [];
    for (let start = low; start < this.postings && found.length < most; start += BLOCK) {
      const count = Math.min(BLOCK, this.postings - start);
      const view = viewOf(this.source.read(this.postingsAt + POSTING * start, POSTING * count));
      for (let i = 0; i < count && found.length < most; i++) {
        const own = view.getUint32(POSTING * i, true);
        if (own < key) throw new DamagedIndex('its postings are not sorted');
        if (own > key) return found;
        found.push(view.getUint32(POSTING * i + 4, true));
      }
    }
    return found;
  }

  /** All models, with their layers. */
  all(): readonly KnownModel[] {
    return Array.from({ length: this.models }, (_, i) => {
      const { name, identity, first, layers } = this.model(i);
      return { name, identity, layers: this.prints(first, layers) };
    });
  }
}
