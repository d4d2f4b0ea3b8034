import { describe, expect, test } from '@jest/globals';
import { bindDims, completeAttrs, inferNode } from './builder.ts';
import { evaluateNode, expandInto, runProgram } from './evaluate.ts';
import { OP_NAMES, opOf } from './ops/index.ts';
import { ProgramBuilder } from './builder.ts';
import { proveProgram } from './proof.ts';
import { type Range, hiOf, loOf, rangeOfTensor } from './range.ts';
import { sampleTensors } from './samples.ts';
import { parseType, type StaticType, type TensorType } from './types.ts';
import { verifyProgram } from './verify.ts';
import { at, unwrap } from '../support/index.ts';
import type { AnyAttrs } from './program.ts';

const typesOf = (operands: readonly unknown[]): TensorType[] =>
  operands.map((o) => {
    const type = parseType(typeof o === 'string' ? o : (o as { type: string }).type);
    if (type === undefined) throw new TypeError(`not a type: ${String(o)}`);
    return type;
  });

test('opcodes are unique and every op has samples and a doc', () => {
  const codes = OP_NAMES.map((n) => opOf(n).code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const name of OP_NAMES) {
    expect(opOf(name).samples.length).toBeGreaterThan(0);
    expect(opOf(name).doc.length).toBeGreaterThan(5);
  }
});

describe.each(OP_NAMES)('%s', (name) => {
  const op = opOf(name);

  test('each constraint is broken by exactly its own example', () => {
    for (const [label, c] of Object.entries(op.constraints)) {
      const attrs = completeAttrs(name, c.broken.attrs as AnyAttrs);
      if (!attrs.ok) throw new TypeError(`${name}_${label}: ${attrs.diagnostics[0]?.message}`);
      const inferred = inferNode(name, typesOf(c.broken.operands), attrs.value);
      expect(inferred.ok ? 'accepted' : inferred.diagnostics[0]?.code).toBe(`${name}_${label}`);
    }
  });

  test('samples infer, evaluate to their inferred types, and stay inside the proven ranges', () => {
    op.samples.forEach((sample, i) => {
      const tensors = sampleTensors(sample, 1000 + i);
      const builder = new ProgramBuilder(name);
      // operands from the second on are parameters, as in real programs
      const values = tensors.map((t, k) => (k === 0 ? builder.input('x', t) : builder.param(`p${k}`, t)));
      const results = unwrap(builder.tryEmit(name, values, sample.attrs as AnyAttrs));
      results.forEach((r, k) => builder.output(`y${k}`, r));
      const program = unwrap(verifyProgram(builder.finish()));
      const node = at(program.nodes, 0);
      const resultTypes = node.results.map((r) => at(program.types, r) as StaticType);
      const out = evaluateNode(name, tensors, node.attrs as AnyAttrs, resultTypes);
      expect(out.map((t) => [t.dtype, t.shape, t.data.length])).toEqual(
        resultTypes.map((t) => [t.dtype, t.shape, t.shape.reduce((a, b) => a * b, 1)]),
      );
      const proof = proveProgram(program);
      if (!proof.ok) return;
      out.forEach((t, k) => {
        if (t.dtype === 'f32' || t.data.length === 0) return;
        const r = proof.value.ranges[at(node.results, k)] as Range;
        const actual = rangeOfTensor(t);
        expect(actual.lo).toBeGreaterThanOrEqual(r.lo);
        expect(actual.hi).toBeLessThanOrEqual(r.hi);
        if (r.channels === undefined) return;
        const inner = t.shape.slice(2).reduce((a, b) => a * b, 1);
        const channels = t.shape[1] ?? 1;
        t.data.forEach((v, e) => {
          const c = Math.floor(e / inner) % channels;
          expect(v >= loOf(r, c) && v <= hiOf(r, c)).toBe(true);
        });
      });
    });
  });

  test('where x may have a symbolic batch, the definition takes it too and means the same', () => {
    if (op.kind !== 'composite') return;
    op.samples.forEach((sample, i) => {
      const tensors = sampleTensors(sample, 2000 + i);
      const [x] = tensors;
      if (x === undefined || x.shape.length < 2) return;
      const attrs = unwrap(completeAttrs(name, (sample.attrs ?? {}) as AnyAttrs));
      const open = { dtype: x.dtype, shape: ['N', ...x.shape.slice(1)] };
      const inferred = inferNode(name, [open, ...tensors.slice(1)], attrs);
      if (!inferred.ok) return;
      const builder = new ProgramBuilder(name);
      const values = tensors.map((t, k) => (k === 0 ? builder.input('x', open) : builder.param(`p${k}`, t)));
      const results = expandInto(builder, name, values, attrs);
      expect(results.map((r) => builder.typeOf(r))).toEqual(inferred.value);
      results.forEach((r, k) => builder.output(`y${k}`, r));
      const bound = unwrap(bindDims(builder.finish(), new Map([['N', at(x.shape, 0)]])));
      const types = unwrap(inferNode(name, tensors, attrs)) as readonly StaticType[];
      expect(runProgram(bound, [x])).toEqual(evaluateNode(name, tensors, attrs, types));
    });
  });
});
