import { expect, test } from '@jest/globals';
import { type AnyAttrs, completeAttrs, OP_NAMES, opOf, parseType, ProgramBuilder, type StaticType } from '../ir/index.ts';
import { unwrap } from '../support/index.ts';
import { checkModule } from './check.ts';
import { encodeProgram } from './encode.ts';
import { readModule } from './read.ts';

/** Any bytecode, taken apart: its inputs and its node are replaced. */
const template = (() => {
  const b = new ProgramBuilder('template');
  b.output('y', b.emit('relu', [b.input('x', { dtype: 'i32', shape: [2] })], {}));
  return readModule(unwrap(encodeProgram(b.finish())));
})();

test.each(OP_NAMES)('%s: bytecode that breaks a constraint is refused by its label at the byte of the node', (op) => {
  for (const [label, c] of Object.entries(opOf(op).constraints)) {
    const types = c.broken.operands.map((o) => parseType(typeof o === 'string' ? o : o.type) as StaticType);
    const attrs = unwrap(completeAttrs(op, (c.broken.attrs ?? {}) as AnyAttrs));
    const checked = checkModule({
      ...template,
      inputs: types.map((type, i) => ({ name: `x${i}`, type })),
      nodes: [{ op, operands: types.map((_, i) => i), attrs, offset: 77 }],
    });
    const found = checked.ok ? [] : checked.diagnostics.map((d) => [d.code, d.where]);
    expect([label, found]).toEqual([label, [[`${op}_${label}`, expect.stringContaining('77')]]]);
  }
});
