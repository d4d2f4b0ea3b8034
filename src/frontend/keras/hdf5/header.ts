import { broken, type FileBytes, unsupported, Visits } from './bytes.ts';

/** Types of header messages that are read. HDF5 File Format Specification 3.0, section IV.A.2. */
export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  link: 0x06,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

export interface Message {
  readonly type: number;
  /** Bit 1: what follows is a reference to a message elsewhere. */
  readonly flags: number;
  readonly at: number;
  readonly size: number;
}

interface Block {
  readonly at: number;
  readonly size: number;
}

/** Messages of blocks, each of which may name further ones. */
const messagesOf = (
  file: FileBytes,
  first: Block,
  headBytes: number,
  head: (at: number) => { readonly type: number; readonly size: number; readonly flags: number },
  next: (block: Block) => Block,
): readonly Message[] => {
  const messages: Message[] = [];
  const visits = new Visits();
  const blocks = [first];
  for (let block = blocks.shift(); block !== undefined; block = blocks.shift()) {
    visits.add(block.at);
    const end = block.at + block.size;
    if (end > file.size) broken(`an object header at ${block.at} passes the end of the file`);
    for (let at = block.at; at + headBytes <= end; ) {
      const { type, size, flags } = head(at);
      const message = { type, flags, at: at + headBytes, size };
      at += headBytes + size;
      if (at > end) broken(`a message at ${message.at} passes the end of its header`);
      if (type === MESSAGE.continuation)
        blocks.push(next({ at: file.at(file.address(message.at), 'a continued header'), size: file.length(message.at + 8) }));
      else messages.push(message);
    }
  }
  return messages;
};

/** Version 1: no signature; messages of multiples of 8 bytes. */
const firstVersion = (file: FileBytes, at: number): readonly Message[] =>
  messagesOf(
    file,
    { at: at + 16, size: file.u32(at + 8) },
    8,
    (m) => ({ type: file.u16(m), size: file.u16(m + 2), flags: file.u8(m + 4) }),
    (block) => block,
  );

/** Version 2: OHDR, continued by OCHK; each block ends in a checksum. */
const secondVersion = (file: FileBytes, start: number): readonly Message[] => {
  const version = file.u8(start + 4);
  if (version !== 2) return unsupported(`an object header of version ${version}`);
  const flags = file.u8(start + 5);
  const at = start + 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
  const width = 1 << (flags & 3);
  return messagesOf(
    file,
    { at: at + width, size: file.uint(at, width) },
    flags & 4 ? 6 : 4,
    (m) => ({ type: file.u8(m), size: file.u16(m + 1), flags: file.u8(m + 3) }),
    ({ at: place, size }) => {
      if (file.text(place, 4) !== 'OCHK') broken(`at ${place} there is no continued header`);
      return { at: place + 4, size: Math.max(0, size - 8) };
    },
  );
};

/** The messages of an object. */
export const readHeader = (file: FileBytes, address: number): readonly Message[] => {
  const start = file.at(address, 'an object');
  if (file.u8(start) === 1) return firstVersion(file, start);
  return file.text(start, 4) === 'OHDR' ? secondVersion(file, start) : broken(`at ${start} there is no object header`);
};
