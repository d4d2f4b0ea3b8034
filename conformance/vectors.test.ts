import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { backendByName, loadBackend } from '../src/backends/index.ts';
import {
  candidatesOfFamily,
  definedCases,
  expectedOf,
  FAMILIES_OF_VECTORS,
  HOSTILE_CASES,
  hostileProblem,
  readVectors,
  readVectorText,
  refusedCasesOf,
  runCases,
  vectorFile,
  vectorText,
  verifierProblem,
} from '../src/conformance/index.ts';
import { OP_NAMES } from '../src/ir/index.ts';
import { unwrap } from '../src/support/index.ts';

jest.setTimeout(120_000);

const FOLDER = join(import.meta.dirname, 'vectors');
// UPDATE_VECTORS=1 npm run jest -- conformance/vectors
const UPDATE = process.env['UPDATE_VECTORS'] === '1' && process.env['CI'] === undefined;
const FULL = UPDATE || process.env['CONFORMANCE_FULL'] === '1';
/** Share of the shape classes whose digests are computed anew, and of the cases that run on WebAssembly, in `npm test`. */
const [SHAPES, CASES] = FULL ? [1, 1] : [8, 4];
const families = FAMILIES_OF_VECTORS.map((family) => ({ file: vectorFile(family), family }));

const committed = (file: string): ReadonlyMap<string, string> => {
  const path = join(FOLDER, file);
  return new Map(readVectorText(existsSync(path) ? readFileSync(path, 'utf8') : '') ?? []);
};

describe.each(families)('$file', ({ file, family }) => {
  const candidates = candidatesOfFamily(family);
  if (UPDATE) writeFileSync(join(FOLDER, file), vectorText(candidates));

  test(`the definitions give the committed digests (1 of ${SHAPES} shape classes)`, () => {
    const shapes = [...new Set(candidates.map((c) => c.shape.name))].filter((_, i) => i % SHAPES === 0);
    const sample = candidates.filter((c) => shapes.includes(c.shape.name));
    const ids = new Set(sample.map((c) => c.id));
    const wanted = [...committed(file)].filter(([id]) => ids.has(id));
    const found = readVectorText(vectorText(sample)) ?? [];
    // a diff of thousands of lines helps nobody
    const differs = found.findIndex(([id, digest], i) => wanted[i]?.[0] !== id || wanted[i]?.[1] !== digest);
    expect(found[differs]).toEqual(wanted[differs]);
    expect(found.length).toBe(wanted.length);
  });

  test('every committed case is one of the op as it is now', () => {
    const ids = new Set(candidates.map((c) => c.id));
    expect([...committed(file).keys()].filter((id) => !ids.has(id))).toEqual([]);
  });
});

test('there is no file of an op that is gone', () => {
  expect(readdirSync(FOLDER).toSorted()).toEqual(families.map((f) => f.file).toSorted());
});

test('the set is as large as it should be', () => {
  expect(unwrap(readVectors(FOLDER)).digests.size).toBeGreaterThan(20_000);
});

describe('known results', () => {
  const named = FAMILIES_OF_VECTORS.flatMap((f) => ('group' in f ? [f] : []));
  test.each(named)('group $group', (family) => {
    const candidates = candidatesOfFamily(family);
    const defined = definedCases(candidates);
    // a case with given elements is there because somebody wants it: none is dropped, unless its operands are those of another
    for (const c of defined) {
      if (c.known === undefined) continue;
      const results = expectedOf(c).map((t) => Array.from(t.data));
      expect([c.id, results]).toEqual([c.id, c.known]);
    }
    const known = candidates.filter((c) => c.known !== undefined).map((c) => c.id);
    expect(known.filter((id) => !defined.some((c) => c.id === id))).toEqual([]);
  });
});

describe('what has to be refused', () => {
  test.each(HOSTILE_CASES.map((c) => ({ id: c.id, c })))('$id', ({ c }) => {
    expect(hostileProblem(c)).toBeUndefined();
  });

  test('the broken example of every constraint', () => {
    expect(OP_NAMES.flatMap(refusedCasesOf).flatMap((c) => verifierProblem(c) ?? [])).toEqual([]);
  });
});

describe(`1 of ${CASES} cases of the set on WebAssembly, some of each shape class`, () => {
  let digests: ReadonlyMap<string, string> = new Map();
  beforeAll(async () => {
    unwrap(await loadBackend('wasm'));
    digests = unwrap(readVectors(FOLDER)).digests;
  });

  test.each(families)('$file', async ({ family }) => {
    const backend = backendByName('wasm');
    const cases = candidatesOfFamily(family)
      .filter((c) => digests.has(c.id))
      .filter((c, i, all) => i % CASES === 0 || all[i - 1]?.shape !== c.shape);
    const results = backend === undefined ? [] : await runCases(backend, cases, { digests });
    expect(results.length).toBe(cases.length);
    expect(results.filter((r) => r.outcome.status === 'failed').map((r) => [r.case.id, r.outcome])).toEqual([]);
  });
});
