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

const lineOf = (name: string, op: AnyOp): string => {
  const attrs = attrNames(op.attrs).map((a) => `${a}:${kindText(op.attrs[a]!)}`);
  return `0x${op.code.toString(16).padStart(2, '0')} ${name}(${op.operands.join(', ')}) -> ${op.results.join(', ')} {${attrs.join(', ')}}`;
};

const current = [`dtypes ${DTYPES.join(' ')}`, ...OP_NAMES.map((name) => lineOf(name, opOf(name)))];

test('opcodes and attribute schemas are those of the golden file, or added to it', () => {
  const golden = existsSync(GOLDEN) ? readFileSync(GOLDEN, 'utf8').trimEnd().split('\n') : [];
  const gone = golden.filter((line) => !current.includes(line));
  expect(gone).toEqual([]);
  if (process.env['UPDATE_GOLDEN'] === '1' && process.env['CI'] === undefined) writeFileSync(GOLDEN, `${current.join('\n')}\n`);
  else expect(current.filter((line) => !golden.includes(line))).toEqual([]);
});

test('opcodes are unique', () => {
  expect(new Set(OP_NAMES.map((name) => opOf(name).code)).size).toBe(OP_NAMES.length);
});
