import { expect, test } from '@jest/globals';
import {
  type AnyAttrs,
  completeAttrs,
  OP_NAMES,
  opOf,
  type OpName,
  type OpNode,
  parseType,
  printProgram,
  type Program,
  type TensorType,
  valueId,
} from '../../ir/index.ts';
import { unwrap } from '../../support/index.ts';
import { parseMrl } from './index.ts';

/** Text of a model whose one call breaks a constraint; its types are inputs. */
const textOf = (op: OpName, operands: readonly unknown[], attrs: AnyAttrs): string => {
  const types = operands.map((o) => parseType(typeof o === 'string' ? o : (o as { type: string }).type) as TensorType);
  const inputs = types.map((_, i) => ({ name: `x${i}`, value: valueId(i) }));
  const results = opOf(op).results.map((_, i) => valueId(types.length + i));
  const node = { op, operands: inputs.map((p) => p.value), attrs: unwrap(completeAttrs(op, attrs)), results } as unknown as OpNode;
  const program: Program = {
    name: 'broken',
    inputs,
    params: [],
    nodes: [node],
    outputs: [{ name: 'y', value: valueId(types.length) }],
    types: [...types, ...results.map(() => types[0] ?? { dtype: 'i32' as const, shape: [1] })],
  };
  return printProgram(program, { form: 'readable' });
};

test.each(OP_NAMES)('%s: a broken constraint is reported by its label at the call', (op) => {
  for (const [label, c] of Object.entries(opOf(op).constraints)) {
    const text = textOf(op, c.broken.operands, (c.broken.attrs ?? {}) as AnyAttrs);
    const line = text.split('\n').findIndex((l) => l.includes(`${op}(`)) + 1;
    const parsed = parseMrl(text, { file: 'broken.mrl' });
    const found = parsed.ok ? [] : parsed.diagnostics.map((d) => [d.code, d.span?.line]);
    expect([label, found]).toEqual([label, [[`${op}_${label}`, line]]]);
  }
});
