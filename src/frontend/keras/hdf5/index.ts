import { broken, FileBytes, unsupported, Visits } from './bytes.ts';
import { type Hdf5Dataset, openDataset } from './dataset.ts';
import { MESSAGE, type Message, readHeader } from './header.ts';
import { FractalHeap, GlobalHeaps, localHeapName } from './heaps.ts';
import { walkRecords, walkTree } from './trees.ts';
import { readDataspace, readDatatype, readTexts } from './types.ts';

export type { Hdf5Dataset } from './dataset.ts';

/** A group: members by name, attributes that are texts. */
export interface Hdf5Group {
  readonly kind: 'group';
  /** Names of the members; soft and external links are left out. */
  readonly names: readonly string[];
  /** A member, or one below it: parts are joined by `/`. */
  readonly get: (path: string) => Hdf5Group | Hdf5Dataset | undefined;
  /** Texts of an attribute. */
  readonly texts: (name: string) => readonly string[] | undefined;
}

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
/** A user block may stand before the file: of 512 bytes or twice, four times, … that. */
const PLACES = [0, 512, 1024, 2048];

const signatureAt = (bytes: Uint8Array): number | undefined => PLACES.find((p) => SIGNATURE.every((b, i) => bytes[p + i] === b));

/** Whether these first bytes are of an HDF5 file. */
export const isHdf5 = (head: Uint8Array): boolean => signatureAt(head) !== undefined;

/** A hard link: where it points. Section IV.A.2.g. */
const readLink = (file: FileBytes, at: number): readonly [name: string, address: number] | undefined => {
  const flags = file.u8(at + 1);
  let place = at + 2;
  const kind = flags & 8 ? file.u8(place++) : 0;
  if (flags & 4) place += 8;
  if (flags & 16) place += 1;
  const width = 1 << (flags & 3);
  const length = file.uint(place, width);
  place += width;
  const name = file.text(place, length);
  const address = kind === 0 ? file.address(place + length) : undefined;
  return address === undefined ? undefined : [name, address];
};

const SYMBOL_BYTES = 40;

/** Links of a group in all their forms. */
const readLinks = (file: FileBytes, messages: readonly Message[]): ReadonlyMap<string, number> => {
  const links = new Map<string, number>();
  const add = (link: readonly [string, number] | undefined): void => {
    if (link !== undefined) links.set(link[0], link[1]);
  };
  for (const m of messages) {
    if (m.type === MESSAGE.link) add(readLink(file, m.at));
    else if (m.type === MESSAGE.symbolTable) {
      const nameAt = localHeapName(file, file.address(m.at + 8));
      const tables = new Visits();
      walkTree(file, file.address(m.at), 0, 8, (_, child) => {
        const table = file.block(child, 'SNOD');
        tables.add(table);
        const count = file.u16(table + 6);
        for (let at = table + 8; at < table + 8 + count * SYMBOL_BYTES; at += SYMBOL_BYTES) {
          const address = file.address(at + 8);
          if (address !== undefined) add([nameAt(file.length(at)), address]);
        }
      });
    } else if (m.type === MESSAGE.linkInfo) {
      const at = m.at + 2 + (file.u8(m.at + 1) & 1 ? 8 : 0);
      if (file.address(at) === undefined) continue;
      const heap = new FractalHeap(file, file.address(at));
      walkRecords(file, file.address(at + 8), (record) => add(readLink(file, heap.object(record + 4).at)));
    }
  }
  return links;
};

/** An attribute: its name, and its texts when asked for. Section IV.A.2.m. */
const readAttribute = (
  file: FileBytes,
  heaps: GlobalHeaps,
  at: number,
): readonly [name: string, texts: () => readonly string[] | undefined] => {
  const [version, flags] = [file.u8(at), file.u8(at + 1)];
  if (version < 1 || version > 3) return broken(`an attribute has version ${version}`);
  const padded = (n: number): number => (version === 1 ? Math.ceil(n / 8) * 8 : n);
  const [nameBytes, typeBytes, spaceBytes] = [file.u16(at + 2), file.u16(at + 4), file.u16(at + 6)];
  const name = at + (version === 3 ? 9 : 8);
  const type = name + padded(nameBytes);
  const space = type + padded(typeBytes);
  const texts = (): readonly string[] | undefined => {
    if (version > 1 && flags & 3) return unsupported('an attribute whose type is stored apart');
    const count = readDataspace(file, space).reduce((product, d) => product * d, 1);
    return readTexts(file, heaps, readDatatype(file, type), count, space + padded(spaceBytes));
  };
  return [file.text(name, nameBytes), texts];
};

const readAttributes = (
  file: FileBytes,
  heaps: GlobalHeaps,
  messages: readonly Message[],
): ReadonlyMap<string, () => readonly string[] | undefined> => {
  const attributes = new Map<string, () => readonly string[] | undefined>();
  for (const m of messages) {
    if (m.type === MESSAGE.attribute) attributes.set(...readAttribute(file, heaps, m.at));
    if (m.type !== MESSAGE.attributeInfo) continue;
    const at = m.at + 2 + (file.u8(m.at + 1) & 1 ? 2 : 0);
    if (file.address(at) === undefined) continue;
    const heap = new FractalHeap(file, file.address(at));
    walkRecords(file, file.address(at + 8), (record) => attributes.set(...readAttribute(file, heaps, heap.object(record).at)));
  }
  return attributes;
};

type Opened = Hdf5Group | Hdf5Dataset;

/** An object by its address, read once. */
const opener = (file: FileBytes): ((address: number) => Opened) => {
  const known = new Map<number, Opened>();
  const heaps = new GlobalHeaps(file);
  const open = (address: number): Opened => {
    const have = known.get(address);
    if (have !== undefined) return have;
    const messages = readHeader(file, address);
    const made = messages.some((m) => m.type === MESSAGE.dataspace) ? openDataset(file, messages, textsOf(messages)) : groupOf(messages);
    known.set(address, made);
    return made;
  };
  const textsOf = (messages: readonly Message[]): Hdf5Group['texts'] => {
    let attributes: ReturnType<typeof readAttributes> | undefined;
    return (name) => {
      attributes ??= readAttributes(file, heaps, messages);
      return attributes.get(name)?.();
    };
  };
  const groupOf = (messages: readonly Message[]): Hdf5Group => {
    const links = readLinks(file, messages);
    const child = (name: string): Opened | undefined => {
      const address = links.get(name);
      return address === undefined ? undefined : open(address);
    };
    const group: Hdf5Group = {
      kind: 'group',
      names: [...links.keys()],
      get: (path) =>
        path
          .split('/')
          .filter((part) => part !== '')
          .reduce<Opened | undefined>(
            (found, part, i) => (i === 0 ? child(part) : found?.kind === 'group' ? found.get(part) : undefined),
            group,
          ),
      texts: textsOf(messages),
    };
    return group;
  };
  return open;
};

/** Where the header of the root group is, and where address 0 is. Section II.A. */
const readSuperblock = (bytes: Uint8Array): { readonly file: FileBytes; readonly root: number } => {
  const start = signatureAt(bytes) ?? broken('it does not start with the signature of HDF5');
  const raw = new FileBytes(bytes, 0);
  const version = raw.u8(start + 8);
  if (version > 3) return unsupported(`a superblock of version ${version}`);
  const [offsets, lengths] = version < 2 ? [raw.u8(start + 13), raw.u8(start + 14)] : [raw.u8(start + 9), raw.u8(start + 10)];
  if (offsets !== 8 || lengths !== 8) return unsupported(`addresses of ${offsets} bytes and lengths of ${lengths}`);
  const base = version < 2 ? start + 24 + (version === 1 ? 4 : 0) : start + 12;
  const root = raw.address(version < 2 ? base + 40 : base + 24) ?? broken('it has no root group');
  const end = raw.address(base + 16);
  if (end !== undefined && end > bytes.length) return broken(`it has ${bytes.length} bytes, but says it has ${end}`);
  return { file: new FileBytes(bytes, raw.address(base) ?? 0), root };
};

/**
 * Opens an HDF5 file: groups in the old and the new form, datasets of numbers that are compact, contiguous or in chunks (deflate,
 * shuffle, checksums unread), attributes that are texts. Nothing is read before it is asked for.
 * @throws {MrlError} IMP1001 damaged, IMP1007 more than the file justifies, IMP2002 a form that is not read; so do the members
 * @see HDF5 File Format Specification 3.0
 */
export const openHdf5 = (bytes: Uint8Array): Hdf5Group => {
  const { file, root } = readSuperblock(bytes);
  const group = opener(file)(root);
  return group.kind === 'group' ? group : broken('its root is a dataset');
};

/** Texts of an attribute that may be cut into `name0`, `name1`, …, as Keras does above 64 KiB. */
export const longTexts = (group: Hdf5Group, name: string): readonly string[] | undefined => {
  const whole = group.texts(name);
  if (whole !== undefined) return whole;
  const parts: string[] = [];
  for (let i = 0; ; i++) {
    const part = group.texts(`${name}${i}`);
    if (part === undefined) break;
    parts.push(...part);
  }
  return parts.length === 0 ? undefined : parts;
};

/** The member that has to be there. */
export const groupAt = (group: Hdf5Group, path: string): Hdf5Group => {
  const found = group.get(path);
  return found?.kind === 'group' ? found : broken(`there is no group ${path}`);
};
