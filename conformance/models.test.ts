import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { IMMEDIATE_BACKENDS, loadBackend } from '../src/backends/index.ts';
import { decodeProgram, encodeProgram, loadFrom } from '../src/cvm-bytecode/index.ts';
import { parseMrl } from '../src/frontend/mrl/index.ts';
import { Philox, type Program, randomTensor, type StaticType, type Tensor, tensorBytes, typeOf } from '../src/ir/index.ts';
import { PASSES, runPasses } from '../src/passes/index.ts';
import { at, compareCodeUnits, sha256Hex, unwrap } from '../src/support/index.ts';

/**
 * Whole networks whose parameters and inputs come from seeds. Each file names the SHA-256 over the bytes of all its outputs, which every backend has to give,
 * before and after the passes and through the bytecode. UPDATE_GOLDEN=1 writes it.
 */
const FOLDER = join(import.meta.dirname, 'models');
const UPDATE = process.env['UPDATE_GOLDEN'] === '1' && process.env['CI'] === undefined;
const files = readdirSync(FOLDER).toSorted();

const EXACT = PASSES.filter((p) => p.inexact === undefined).map((p) => p.name);

/** Inputs by name: uniform over the dtype, or over what a line `// input NAME: LO to HI` says. */
const inputsOf = (text: string, program: Program): ReadonlyMap<string, Tensor> =>
  new Map(
    program.inputs.map((port, i) => {
      const bounds = new RegExp(`^// input ${port.name}: (-?\\d+) to (-?\\d+)$`, 'm').exec(text);
      const [lo, hi] = bounds === null ? [] : [Number(bounds[1]), Number(bounds[2])];
      return [port.name, randomTensor(typeOf(program, port.value) as StaticType, new Philox(2026, i), lo, hi)];
    }),
  );

const DIGEST = /^\/\/ digest: (.*)$/m;

test.each(files)('%s gives its bytes on every backend, after the passes, and from its bytecode', async (file) => {
  const path = join(FOLDER, file);
  const text = readFileSync(path, 'utf8');
  const { program } = unwrap(parseMrl(text, { file }));
  const inputs = inputsOf(text, program);
  const forms: readonly (readonly [string, Program])[] = [
    ['as written', program],
    ['after the passes', unwrap(runPasses(program, EXACT))],
    ['from bytecode', unwrap(decodeProgram(unwrap(encodeProgram(program)), loadFrom(program)))],
  ];
  const digests: (readonly [string, string])[] = [];
  for (const { name } of IMMEDIATE_BACKENDS) {
    const backend = unwrap(await loadBackend(name));
    for (const [form, p] of forms) {
      const given = p.inputs.map((port) => inputs.get(port.name) ?? at([...inputs.values()], 0));
      const outputs = unwrap(backend.compile(p)).run(given);
      const named = p.outputs.map((port, i) => [port.name, at(outputs, i)] as const).toSorted(([a], [b]) => compareCodeUnits(a, b));
      digests.push([`${name} ${form}`, sha256Hex(...named.map(([, t]) => tensorBytes(t)))]);
    }
  }
  const [first] = digests;
  const wanted = UPDATE ? first?.[1] : DIGEST.exec(text)?.[1];
  expect(digests).toEqual(digests.map(([what]) => [what, wanted]));
  if (UPDATE) writeFileSync(path, text.replace(DIGEST, `// digest: ${wanted}`));
});
