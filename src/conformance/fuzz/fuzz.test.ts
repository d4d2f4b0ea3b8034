import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Backend, Executable } from '../../backends/backend.ts';
import { backendByName } from '../../backends/index.ts';
import { parseMrl } from '../../frontend/mrl/index.ts';
import { OP_NAMES, type OpName, printProgram, proveProgram, runProgram, verifyProgram } from '../../ir/index.ts';
import { at, invariant, ok, unwrap } from '../../support/index.ts';
import { ALL_PASSES, type FoundCase, fuzzCase, type FuzzOptions, fuzzStep, randomProgram, reproFiles, reproText } from './index.ts';

const wasm = backendByName('wasm');
invariant(wasm !== undefined, 'there is a wasm backend');
const reference = backendByName('reference');
invariant(reference !== undefined, 'there is a reference backend');

beforeAll(() => wasm.prepare?.());

describe('a slice of the fuzzer', () => {
  const options: FuzzOptions = { seed: 20_000, nodes: 8, backends: [wasm] };
  const seen = new Set<OpName>();

  test.each([0, 1, 2, 3])('100 programs from %d00: backends, passes and round trips agree', async (hundred) => {
    for (let i = 100 * hundred; i < 100 * (hundred + 1); i++) {
      const { program, found } = await fuzzStep(options, i);
      for (const node of program.nodes) seen.add(node.op);
      expect(found === undefined ? '' : reproText(found.finding, found.case, `program ${i}`)).toBe('');
    }
  });

  test('100 programs of the ops that backends fuse', async () => {
    const ops: readonly OpName[] = ['conv', 'dense', 'matmul', 'rescale', 'clamp', 'clip', 'relu', 'add', 'add_rescale', 'max_pool'];
    for (let i = 0; i < 100; i++) {
      const { found } = await fuzzStep({ ...options, ops }, i);
      expect(found === undefined ? '' : reproText(found.finding, found.case, `program ${i}`)).toBe('');
    }
  });

  test('takes most ops, and has shared values, dead nodes, several outputs, copies and empty tensors', () => {
    expect(seen.size).toBeGreaterThan(0.8 * OP_NAMES.length);
    const programs = Array.from({ length: 300 }, (_, i) => fuzzCase(options, i).program);
    const uses = programs.map((p) => p.nodes.flatMap((n) => [...n.operands]));
    expect(uses.some((list) => new Set(list).size < list.length)).toBe(true);
    expect(programs.some((p) => p.outputs.length > 2)).toBe(true);
    expect(programs.some((p) => p.nodes.length === 0)).toBe(true);
    expect(programs.some((p) => p.types.some((t) => t.shape.includes(0)))).toBe(true);
    const isDead = (r: number, i: number): boolean =>
      !at(uses, i).some((v) => v === r) && !at(programs, i).outputs.some((o) => o.value === r);
    expect(programs.some((p, i) => p.nodes.some((n) => n.results.every((r) => isDead(r, i))))).toBe(true);
  });
});

describe('random programs', () => {
  test('are valid, free of overflow and a function of the seed', () => {
    for (let seed = 0; seed < 40; seed++) {
      const program = randomProgram(seed, 5);
      unwrap(verifyProgram(program));
      unwrap(proveProgram(program));
      expect(printProgram(randomProgram(seed, 5), { form: 'readable' })).toBe(printProgram(program, { form: 'readable' }));
    }
    expect(printProgram(randomProgram(1, 5, { index: 1 }), { form: 'readable' })).not.toBe(
      printProgram(randomProgram(1, 5), { form: 'readable' }),
    );
  });

  test('use the ops that are asked for, and what connects them', () => {
    const ops: readonly OpName[] = ['conv', 'rescale'];
    const used = new Set(Array.from({ length: 20 }, (_, seed) => randomProgram(seed, 4, { ops }).nodes.map((n) => n.op)).flat());
    expect(used.has('conv') && used.has('rescale')).toBe(true);
    const connecting: readonly OpName[] = ['cast', 'reshape', 'slice', 'tile', 'clamp', 'clip'];
    expect([...used].filter((op) => !ops.includes(op) && !connecting.includes(op))).toEqual([]);
  });
});

/** The reference, but results of nodes for which `when` holds get one more in their last element. */
const faulty = (when: (op: OpName, width: number) => boolean): Backend => ({
  ...reference,
  name: 'planted',
  compile: (program) =>
    ok<Executable>({
      run: (inputs) =>
        runProgram(program, inputs, (node, results) => {
          for (const { data, shape } of results) {
            if (data.length > 0 && when(node.op, shape.at(-1) ?? 1)) data[data.length - 1] = (data[data.length - 1] ?? 0) + 1;
          }
        }),
    }),
});

const findFirst = async (backend: Backend, seed: number): Promise<FoundCase> => {
  const options = {
    seed,
    nodes: 8,
    backends: [backend],
    passes: [],
    roundTrips: false,
    ops: ['abs', 'neg', 'transpose', 'concat', 'sub'] as const,
  };
  for (let i = 0; i < 200; i++) {
    const { found } = await fuzzStep(options, i);
    if (found !== undefined) return found;
  }
  throw new RangeError('nothing is found');
};

describe('what is found', () => {
  test('is reduced to the op at fault and the sizes that it needs', async () => {
    const found = await findFirst(
      faulty((op, width) => op === 'neg' && width >= 3),
      5,
    );
    const { program, inputs } = found.case;
    expect(program.nodes.map((n) => n.op)).toEqual(['neg']);
    expect(program.outputs).toHaveLength(1);
    expect(inputs).toHaveLength(1);
    expect(at(program.types, at(program.outputs, 0).value).shape.reduce<number>((n, d) => n * Number(d), 1)).toBe(3);
    expect(found.finding).toMatchObject({ kind: 'backend', subject: 'planted', difference: { result: 0, index: 2 } });
  });

  test('is written as a model string that the parser takes, with what the reference gives, and inputs as arrays', async () => {
    const found = await findFirst(
      faulty((op) => op === 'concat'),
      6,
    );
    const text = reproText(found.finding, found.case, 'where it comes from');
    expect(text).toContain('// where it comes from');
    expect(text).toMatch(/\/\/ eval: random\(.*\) == \[/);
    const parsed = unwrap(parseMrl(text, { file: 'repro.mrl' })).program;
    expect(runProgram(parsed, at(found.case.inputs, 0))).toEqual(runProgram(found.case.program, at(found.case.inputs, 0)));
    const files = reproFiles('name', found.finding, found.case, '');
    expect(files.map((f) => f.name)).toEqual(['name.mrl', ...found.case.program.inputs.map((p) => `name.${p.name}.npy`)]);
  });

  test('may be state that a run leaves behind', async () => {
    let runs = 0;
    const leaking: Backend = {
      ...reference,
      name: 'leaking',
      compile: (program) =>
        ok<Executable>({
          run: (inputs) => {
            const results = runProgram(program, inputs);
            // the third run in a row shows what the first two left
            if (++runs % 3 === 0) for (const { data } of results) data[0] = 1 - (data[0] ?? 0);
            return results;
          },
        }),
    };
    const abs: readonly OpName[] = ['abs'];
    const options = { seed: 1, nodes: 1, ops: abs, backends: [leaking], passes: [], roundTrips: false, reduce: false };
    const sets: (number | undefined)[] = [];
    for (let i = 0; i < 6; i++) sets.push((await fuzzStep(options, i)).found?.finding.set);
    expect(new Set(sets.filter((set) => set !== undefined))).toEqual(new Set([0]));
  });

  test('a backend that throws or refuses a valid program is a finding, one without a row is not', async () => {
    const kinds = async (compile: Backend['compile']): Promise<string | undefined> => {
      const backends = [{ ...reference, name: 'bad', compile }];
      return (await fuzzStep({ seed: 1, nodes: 1, backends, passes: [], roundTrips: false, reduce: false }, 0)).found?.finding.kind;
    };
    const refusing = (code: 'BKD0002' | 'IR0003') => (): ReturnType<Backend['compile']> => ({
      ok: false,
      diagnostics: [{ code, severity: 'error', message: 'no', notes: [] }],
    });
    expect(await kinds(refusing('BKD0002'))).toBeUndefined();
    expect(await kinds(refusing('IR0003'))).toBe('refused');
    expect(
      await kinds(() => {
        throw new RangeError('no memory');
      }),
    ).toBe('crash');
  });

  test('every registered pass is among those that are compared', () => {
    expect(ALL_PASSES.length).toBeGreaterThan(6);
  });
});
