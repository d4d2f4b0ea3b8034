import { diagnostic } from '../../support/index.ts';
import { damaged, stop } from '../import-problems.ts';

/** A tensor that a pickle describes: a view of a storage. */
export class PickledTensor {
  /** As torch names it: FloatStorage, LongStorage… */
  readonly storageType: string;
  /** Name of the storage in the archive. */
  readonly key: string;
  readonly offset: number;
  readonly size: readonly number[];
  readonly stride: readonly number[];
  constructor(storageType: string, key: string, offset: number, size: readonly number[], stride: readonly number[]) {
    this.storageType = storageType;
    this.key = key;
    this.offset = offset;
    this.size = size;
    this.stride = stride;
  }
}

/** A class or function that is only named, never looked up. */
class Named {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
}
class Storage {
  readonly type: string;
  readonly key: string;
  constructor(type: string, key: string) {
    this.type = type;
    this.key = key;
  }
}
const MARK = Symbol('mark');

const refused = (name: string): never =>
  stop(
    diagnostic('IMP2004', `the pickled data needs ${name.slice(0, 80)}, which is code of Python`, {
      notes: ['Save tensors alone: torch.export.save of a current PyTorch writes them as plain bytes.'],
    }),
  );
const broken = (detail: string): never => stop(damaged('PyTorch', `its pickled data ${detail}`));

const isWholes = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((v) => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0);

/** What the functions that rebuild tensors give; any other is refused, and none is called. */
const rebuilt = (callee: unknown, args: unknown): unknown => {
  if (!(callee instanceof Named) || !Array.isArray(args)) return broken('calls something that is no function');
  switch (callee.path) {
    case 'collections.OrderedDict':
      return args.length === 0 ? new Map<string, unknown>() : refused(callee.path);
    case 'torch._utils._rebuild_parameter':
      return args[0] instanceof PickledTensor ? args[0] : broken('has a parameter that is no tensor');
    case 'torch._utils._rebuild_tensor_v2': {
      const [storage, offset, size, stride] = args as readonly unknown[];
      if (!(storage instanceof Storage) || !isWholes([offset]) || !isWholes(size) || !isWholes(stride) || size.length !== stride.length)
        return broken('has a tensor without a storage, size or stride');
      return new PickledTensor(storage.type, storage.key, Number(offset), size, stride);
    }
    default:
      return refused(callee.path);
  }
};

/** ('storage', class, key, device, elements), as torch writes a reference to a storage. */
const storageOf = (id: unknown): Storage => {
  const [kind, type, key] = Array.isArray(id) ? (id as readonly unknown[]) : [];
  if (kind !== 'storage' || !(type instanceof Named) || typeof key !== 'string') return broken('has a reference that is no storage');
  return type.path.startsWith('torch.') ? new Storage(type.path.slice('torch.'.length), key) : refused(type.path);
};

const latin = new TextDecoder('latin1');
const utf8 = new TextDecoder();

/** Bytes of a pickle in order. */
class Cursor {
  at = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  take(length: number): number {
    const from = this.at;
    if (!(length >= 0) || from + length > this.bytes.length) return broken('ends early');
    this.at += length;
    return from;
  }
  byte(): number {
    return this.view.getUint8(this.take(1));
  }
  word(): number {
    return this.view.getUint16(this.take(2), true);
  }
  int(): number {
    return this.view.getInt32(this.take(4), true);
  }
  count(): number {
    return this.view.getUint32(this.take(4), true);
  }
  float(): number {
    return this.view.getFloat64(this.take(8));
  }
  text(length: number): string {
    const from = this.take(length);
    return utf8.decode(this.bytes.subarray(from, from + length));
  }
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) return broken('ends early');
    const from = this.take(end + 1 - this.at);
    return latin.decode(this.bytes.subarray(from, end));
  }
  /** A two's-complement integer, little-endian. */
  long(length: number): number {
    const from = this.take(length);
    if (length > 8) return broken('has an integer of more than 64 bits');
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.view.getUint8(from + i));
    return Number(length > 0 ? BigInt.asIntN(8 * length, value) : 0n);
  }
}

/**
 * Reads the pickled data that torch.save writes of a dictionary of tensors (protocols 2 to 4). Opcodes that make objects of Python are
 * answered for tensors, storages and ordered dictionaries alone, by data; others are refused, and nothing is ever called.
 * @returns what the pickle holds: numbers, texts, booleans, null, lists and tuples as arrays, dictionaries as maps, `PickledTensor`s
 * @throws {MrlError} IMP1001, IMP2004
 * @see Python's pickletools for the opcodes
 */
export const readPickle = (bytes: Uint8Array): unknown => {
  const c = new Cursor(bytes);
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  const pop = (): unknown => (stack.length === 0 ? broken('takes more than there is') : stack.pop());
  const popped = (count: number): unknown[] => {
    if (stack.length < count) return broken('takes more than there is');
    return stack.splice(stack.length - count, count);
  };
  const sinceMark = (): unknown[] => {
    const from = stack.lastIndexOf(MARK);
    if (from < 0) return broken('has no mark');
    const items = stack.splice(from);
    items.shift();
    return items;
  };
  const setItems = (items: readonly unknown[]): void => {
    const target = stack.at(-1);
    if (!(target instanceof Map) || items.length % 2 !== 0) return broken('sets items of what is no dictionary');
    const map = target as Map<unknown, unknown>;
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  };
  const append = (items: readonly unknown[]): void => {
    const target = stack.at(-1);
    if (!Array.isArray(target)) return broken('appends to what is no list');
    for (const item of items) target.push(item);
  };
  const remembered = (k: number): unknown => (memo.has(k) ? memo.get(k) : broken('names what it has not kept'));
  const named = (module: unknown, name: unknown): Named =>
    typeof module === 'string' && typeof name === 'string' ? new Named(`${module}.${name}`) : broken('names a class by no text');
  for (;;) {
    const code = String.fromCharCode(c.byte());
    switch (code) {
      case '\x80': // PROTO
        if (c.byte() > 4) return refused('a newer pickle protocol');
        break;
      case '\x95': // FRAME
        c.take(8);
        break;
      case '.': // STOP
        return pop();
      case '(':
        stack.push(MARK);
        break;
      case '0':
        pop();
        break;
      case 'N':
        stack.push(null);
        break;
      case '\x88':
        stack.push(true);
        break;
      case '\x89':
        stack.push(false);
        break;
      case 'K':
        stack.push(c.byte());
        break;
      case 'M':
        stack.push(c.word());
        break;
      case 'J':
        stack.push(c.int());
        break;
      case '\x8a':
        stack.push(c.long(c.byte()));
        break;
      case 'G':
        stack.push(c.float());
        break;
      case 'X':
        stack.push(c.text(c.count()));
        break;
      case '\x8c':
        stack.push(c.text(c.byte()));
        break;
      case '}':
        stack.push(new Map<unknown, unknown>());
        break;
      case ']':
      case ')':
        stack.push([]);
        break;
      case '\x85':
      case '\x86':
      case '\x87':
        stack.push(popped(code.charCodeAt(0) - 0x84));
        break;
      case 't':
        stack.push(sinceMark());
        break;
      case 'a':
        append([pop()]);
        break;
      case 'e':
        append(sinceMark());
        break;
      case 's':
        setItems(popped(2));
        break;
      case 'u':
        setItems(sinceMark());
        break;
      case 'q':
        memo.set(c.byte(), stack.at(-1));
        break;
      case 'r':
        memo.set(c.count(), stack.at(-1));
        break;
      case '\x94': // MEMOIZE
        memo.set(memo.size, stack.at(-1));
        break;
      case 'h':
        stack.push(remembered(c.byte()));
        break;
      case 'j':
        stack.push(remembered(c.count()));
        break;
      case 'c':
        stack.push(named(c.line(), c.line()));
        break;
      case '\x93': {
        // STACK_GLOBAL
        const [module, name] = popped(2);
        stack.push(named(module, name));
        break;
      }
      case 'Q': // BINPERSID
        stack.push(storageOf(pop()));
        break;
      case 'R': {
        const [callee, args] = popped(2);
        stack.push(rebuilt(callee, args));
        break;
      }
      case 'b': {
        // BUILD gives attributes to an object: those of an ordered dictionary are notes
        const [target] = popped(2);
        if (!(target instanceof Map)) return refused('an object with a state');
        stack.push(target);
        break;
      }
      default:
        return refused(`the pickle opcode 0x${code.charCodeAt(0).toString(16)}`);
    }
  }
};
