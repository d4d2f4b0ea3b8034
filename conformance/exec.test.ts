import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import {
  casesOf,
  type ExecRun,
  type FailureKind,
  readVectors,
  refusedCasesOf,
  runExec,
  selectCases,
  selectOps,
} from '../src/conformance/index.ts';
import { type Result, unwrap } from '../src/support/index.ts';

jest.setTimeout(240_000);

const SUBJECT = join(import.meta.dirname, 'testing', 'subject.mjs');
const quote = (text: string): string => `"${text}"`;
const command = (...words: readonly string[]): string => [process.execPath, SUBJECT, ...words].map(quote).join(' ');
const cases = casesOf('reshape')
  .filter((c) => c.shape.operands[0]?.type.dtype === 'i8' && c.data === 'uniform' && !c.shape.results.some((r) => r.shape.includes(0)))
  .slice(0, 4);
const bad = cases[1];
const options = { cwd: tmpdir(), version: '0.0.0', limitMs: 20_000 };

const run = (words: readonly string[], limitMs = options.limitMs): Promise<Result<ExecRun>> =>
  runExec(cases, [], { ...options, command: command(...words), limitMs });

const statuses = ({ results }: ExecRun): readonly string[] => results.map((r) => r.outcome.status);

describe('a misbehaving program costs its case a named failure, and the run goes on', () => {
  const modes: readonly (readonly [string, FailureKind, RegExp, number?])[] = [
    ['silent', 'timeout', /^no reply within 2500 ms/, 2500],
    ['slow', 'timeout', /^no reply within 2500 ms/, 2500],
    ['garbage', 'protocol', /^the reply "Segmentation fault \(core dumped\)" is not a JSON object$/],
    ['not-an-object', 'protocol', /is not a JSON object$/],
    ['wrong-id', 'protocol', /^the reply has id "reshape\/other"$/],
    ['wrong-length', 'protocol', /^result 0 has 3 bytes, not \d+$/],
    ['wrong-count', 'protocol', /^the reply has 2 results, not 1$/],
    ['not-base64', 'protocol', /^result 0 is not base64$/],
    ['no-results', 'protocol', /^the reply has neither results nor refused$/],
    ['crash', 'crash', /exited with status 9; stderr ends with: \.+out of memory$/],
    ['endless', 'protocol', /^the reply is longer than any right one/],
    ['wrong-value', 'mismatch', /^results differ from the reference$/],
  ];
  // one argument: jest takes a missing last one for its callback
  test.each(modes.map((row) => ({ mode: row[0], row })))('$mode', async ({ row: [mode, kind, reason, limitMs] }) => {
    const done = unwrap(await run([mode, bad?.id ?? ''], limitMs));
    expect(statuses(done)).toEqual(['passed', 'failed', 'passed', 'passed']);
    expect(done.results[1]?.outcome).toMatchObject({ status: 'failed', kind, reason: expect.stringMatching(reason) });
    expect(done.restarts).toBe(kind === 'mismatch' ? 0 : 1);
    expect(done.stopped).toBeUndefined();
  });

  test('output that nobody asked for: the case itself is right, the next one is not answered', async () => {
    const done = unwrap(await run(['many-lines', bad?.id ?? '']));
    expect(statuses(done)).toEqual(['passed', 'passed', 'failed', 'passed']);
    expect(done.results[2]?.outcome).toMatchObject({ kind: 'protocol', reason: 'the reply has id "?"' });
  });

  test('a difference is told by result, element and values', async () => {
    const done = unwrap(await run(['wrong-value', bad?.id ?? '']));
    expect(done.results[1]?.outcome).toMatchObject({ difference: { result: 0, index: 0, got: expect.any(String) } });
  });
});

describe('programs that are given up', () => {
  test('one that never gives a reply that can be read', async () => {
    const many = casesOf('reshape')
      .filter((c) => c.shape.operands[0]?.type.dtype === 'i8')
      .slice(0, 15);
    const done = unwrap(await runExec(many, [], { ...options, command: command('garbage') }));
    expect(statuses(done)).toEqual(new Array(10).fill('failed'));
    expect(done.stopped).toMatch(/^10 cases in a row had no reply that can be read; the last: the reply "Segm/);
  });

  const starts: readonly (readonly [string, string, RegExp])[] = [
    ['dies at every start', command('dies-at-start'), /it exited with status 3; stderr ends with: cannot open the device/],
    ['does not exist', '/no/such/program', /it exited with status 127; stderr ends with: .*not found/],
    ['another greeting', command('bad-greeting'), /it answers the greeting with "hello", which is not a JSON object/],
    ['another version', command('other-version'), /it speaks version 2 of the protocol, this kit version 1/],
    ['ops that do not exist', command('other-op'), /it lists ops that do not exist: no_such_op/],
  ];
  test.each(starts)('%s', async (_name, line, message) => {
    const result = await runExec(cases, [], { ...options, command: line });
    expect(result.ok ? [] : result.diagnostics.map((d) => [d.code, d.message])).toEqual([['CNF0007', expect.stringMatching(message)]]);
  });
});

describe('what has to be refused', () => {
  const refused = refusedCasesOf('reshape');
  test('is asked only of programs that claim to check', async () => {
    expect(unwrap(await runExec([], refused, { ...options, command: command('well') })).refusals).toEqual([]);
  });
  test('results instead of a refusal fail', async () => {
    const { refusals } = unwrap(await runExec([], refused, { ...options, command: command('accepts') }));
    expect(refusals[0]?.outcome).toMatchObject({
      status: 'failed',
      kind: 'accepted',
      reason: 'reshape_c1 is broken, but the program gives results',
    });
  });
  test('a refusal passes', async () => {
    const { refusals } = unwrap(await runExec([], refused, { ...options, command: command('refuses') }));
    expect(refusals.map((r) => r.outcome.status)).toEqual(refused.map(() => 'passed'));
  });
});

describe('the examples', () => {
  const works = (...words: readonly [string, ...string[]]): boolean => spawnSync(words[0], words.slice(1)).status === 0;
  const python = works('python3', '--version');
  const cc = works('cc', '--version') && works('make', '--version');
  if (!python) console.warn('The conformance example in Python is skipped: python3 is not here');
  if (!cc) console.warn('The conformance example in C is skipped: cc or make is not here');

  const EXAMPLES = join(import.meta.dirname, 'examples');
  const names = ['add', 'sub', 'mul', 'relu', 'clamp', 'rescale', 'table', 'conv', 'dense', 'matmul', 'max_pool', 'average_pool'];
  const { ops } = selectOps([...names, 'softmax_lut', 'concat', 'reshape', 'transpose']);

  const floats = ['div', 'maximum', 'pow', 'neg', 'clip', 'elu', 'sigmoid', 'tanh', 'erf', 'exp', 'log', 'sqrt', 'softplus', 'round'];
  const { ops: withFloats } = selectOps([...names, ...floats, 'reduce_sum', 'reduce_mean', 'softmax', 'log_softmax', 'lrn']);

  const passes = async (line: string, tested: typeof ops, passing: number): Promise<void> => {
    const set = unwrap(readVectors());
    const sample = selectCases(set, tested, 1200).cases;
    const done = unwrap(await runExec(sample, [], { ...options, command: line, digests: set.digests }));
    expect(done.results.filter((r) => r.outcome.status === 'failed').map((r) => [r.case.id, r.outcome])).toEqual([]);
    expect(new Set(done.results.flatMap((r) => (r.outcome.status === 'passed' ? [r.case.shape.op] : []))).size).toBe(passing);
    expect(done.results.length).toBe(sample.length);
    expect(done.restarts).toBe(0);
  };

  (python ? test : test.skip)('python', () => passes(`python3 ${quote(join(EXAMPLES, 'python', 'backend.py'))}`, ops, ops.length));

  (cc ? test : test.skip)('c', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'conformance-c-'));
    try {
      const built = spawnSync('make', ['-s', '-C', join(EXAMPLES, 'c'), `BUILD=${folder}`], { encoding: 'utf8' });
      expect([built.status, built.stderr]).toEqual([0, '']);
      await passes(quote(join(folder, 'backend')), ops, ops.length);
      await passes(quote(join(folder, 'backend')), withFloats, withFloats.length);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
