import { type AnyAttrs, type AttrSpec, type DType, isOpName, type OpName, opOf } from '../../../ir/index.ts';
import { type ElemName, elemByCode, elemOf } from '../elem.ts';
import type { OnnxNode } from '../node.ts';
import { OWN_DIGESTS } from '../own-digests.ts';
import { opOfFunction } from '../own-functions.ts';
import type { Made } from '../values.ts';
import type { OnnxOp, OnnxOps } from './row.ts';

/** Ops as functions of our own domain: attributes by the schema of the op, operands as they stand. */

const ELEM_OF: Readonly<Record<DType, ElemName>> = {
  f32: 'float',
  i8: 'int8',
  i6: 'int8',
  u8: 'uint8',
  i16: 'int16',
  i32: 'int32',
  bool: 'bool',
};

const dtypeOf = (n: OnnxNode, code: number): DType => {
  const elem = elemByCode(code);
  return elem === undefined ? n.malformed(`dtype is ${code}`) : elemOf(elem).dtype;
};

const attrOf = (n: OnnxNode, name: string, spec: AttrSpec): AnyAttrs[string] => {
  switch (spec.kind) {
    case 'int':
      return n.int(name);
    case 'ints':
      return n.ints(name) ?? [];
    case 'f32':
      return n.float(name);
    case 'bool':
      return n.int(name) !== 0;
    case 'enum':
      return n.text(name, '');
    case 'dtype':
      return dtypeOf(n, n.int(name));
    default:
      return spec satisfies never;
  }
};

const imported = (n: OnnxNode, op: OpName): readonly Made[] => {
  const attrs = Object.fromEntries(Object.entries(opOf(op).attrs).map(([name, spec]) => [name, attrOf(n, name, spec)]));
  return n.emitAny(op, n.wires(), attrs).map((value) => ({ value, elem: ELEM_OF[n.typeOf(value).dtype] }));
};

const row = (name: string): OnnxOp | undefined => {
  const op = opOfFunction(name);
  return isOpName(op) ? { since: [1], import: (n) => imported(n, op) } : undefined;
};

export const own: OnnxOps = Object.fromEntries(
  Object.keys(OWN_DIGESTS).flatMap((name) => {
    const made = row(name);
    return made === undefined ? [] : [[name, made]];
  }),
);
