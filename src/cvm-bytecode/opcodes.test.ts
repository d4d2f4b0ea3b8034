import { expect, test } from '@jest/globals';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnyOp, attrNames, type AttrSpec, DTYPES, OP_NAMES, opOf } from '../ir/index.ts';

/**
 * The wire format depends on opcodes, operand lists, attribute names, kinds and ranges, choices of enums and the list of
 * dtypes. A line that is in the golden file never changes or goes: that would change the meaning of bytecode on chain.
 * New lines: UPDATE_GOLDEN=1 npm run jest -- opcodes.
 */
const GOLDEN = join(import.meta.dirname, '../../conformance/opcodes.golden');

const kindText = (spec: AttrSpec): string => {
  switch (spec.kind) {
    case 'int':
    case 'ints':
      return `${spec.kind}(${spec.min}..${spec.max})`;
    case 'enum':
      return `enum(${spec.values.join('|')})`;
    default:
      return spec.kind;
  }
};

const lineOf = (name: string, op: AnyOp, code: number, names: readonly string[]): string => {
  const attrs = names.map((a) => `${a}:${kindText(op.attrs[a]!)}`);
  return `0x${code.toString(16).padStart(2, '0')} ${name}(${op.operands.join(', ')}) -> ${op.results.join(', ')} {${attrs.join(', ')}}`;
};

/** A line for each opcode: the op's own, and the one under which an attribute that was added later is written. */
const linesOf = (name: string, op: AnyOp): readonly string[] => {
  const names = attrNames(op.attrs);
  const { added } = op;
  const own = lineOf(
    name,
    op,
    op.code,
    names.filter((a) => a !== added?.attr),
  );
  return added === undefined ? [own] : [own, lineOf(name, op, added.code, names)];
};

const current = [`dtypes ${DTYPES.join(' ')}`, ...OP_NAMES.flatMap((name) => linesOf(name, opOf(name)))];

test('opcodes and attribute schemas are those of the golden file, or added to it', () => {
  const golden = existsSync(GOLDEN) ? readFileSync(GOLDEN, 'utf8').trimEnd().split('\n') : [];
  const gone = golden.filter((line) => !current.includes(line));
  expect(gone).toEqual([]);
  if (process.env['UPDATE_GOLDEN'] === '1' && process.env['CI'] === undefined) writeFileSync(GOLDEN, `${current.join('\n')}\n`);
  else expect(current.filter((line) => !golden.includes(line))).toEqual([]);
});

test('opcodes are unique', () => {
  const codes = OP_NAMES.flatMap((name) => [opOf(name).code, ...[opOf(name).added?.code ?? []].flat()]);
  expect(new Set(codes).size).toBe(codes.length);
});
