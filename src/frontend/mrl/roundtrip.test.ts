import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AnyAttrs,
  canonicalize,
  formatFloat,
  identityHash,
  OP_NAMES,
  opOf,
  type OpName,
  parseType,
  printProgram,
  type Program,
  ProgramBuilder,
  sampleTensors,
  verifyProgram,
} from '../../ir/index.ts';
import { renderDiagnostic } from '../../support/index.ts';
import { paramSourceOf, parseMrl } from './index.ts';

const read = (text: string, program: Program) => {
  const result = parseMrl(text, { file: 'test.mrl', params: paramSourceOf(program) });
  if (!result.ok)
    throw new Error(`${result.diagnostics.map((d) => renderDiagnostic(d, { source: text, color: false })).join('\n')}\n${text}`);
  return result.value.program;
};

const USES = OP_NAMES.flatMap((op) => opOf(op).samples.map((sample) => ({ op, sample })));
const NAMES = fc.oneof(
  fc.constantFrom('x', 'x.0.w', 'input', 'f32', 'a b', 'x/y:0', 'v0', 'p0', '', '`', '\n', '日本', '_1', '1a'),
  fc.string({ maxLength: 8 }),
);

interface Plan {
  readonly use: number;
  readonly seed: number;
  readonly asInput: readonly boolean[];
  readonly origin: string | undefined;
}

/** Programs of independent uses of ops whose results are outputs, or feed a concat of themselves when they can. */
const PROGRAM = fc
  .record({
    names: fc.array(NAMES, { minLength: 40, maxLength: 40 }),
    plans: fc.array(
      fc.record({
        use: fc.nat(USES.length - 1),
        seed: fc.nat(1000),
        asInput: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
        origin: fc.option(NAMES, { nil: undefined }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    model: NAMES,
  })
  .map(({ names, plans, model }) => build(names, plans, model));

const build = (names: readonly string[], plans: readonly Plan[], model: string): Program => {
  const builder = new ProgramBuilder(model);
  const used = new Set<string>();
  let next = 0;
  const name = (): string => {
    let wish = names[next++ % names.length] ?? 'n';
    while (used.has(wish)) wish += 'x';
    used.add(wish);
    return wish;
  };
  const outputs: { name: string; value: ReturnType<ProgramBuilder['input']> }[] = [];
  for (const plan of plans) {
    const { op, sample } = USES[plan.use] ?? { op: 'relu' as OpName, sample: { operands: ['f32[2]'] } };
    const operands = sampleTensors(sample, plan.seed).map((tensor, i) => {
      const fixed = typeof sample.operands[i] === 'object' && 'data' in (sample.operands[i] as object);
      return plan.asInput[i] === true && !fixed && op !== 'rescale' && op !== 'mul_rescale'
        ? builder.input(name(), { dtype: tensor.dtype, shape: tensor.shape })
        : builder.param(name(), tensor);
    });
    const results = builder.tryEmit(op, operands, (sample.attrs ?? {}) as AnyAttrs, plan.origin);
    if (!results.ok) throw new Error(`${op}: ${results.diagnostics[0]?.message}`);
    for (const value of results.value) outputs.push({ name: name(), value });
  }
  for (const { name: n, value } of outputs) builder.output(n, value);
  return builder.finish();
};

describe('printing and reading', () => {
  test('a readable print reads back to the same canonical text, and names that can be written are kept', () => {
    fc.assert(
      fc.property(PROGRAM, (program) => {
        const back = read(printProgram(program, { form: 'readable' }), program);
        expect(printProgram(back, { form: 'canonical' })).toBe(printProgram(program, { form: 'canonical' }));
        expect(identityHash(back)).toBe(identityHash(program));
        program.inputs.forEach((port, i) => {
          if (/^[A-Za-z][A-Za-z0-9 /:.]*$/.test(port.name)) expect(back.inputs[i]?.name).toBe(port.name);
        });
      }),
      { numRuns: 150, seed: 20 },
    );
  });

  test('the canonical text is a fixed point', () => {
    fc.assert(
      fc.property(PROGRAM, (program) => {
        const text = printProgram(program, { form: 'canonical' });
        const canonical = canonicalize(program);
        expect(printProgram(canonical, { form: 'canonical' })).toBe(text);
        expect(printProgram(read(text, program), { form: 'canonical' })).toBe(text);
        expect(verifyProgram(canonical).ok).toBe(verifyProgram(program).ok);
      }),
      { numRuns: 150, seed: 21 },
    );
  });

  test('every sample of every op prints and reads back', () => {
    for (let use = 0; use < USES.length; use++) {
      const program = build(
        ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
        [{ use, seed: 3, asInput: [false, false, false, false, false, false], origin: undefined }],
        'm',
      );
      const text = printProgram(program, { form: 'canonical' });
      expect(printProgram(read(text, program), { form: 'canonical' })).toBe(text);
    }
  });

  test('floats print as the shortest decimal that reads back', () => {
    const bits = new Float32Array(1);
    const words = new Uint32Array(bits.buffer);
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), (word) => {
        words[0] = word;
        const value = bits[0] ?? 0;
        fc.pre(value === value);
        const text = formatFloat(value);
        expect(Object.is(Math.fround(Number(text.replace('inf', 'Infinity'))), value)).toBe(true);
        expect(text).toMatch(/[.e]|inf/);
        expect(text.replace(/^-|e.*$|^-?0\.0*|\.0$|\./g, '').length).toBeLessThanOrEqual(21);
      }),
      { numRuns: 3000, seed: 22 },
    );
    expect([0.1, 1, -0, 16777216, 1e-45, 3.4028234663852886e38, 1e21, Infinity].map((v) => formatFloat(Math.fround(v)))).toEqual([
      '0.1',
      '1.0',
      '-0.0',
      '16777216.0',
      '1e-45',
      '3.4028235e+38',
      '1e+21',
      'inf',
    ]);
  });

  test('types of symbolic inputs survive and symbols are renamed in the canonical form', () => {
    const builder = new ProgramBuilder('m');
    const type = parseType('f32[batch,3,W]');
    if (type === undefined) throw new Error('type');
    const x = builder.input('x', type);
    builder.output('y', builder.emit('relu', [x], {}));
    const program = builder.finish();
    expect(printProgram(program, { form: 'canonical' })).toContain('input x0: f32[d0, 3, d1];');
    expect(read(printProgram(program, { form: 'readable' }), program).types).toEqual(program.types);
  });
});

describe('identity', () => {
  const model = (body: string): Program => read(`mrl 1; model m { ${body} }`, new ProgramBuilder('').finish());
  const base = model('input x: f32[2]; param w: f32[2] = [1, 2]; let a = mul(x, w); output y = relu(a);');

  test('names, order of statements, dead code and unused parameters do not change it', () => {
    const other = model(
      'param unused: f32[1] = [3]; param k: f32[2] = [1.0, 2.0]; input q: f32[2]; let dead = neg(q); let b = mul(q, k); output out = relu(b);',
    );
    expect(identityHash(other)).toBe(identityHash(base));
  });

  test.each([
    ['operand order', 'input x: f32[2]; param w: f32[2] = [1, 2]; let a = mul(w, x); output y = relu(a);'],
    ['parameter data', 'input x: f32[2]; param w: f32[2] = [1, -2]; let a = mul(x, w); output y = relu(a);'],
    ['sign of zero', 'input x: f32[2]; param w: f32[2] = [1, -0.0]; let a = mul(x, w); output y = relu(a);'],
    ['op', 'input x: f32[2]; param w: f32[2] = [1, 2]; let a = add(x, w); output y = relu(a);'],
    ['unused input', 'input x: f32[2]; input z: f32[2]; param w: f32[2] = [1, 2]; let a = mul(x, w); output y = relu(a);'],
    ['second output', 'input x: f32[2]; param w: f32[2] = [1, 2]; let a = mul(x, w); output y = relu(a); output z = a;'],
  ])('%s changes it', (_what, body) => {
    expect(identityHash(model(body))).not.toBe(identityHash(base));
  });

  test('is the same on every machine', () => {
    expect(printProgram(base, { form: 'canonical' })).toBe(
      'mrl 1;\nmodel main {\n  input x0: f32[2];\n  param p0: f32[2] = [1.0, 2.0];\n  let v0 = mul(x0, p0);\n  let v1 = relu(v0);\n  output o0 = v1;\n}\n',
    );
    expect(identityHash(base)).toBe('36b09b74dcf25c97e276686ef9e039ede036a441f94cd0d20397cec92bdbe870');
  });
});

describe('size', () => {
  test('10,000 nodes in a chain print in well under a second and read back', () => {
    const builder = new ProgramBuilder('chain');
    let x = builder.input('x', { dtype: 'f32', shape: [4] });
    for (let i = 0; i < 10_000; i++) x = builder.emit('relu', [x], {});
    builder.output('y', x);
    const program = builder.finish();
    const started = performance.now();
    const text = printProgram(program, { form: 'canonical' });
    printProgram(program, { form: 'readable' });
    expect(performance.now() - started).toBeLessThan(1000);
    expect(read(text, program).nodes).toHaveLength(10_000);
  });
});
