import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { identityHash, OP_NAMES, paramDigest, printProgram, type Tensor, typeOf } from '../../ir/index.ts';
import { type Diagnostic, renderDiagnostic } from '../../support/index.ts';
import { BUILTINS, GENERATORS, isBuiltin, isGenerator } from './builtins.ts';
import { type ParamSource, paramSourceOf, parseMrl } from './index.ts';

const problems = (text: string, params?: ParamSource): readonly Diagnostic[] => {
  const result = parseMrl(text, { file: 'm.mrl', params });
  return result.ok ? [] : result.diagnostics;
};
const f32 = (shape: readonly number[], data: readonly number[]): Tensor => ({ dtype: 'f32', shape, data: Float32Array.from(data) });

test('no built-in is named as an op', () => {
  expect(OP_NAMES.filter((op) => isBuiltin(op) || isGenerator(op))).toEqual([]);
  expect(Object.keys(BUILTINS).filter(isGenerator)).toEqual([]);
  expect(Object.keys(GENERATORS)).toEqual(['fill', 'random']);
});

describe('ResNet-152', () => {
  const text = readFileSync('examples/resnet152.mrl', 'utf8');

  test('is a page, and elaborates to 155 convolutions and 60.2 M weights in under 2 s', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(120);
    const timed = () => {
      const started = performance.now();
      const result = parseMrl(text, { file: 'resnet152.mrl', unboundParams: 'zeros' });
      return { result, ms: performance.now() - started };
    };
    // The best of three: other work on the machine is not what is measured.
    const runs = [timed(), timed(), timed()];
    expect(Math.min(...runs.map((r) => r.ms))).toBeLessThan(2000);
    const { result } = runs[0] ?? timed();
    if (!result.ok) throw new Error(result.diagnostics[0]?.message);
    const { program, meta } = result.value;
    expect(program.nodes.filter((n) => n.op === 'conv')).toHaveLength(155);
    const weights = program.params.filter((p) => !p.name.includes('.running_'));
    // What torchvision states for resnet152.
    expect(weights.reduce((n, p) => n + p.tensor.data.length, 0)).toBe(60_192_808);
    expect(program.params.map((p) => p.name)).toContain('layer3.35.conv2.weight');
    expect(program.outputs.map((o) => [o.name, typeOf(program, o.value)])).toEqual([['logits', { dtype: 'f32', shape: ['N', 1000] }]]);
    expect(meta.get('title')).toBe('ResNet-152');
  });

  test('takes weights by name, and made-up ones are the same each time', () => {
    const small = text.replace('[3, 8, 36, 3]', '[1, 1]').replace('let width = 64', 'let width = 2').replace('1000', '3');
    const read = () => parseMrl(small, { file: 'r.mrl', unboundParams: 'random' });
    const [first, second] = [read(), read()];
    if (!first.ok || !second.ok) throw new Error('not read');
    expect(identityHash(first.value.program)).toBe(identityHash(second.value.program));
    const bound = parseMrl(small, { file: 'r.mrl', params: paramSourceOf(first.value.program) });
    expect(bound.ok && identityHash(bound.value.program)).toBe(identityHash(first.value.program));
    expect(new Set(problems(small).map((d) => d.code))).toEqual(new Set(['MRL2008']));
  });
});

describe('parameters from outside', () => {
  const model = (init: string): string => `mrl 1; model m { input x: f32[2]; param w: f32[2]${init}; output y = mul(x, w); }`;
  const tensor = f32([2], [3, -0]);
  const digest = paramDigest(tensor);

  test('by digest, checked', () => {
    const text = model(` = blob sha256:${digest}`);
    const good = parseMrl(text, { file: 'm.mrl', params: { byDigest: (d) => (d === digest ? tensor : undefined) } });
    expect(good.ok && good.value.program.params[0]?.tensor.data).toBe(tensor.data);
    expect(problems(text, { byDigest: () => f32([2], [3, 0]) })[0]?.message).toMatch(
      /the data has digest sha256:\w+ but sha256:\w+ is wanted/,
    );
    expect(problems(text, { byDigest: () => f32([1, 2], [3, -0]) })[0]?.message).toContain('wants f32[2] but the data is f32[1, 2]');
  });

  test('by name, with the type of the text', () => {
    expect(problems(model(''), { byName: (n) => (n === 'w' ? tensor : undefined) })).toEqual([]);
    expect(problems(model(''), { byName: () => ({ dtype: 'i32', shape: [2], data: new Int32Array(2) }) })[0]?.code).toBe('MRL2009');
    expect(problems(model(''), { byName: () => ({ dtype: 'f32', shape: [2], data: new Float32Array(3) }) })[0]?.code).toBe('MRL2009');
  });

  test('int8 files hold int6 parameters, within their range', () => {
    const text = 'mrl 1; model m { input x: i8[1, 2]; param w: i6[1, 2]; output y = dense(x, w); }';
    const source = (a: number): ParamSource => ({ byName: () => ({ dtype: 'i8', shape: [1, 2], data: Int8Array.of(a, -31) }) });
    expect(problems(text, source(31))).toEqual([]);
    expect(problems(text, source(32)).map((d) => d.code)).toEqual(['IR0005']);
  });
});

describe('diagnostics', () => {
  test('render with line, caret and remedy', () => {
    const text = 'mrl 1;\nmodel m {\n  input x: f32[2];\n  output y = rellu(x);\n}\n';
    expect(
      problems(text)
        .map((d) => renderDiagnostic(d, { source: text, color: false }))
        .join('\n'),
    ).toBe(
      [
        'error[MRL2004]: there is no op or function rellu',
        ' --> m.mrl:4:14',
        '  |',
        '4 |   output y = rellu(x);',
        '  |              ^^^^^',
        '  = help: Did you mean relu?',
      ].join('\n'),
    );
  });

  test('a problem inside a function tells who called it, once', () => {
    const text =
      'mrl 1;\nfn f(x) { return softmax(x, axis: 5); }\nfn g(x) { return f(x); }\nmodel m {\n  input x: f32[2];\n  output y = g(x);\n  output z = g(x);\n}';
    expect(problems(text).map((d) => [d.code, d.span?.line, d.notes.slice(1)])).toEqual([
      ['softmax_c1', 2, ['In f, called at 3:18.', 'In g, called at 6:14.']],
    ]);
  });

  test('are in the order of the text, from syntax to ops in one run', () => {
    const text =
      'mrl 1;\nmodel m {\n  input x: f32[2];\n  let a = softmax(x, axis: 5);\n  let b = = 1;\n  let c = f(x);\n  output y = x;\n}';
    expect(problems(text).map((d) => d.code)).toEqual(['softmax_c1', 'MRL1003']);
  });
});

test('comments, line ends, space and a byte order mark do not matter', () => {
  const a = parseMrl('\ufeffmrl 1;\r\nmodel m { // c\r\n input x: f32[2];\r\n output y = x; }', { file: 'a' });
  const b = parseMrl('mrl 1;model m{input x:f32[2];output y=x;}', { file: 'b' });
  expect(a.ok && b.ok && printProgram(a.value.program, { form: 'readable' })).toBe(
    b.ok && printProgram(b.value.program, { form: 'readable' }),
  );
});
