import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { runProgram, type Tensor, verifyProgram } from '../../ir/index.ts';
import { at } from '../../support/index.ts';
import { MX_TABLE } from './ops/index.ts';
import { examined } from './testing/data.ts';

interface Array32 {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface Recorded {
  readonly symbol: { readonly nodes: readonly { readonly op: string }[] };
  readonly params: string;
  readonly inputs: Readonly<Record<string, Array32>>;
  readonly outputs: readonly Array32[];
}

/** What MXNet 1.9.1 makes of small symbols: see testing/record.py. */
const RECORDED = JSON.parse(readFileSync(join(import.meta.dirname, 'testing/mxnet.json'), 'utf8')) as Readonly<Record<string, Recorded>>;

/** float32 sums in another order, and functions of other libraries. */
const FLOAT = 2e-6;

test.each(Object.entries(RECORDED))('%s as MXNet', (_, { symbol, params, inputs, outputs }) => {
  const report = examined(new TextEncoder().encode(JSON.stringify(symbol)), {
    shapes: Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape])),
    ...(params === '' ? {} : { params: new Uint8Array(Buffer.from(params, 'base64')) }),
  });
  expect(report.problems).toEqual([]);
  const { program } = report;
  if (program === undefined) throw new RangeError('there is no program');
  expect(verifyProgram(program)).toMatchObject({ ok: true });
  const given = program.inputs.map(({ name }): Tensor => {
    const { shape, data } = inputs[name] ?? { shape: [], data: [] };
    return { dtype: 'f32', shape, data: Float32Array.from(data) };
  });
  const got = runProgram(program, given);
  expect(got.map((t) => t.shape)).toEqual(outputs.map((t) => t.shape));
  got.forEach((t, i) => {
    const { data } = at(outputs, i);
    const largest = Math.max(1, ...data.map(Math.abs));
    expect(Math.max(0, ...Array.from(t.data, (v, k) => Math.abs(v - at(data, k))))).toBeLessThanOrEqual(FLOAT * largest);
  });
});

/** Names of MXNet 2 for rows of older names, which 1.9.1 does not have; and its bitwise operators, which take integers. */
const UNTESTED = /^_npi_(squeeze|transpose|bitwise_\w+|take|zeros|ones|full)$|^_npx_(group|instance)_norm$|^_contrib_BatchNormWithReLU$/;

test('every operator is recorded under one of its names', () => {
  const seen = new Set(Object.values(RECORDED).flatMap((r) => r.symbol.nodes.map((n) => n.op)));
  const rows = new Map(Object.entries(MX_TABLE).flatMap(([op, row]) => ('refused' in row ? [] : [[op, row] as const])));
  const covered = new Set([...seen].map((op) => rows.get(op)));
  const left = [...rows].filter(([op, row]) => !covered.has(row) && !UNTESTED.test(op)).map(([op]) => op);
  expect(left).toEqual([]);
});
