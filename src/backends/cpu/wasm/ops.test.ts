import { beforeAll, expect, test } from '@jest/globals';
import { OP_NAMES } from '../../../ir/index.ts';
import { opUses } from '../../../../tests/support/op-uses.ts';
import { expectSame } from '../../../../tests/support/same-as-reference.ts';
import { wasmBackend } from './index.ts';

beforeAll(() => wasmBackend.prepare?.());

const uses = opUses();

test('every op is among them', () => {
  expect(OP_NAMES.filter((op) => !uses.some((use) => use.name.startsWith(`${op} sample `)))).toEqual([]);
});

test.each(uses)('$name', ({ program, inputs }) => expectSame(wasmBackend, program, inputs));
