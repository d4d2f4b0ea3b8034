import { concatBytes, setLengthLeft, setLengthRight } from '@ethereumjs/util';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { isRecord, readAddress, readBytes } from './fields.ts';
import { invalidParams } from './rpc-error.ts';

/** Levels of structs and arrays, types, fields of a type and values altogether at most. */
const MAX_DEPTH = 32;
const MAX_TYPES = 64;
const MAX_FIELDS = 256;
const MAX_VALUES = 10_000;
/** Characters of all names and types of fields at most: each type is hashed with all those it needs. */
const MAX_TYPE_TEXT = 2 ** 15;

interface Field {
  readonly name: string;
  readonly type: string;
}

type Types = ReadonlyMap<string, readonly Field[]>;

const NAME = /^[A-Za-z_$][\w$]*$/;
const TYPE = /^[A-Za-z_$][\w$]*(\[\d*\])*$/;
const ZERO = new Uint8Array(32);

const text = (given: string): Uint8Array => new TextEncoder().encode(given);

const readTypes = (given: unknown): Types => {
  if (!isRecord(given)) throw invalidParams('types is an object with a list of fields for each type');
  const entries = Object.entries(given);
  if (entries.length > MAX_TYPES) throw invalidParams(`${entries.length} types are more than ${MAX_TYPES}`);
  let length = 0;
  return new Map(
    entries.map(([name, fields]) => {
      if (!NAME.test(name)) throw invalidParams(`'${name.slice(0, 60)}' is no name of a type`);
      if (!Array.isArray(fields) || fields.length > MAX_FIELDS)
        throw invalidParams(`type ${name.slice(0, 60)} is a list of at most ${MAX_FIELDS} fields`);
      const read = fields.map((field: unknown): Field => {
        const { name: own, type } = isRecord(field) ? field : {};
        if (typeof own !== 'string' || typeof type !== 'string' || !TYPE.test(type))
          throw invalidParams(`a field of ${name.slice(0, 60)} has a name and a type, both texts`);
        length += own.length + type.length;
        if (length > MAX_TYPE_TEXT) throw invalidParams(`the types have more than ${MAX_TYPE_TEXT} characters`);
        return { name: own, type };
      });
      return [name, read] as const;
    }),
  );
};

const codeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** `encodeType` of EIP-712: the type, and those it needs in the order of their names. */
const encodeType = (types: Types, primary: string): string => {
  const needed = new Set<string>([primary]);
  // a set that grows is walked to its end
  for (const name of needed)
    for (const { type } of types.get(name) ?? []) {
      const base = type.replace(/\[.*$/, '');
      if (types.has(base)) needed.add(base);
    }
  needed.delete(primary);
  return [primary, ...[...needed].sort(codeUnits)]
    .map((name) => `${name}(${(types.get(name) ?? []).map((f) => `${f.type} ${f.name}`).join(',')})`)
    .join('');
};

const readInteger = (value: unknown, type: string): bigint => {
  const is =
    (typeof value === 'number' && Number.isSafeInteger(value)) ||
    (typeof value === 'string' && value.length <= 80 && /^(-?\d+|0x[\da-fA-F]+)$/.test(value));
  if (!is) throw invalidParams(`a value of ${type} is a whole number, or a text of its decimal or hex digits`);
  return BigInt(value as string | number);
};

const encodeInteger = (value: unknown, type: string, signed: boolean, bits: number): Uint8Array => {
  if (bits < 8 || bits > 256 || bits % 8 !== 0) throw invalidParams(`there is no type ${type}`);
  const n = readInteger(value, type);
  const [low, high] = signed ? [-(1n << BigInt(bits - 1)), 1n << BigInt(bits - 1)] : [0n, 1n << BigInt(bits)];
  if (n < low || n >= high) throw invalidParams(`${n} is not a value of ${type}`);
  return readBytes(`0x${BigInt.asUintN(256, n).toString(16).padStart(64, '0')}`, type);
};

/** A value of a type without parts, in 32 bytes. */
const encodeAtom = (type: string, value: unknown): Uint8Array => {
  if (type === 'string') {
    if (typeof value !== 'string') throw invalidParams('a value of string is a text');
    return keccak_256(text(value));
  }
  if (type === 'bytes') return keccak_256(readBytes(value, 'a value of bytes'));
  if (type === 'address') return setLengthLeft(readAddress(value, 'a value of address').bytes, 32);
  if (type === 'bool') {
    if (typeof value !== 'boolean') throw invalidParams('a value of bool is true or false');
    return encodeInteger(value ? 1 : 0, 'uint8', false, 8);
  }
  const number = /^(u?)int(\d*)$/.exec(type);
  if (number !== null) return encodeInteger(value, type, number[1] === '', number[2] === '' ? 256 : Number(number[2]));
  const length = Number(/^bytes(\d+)$/.exec(type)?.[1] ?? 0);
  if (length < 1 || length > 32) throw invalidParams(`there is no type ${type.slice(0, 60)}`);
  const bytes = readBytes(value, `a value of ${type}`);
  if (bytes.length !== length) throw invalidParams(`a value of ${type} has ${length} bytes, this has ${bytes.length}`);
  return setLengthRight(bytes, 32);
};

class Encoder {
  private readonly types: Types;
  private readonly hashes = new Map<string, Uint8Array>();
  private values = 0;

  constructor(types: Types) {
    this.types = types;
  }

  struct(name: string, value: unknown, depth = 0): Uint8Array {
    const fields = this.types.get(name);
    if (fields === undefined) throw invalidParams(`there is no type ${name.slice(0, 60)}`);
    if (!isRecord(value)) throw invalidParams(`a value of ${name} is an object`);
    const parts = fields.map((f) => {
      if (!Object.hasOwn(value, f.name)) throw invalidParams(`${name} has no ${f.name.slice(0, 60)}`);
      return this.part(f.type, value[f.name], depth + 1);
    });
    return keccak_256(concatBytes(this.typeHash(name), ...parts));
  }

  private part(type: string, value: unknown, depth: number): Uint8Array {
    if (depth > MAX_DEPTH) throw invalidParams(`the message is deeper than ${MAX_DEPTH} levels`);
    if (++this.values > MAX_VALUES) throw invalidParams(`the message has more than ${MAX_VALUES} values`);
    const list = /^(.*)\[(\d*)\]$/.exec(type);
    if (list !== null) {
      const [, of = '', count = ''] = list;
      if (!Array.isArray(value) || (count !== '' && value.length !== Number(count)))
        throw invalidParams(`a value of ${type} is a list${count === '' ? '' : ` of ${count}`}`);
      if (value.length > MAX_VALUES) throw invalidParams(`a list of ${value.length} is longer than ${MAX_VALUES}`);
      return keccak_256(concatBytes(...value.map((v: unknown) => this.part(of, v, depth + 1))));
    }
    if (!this.types.has(type)) return encodeAtom(type, value);
    // a type may hold itself, so that there has to be an end
    return value === null ? ZERO : this.struct(type, value, depth);
  }

  private typeHash(name: string): Uint8Array {
    const hash = this.hashes.get(name) ?? keccak_256(text(encodeType(this.types, name)));
    this.hashes.set(name, hash);
    return hash;
  }
}

/**
 * The hash that is signed for typed data (EIP-712, `eth_signTypedData_v4`).
 * @param given an object with types, primaryType, domain and message, or the JSON of it
 */
export const typedDataHash = (given: unknown): Uint8Array => {
  let data = given;
  if (typeof given === 'string') {
    try {
      data = JSON.parse(given);
    } catch {
      throw invalidParams('the typed data is no JSON');
    }
  }
  if (!isRecord(data)) throw invalidParams('typed data is an object with types, primaryType, domain and message');
  const { primaryType } = data;
  if (typeof primaryType !== 'string') throw invalidParams('primaryType is a text');
  const encoder = new Encoder(readTypes(data['types']));
  const domain = encoder.struct('EIP712Domain', data['domain']);
  const message = primaryType === 'EIP712Domain' ? new Uint8Array(0) : encoder.struct(primaryType, data['message']);
  return keccak_256(concatBytes(Uint8Array.of(0x19, 1), domain, message));
};
