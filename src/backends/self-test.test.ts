import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { OP_NAMES, type OpName, opOf, ProgramBuilder, type Program, sampleTensors, type Tensor } from '../ir/index.ts';
import { at, diagnostic, fail, ok, type Result, unwrap } from '../support/index.ts';
import { compileAny } from './asynchronous.ts';
import type { Backend, Executable } from './backend.ts';
import { referenceBackend, wasmBackend } from './cpu/index.ts';
import { backendByName, BACKENDS, loadBackend, loadTestedBackend } from './index.ts';
import { SELF_TEST_DIGESTS } from './self-test-digests.ts';
import { selfTestDigest, selfTestUnits } from './self-test-cases.ts';
import { withSelfTest } from './self-test.ts';
import type { VerdictStore } from './verdicts.ts';

const FILE = new URL('self-test-digests.ts', import.meta.url);

test('the committed digests are those of the definitions', () => {
  const units = OP_NAMES.flatMap(selfTestUnits);
  const current = Object.fromEntries(units.map((unit) => [unit, selfTestDigest(unit)]));
  if (process.env['UPDATE_GOLDEN'] === '1' && process.env['CI'] === undefined) {
    const head = readFileSync(FILE, 'utf8').split('= {')[0] ?? '';
    writeFileSync(FILE, `${head}= {\n${units.map((unit) => `  '${unit}': '${current[unit] ?? ''}',\n`).join('')}};\n`);
    return;
  }
  expect(SELF_TEST_DIGESTS).toEqual(current);
});

/** `neg(x)` and `abs(x)` side by side. */
const twoOps = (): Program => {
  const b = new ProgramBuilder('two');
  const x = b.input('x', { dtype: 'i32', shape: [4] });
  b.output('a', b.emit('neg', [x], {}, 'first'));
  b.output('b', b.emit('abs', [x], {}, 'second'));
  return b.finish();
};

const oneOp = (op: OpName): { readonly program: Program; readonly inputs: readonly Tensor[] } => {
  const sample = at(opOf(op).samples, 0);
  const [first, ...rest] = sampleTensors(sample, 1);
  const b = new ProgramBuilder(op);
  const values = [...(first === undefined ? [] : [b.input('x', first)]), ...rest.map((t, i) => b.param(`p${i}`, t))];
  unwrap(b.tryEmit(op, values, sample.attrs ?? {})).forEach((v, i) => b.output(`y${i}`, v));
  return { program: b.finish(), inputs: first === undefined ? [] : [first] };
};

/** The reference, but one op gives one bit too many in its last element. */
const broken = (op: OpName, compiles: Program[] = []): Backend => ({
  ...referenceBackend,
  name: 'planted',
  compile: (program) => {
    compiles.push(program);
    const compiled = referenceBackend.compile(program);
    if (!compiled.ok) return compiled;
    return ok<Executable>({
      run: (inputs) =>
        compiled.value.run(inputs).map((tensor, i) => {
          const { value } = at(program.outputs, i);
          const faulty = program.nodes.some((n) => n.op === op && n.results.some((r) => r === value));
          return faulty ? { ...tensor, data: tensor.data.map((v, k) => (k === tensor.data.length - 1 ? v ^ 1 : v)) as Int8Array } : tensor;
        }),
    });
  },
});

const codes = (result: Result<unknown>): readonly string[] => (result.ok ? [] : result.diagnostics.map((d) => d.code));

describe('a backend with a fault', () => {
  test('is refused by the name of the op, where it stands, with the machine; other ops go on', () => {
    const backend = withSelfTest(broken('abs'), SELF_TEST_DIGESTS);
    const refused = backend.compile(twoOps());
    expect(refused.ok ? [] : refused.diagnostics).toMatchObject([{ code: 'BKD0005', where: 'second (abs)' }]);
    const message = refused.ok ? '' : at(refused.diagnostics, 0).message;
    expect(message).toContain('abs fails the self-test of backend planted');
    expect(message).toContain(`node ${process.versions.node}, V8 ${process.versions.v8}`);
    expect(message).toContain(SELF_TEST_DIGESTS['abs int']);
    expect(backend.compile(oneOp('neg').program).ok).toBe(true);
  });

  test('is found inside the definition of a composite', () => {
    // hard_sigmoid is made of other ops; which ones its definition says
    expect(codes(withSelfTest(broken('clip'), SELF_TEST_DIGESTS).compile(oneOp('hard_sigmoid').program))).toEqual(['BKD0005']);
  });

  test('that throws or refuses concerns that op only', () => {
    const throwing: Backend = {
      ...referenceBackend,
      compile: (program) => {
        if (program.nodes.some((n) => n.op === 'abs')) throw new RangeError('out of registers');
        return referenceBackend.compile(program);
      },
    };
    const results = withSelfTest(throwing, SELF_TEST_DIGESTS).selfTest(['neg', 'abs', 'add']);
    expect(results).toEqual([
      { op: 'neg', status: 'passed' },
      { op: 'abs', status: 'failed', reason: 'out of registers' },
      { op: 'add', status: 'passed' },
    ]);
  });
});

describe('a backend that answers asynchronously', () => {
  /** The same faults behind asynchronous calls; `stores` takes the circumstances that stores are asked for. */
  const slow = (op: OpName, stores: (string | undefined)[] = []) => {
    const backend = broken(op);
    return withSelfTest(
      {
        ...backend,
        compile: () => fail(diagnostic('GPU0011', 'no')),
        compileAsync: (program) => compileAny(backend, program),
        circumstances: () => Promise.resolve('device 1'),
      },
      SELF_TEST_DIGESTS,
      (circumstances) => {
        stores.push(circumstances);
        return undefined;
      },
    );
  };

  test('is tested before its first program, and what it finds is kept for the device', async () => {
    const stores: (string | undefined)[] = [];
    const refused = await slow('abs', stores).compileAsync?.(twoOps());
    expect(refused?.ok === false ? refused.diagnostics : []).toMatchObject([{ code: 'BKD0005', where: 'second (abs)' }]);
    expect(new Set(stores)).toEqual(new Set(['device 1']));
    const sound = unwrap((await slow('conv').compileAsync?.(twoOps())) ?? fail());
    expect(await sound.run([{ dtype: 'i32', shape: [4], data: Int32Array.of(1, -2, 3, -4) }])).toMatchObject([
      { data: Int32Array.of(-1, 2, -3, 4) },
      { data: Int32Array.of(1, 2, 3, 4) },
    ]);
    await expect(sound.run([])).rejects.toMatchObject({ code: 'IR0010' });
  });

  test('tells of each op; what its `compile` refuses is refused', async () => {
    const results = await slow('abs').selfTestAsync(['neg', 'abs']);
    expect(results.map((r) => r.status)).toEqual(['passed', 'failed']);
    expect(codes(slow('conv').compile(twoOps()))).toEqual(['GPU0011']);
    expect(slow('conv').selfTest(['neg'])).toEqual([{ op: 'neg', status: 'refused', reason: 'no' }]);
  });
});

describe('a sound backend', () => {
  test('each op is tested once', () => {
    const compiles: Program[] = [];
    // the fault is in an op that is not used
    const backend = withSelfTest(broken('conv', compiles), SELF_TEST_DIGESTS);
    unwrap(backend.compile(twoOps()));
    expect(compiles.map((p) => p.name)).toEqual(['self_test', 'two']);
    unwrap(backend.compile(twoOps()));
    expect(compiles.map((p) => p.name)).toEqual(['self_test', 'two', 'two']);
  });

  test('what passed in an earlier process is not tested again; what failed is', () => {
    const lines = new Set<string>();
    const store: VerdictStore = {
      load: () => new Set(lines),
      update: (passed, failed) => {
        for (const line of passed) lines.add(line);
        for (const line of failed) lines.delete(line);
      },
    };
    /** The programs that a fresh process compiles. */
    const compiledBy = (fault: OpName, digests = SELF_TEST_DIGESTS): readonly string[] => {
      const compiles: Program[] = [];
      withSelfTest(broken(fault, compiles), digests, () => store).compile(twoOps());
      return compiles.map((p) => `${p.name} ${p.nodes.map((n) => n.op).join()}`);
    };
    expect(compiledBy('abs')).toEqual(['self_test neg,abs']);
    expect(compiledBy('abs')).toEqual(['self_test abs']);
    expect(compiledBy('conv')).toEqual(['self_test abs', 'two neg,abs']);
    expect(compiledBy('conv')).toEqual(['two neg,abs']);
    // other digests are another test
    expect(compiledBy('conv', { ...SELF_TEST_DIGESTS, 'neg int': '0'.repeat(16) })).toEqual(['self_test neg']);
    // the command that tests does so, whatever passed before
    const backend = withSelfTest(broken('abs'), SELF_TEST_DIGESTS, () => store);
    expect(backend.selfTest(['neg', 'abs']).map((r) => r.status)).toEqual(['passed', 'failed']);
    expect([...lines].filter((line) => !line.startsWith('neg '))).toEqual([]);
  });

  test.each(BACKENDS.map((b) => b.name))('%s passes every op', async (name) => {
    const backend = unwrap(await loadTestedBackend(name));
    const results = await backend.selfTestAsync(OP_NAMES);
    // an op that has no digest yet fails the test above
    expect(results.filter((r) => r.status === 'failed')).toEqual([]);
  });

  test('an op without a digest is untested, and runs', () => {
    const backend = withSelfTest(broken('abs'), {});
    expect(backend.selfTest(['abs'])).toEqual([{ op: 'abs', status: 'untested' }]);
    expect(backend.compile(twoOps()).ok).toBe(true);
  });

  test('the test can be left out', async () => {
    expect(await loadBackend('wasm', { selfTest: false })).toEqual({ ok: true, value: backendByName('wasm') });
    expect(backendByName('wasm')).toBe(wasmBackend);
  });
});
