import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type Backend, backendByName } from '../src/backends/index.ts';
import {
  casesOf,
  FAMILIES_OF_VECTORS,
  candidatesOfFamily,
  definedCases,
  findingOfRefused,
  refusedCasesOf,
  type Report,
  REPORT_FORMAT,
  REPORT_VERSION,
  reportHtml,
  reportJunit,
  reproOf,
  runCase,
  runCases,
  subjectReport,
  totalOf,
} from '../src/conformance/index.ts';
import type { AnyNode, Program, Tensor } from '../src/ir/index.ts';
import { at, diagnostic, fail, MrlError, ok } from '../src/support/index.ts';
import { readGolden, runGolden } from './golden.ts';

const FOLDER = join(import.meta.dirname, 'testing');
const UPDATE = process.env['UPDATE_GOLDEN'] === '1' && process.env['CI'] === undefined;

const reference = backendByName('reference');
if (reference === undefined) throw new TypeError('there is no reference backend');

const opsOf = (program: Program): readonly string[] => (program.nodes as readonly AnyNode[]).map((n) => n.op);

/** Adds 1 to the last element of what it is given. */
const spoiled = (t: Tensor): Tensor => {
  const data = t.data.slice();
  if (data.length > 0) data[data.length - 1] = at(data, data.length - 1) + 1;
  return { ...t, data };
};

/** Wrong on relu, stops on clamp, refuses bitwise_not; else the reference. */
const broken: Backend = {
  ...reference,
  name: 'broken',
  compile: (program) => {
    const ops = opsOf(program);
    if (ops.includes('bitwise_not')) return fail(diagnostic('BKD0002', 'bitwise_not: not here'));
    const compiled = reference.compile(program);
    if (!compiled.ok) return compiled;
    return ok({
      run: (inputs) => {
        if (ops.includes('clamp')) throw new MrlError([diagnostic('INT0001', 'unreachable executed')]);
        const results = compiled.value.run(inputs);
        return ops.includes('relu') ? results.map(spoiled) : results;
      },
    });
  },
};

const some = (op: 'relu' | 'clamp' | 'bitwise_not' | 'abs') => casesOf(op, { data: ['uniform'] }).filter((_, i) => i % 4 === 0);
const cases = [...some('relu'), ...some('clamp'), ...some('bitwise_not'), ...some('abs')];
const results = await runCases(broken, cases, { digests: new Map([[at(some('abs'), 0).id, '0123456789abcdef']]) });

describe('a broken backend', () => {
  test('every case has a result, in any order', () => {
    expect(new Set(results.map((r) => r.case.id))).toEqual(new Set(cases.map((c) => c.id)));
  });

  test.each([
    ['relu', 'mismatch'],
    ['clamp', 'error'],
    ['bitwise_not', 'refused'],
  ])('%s: %s', (op, wanted) => {
    for (const { case: c, outcome } of results) {
      if (c.shape.op !== op || c.shape.results.some((t) => t.shape.includes(0))) continue;
      expect(outcome.status === 'failed' ? outcome.kind : outcome.status).toBe(wanted);
    }
  });

  test('an op that is right is not harmed by its neighbours, and a digest that does not fit is stale', () => {
    const abs = results.filter((r) => r.case.shape.op === 'abs').map((r) => r.outcome);
    expect(abs.filter((o) => o.status === 'passed').length).toBe(abs.length - 1);
    expect(abs.find((o) => o.status === 'failed')).toMatchObject({ kind: 'stale' });
  });

  test('one case alone', async () => {
    expect(await runCase(broken, at(some('abs'), 0))).toEqual({ status: 'passed' });
  });

  const [refusal] = refusedCasesOf('abs');
  const refusals = refusal === undefined ? [] : [findingOfRefused(refusal, { status: 'passed' })];
  const subjects = [subjectReport({ kind: 'backend', name: 'broken' }, results, refusals, cases.length + 2)];
  const report: Report = {
    format: REPORT_FORMAT,
    version: REPORT_VERSION,
    cortexc: '0.0.0',
    created: '2025-01-01T00:00:00.000Z',
    vectors: '0'.repeat(64),
    machine: { cpu: 'A <fast> & small CPU', cores: 2 },
    selection: { full: false, cases: cases.length, available: 1000, ops: ['relu', 'clamp', 'bitwise_not', 'abs'] },
    summary: totalOf(subjects),
    subjects,
  };

  test.each([
    ['report.html', reportHtml(report)],
    ['report.xml', reportJunit(report)],
    ['report.json', `${JSON.stringify(report, null, 1)}\n`],
  ])('%s', (name, text) => {
    const path = join(FOLDER, name);
    if (UPDATE) writeFileSync(path, text);
    expect(text.split('\n')).toEqual(readFileSync(path, 'utf8').split('\n'));
  });
});

test('a reproduction is a golden case that the reference passes', () => {
  const all = FAMILIES_OF_VECTORS.flatMap(candidatesOfFamily);
  const sample = definedCases(all.filter((c, i) => i % 499 === 0 || (c.shape.op === 'maximum' && c.data === 'edges')));
  expect(sample.length).toBeGreaterThan(60);
  for (const c of sample) {
    const text = reproOf(c);
    if (text.includes('too many to write')) continue;
    expect([c.id, runGolden(readGolden(text), [reference])]).toEqual([c.id, { output: '', problems: [] }]);
  }
});
