import { expect, test } from '@jest/globals';
import { type OpUse, opUses } from '../../../tests/support/op-uses.ts';
import { canonicalBytes, runProgram } from '../../ir/index.ts';
import { at, unwrap } from '../../support/index.ts';
import type { RegisterLimits } from './codegen/allocate.ts';
import { readImage } from './isa/image.ts';
import { compileForFpga, imageOf } from './lower.ts';
import { SimulatedCore } from './simulator/machine.ts';

// Every sample of every op in integers, compiled for the core's processor and run by the simulator, gives the reference's bytes. What the image
// does not fill holds junk, and no instruction is ever in the way of another.

const JUNK = 0xa5;
const MOST_INSTRUCTIONS = 5e7;

const hasFloats = ({ program }: OpUse): boolean => program.types.some((type) => type.dtype === 'f32');
const USES = opUses().filter((use) => !hasFloats(use) && !use.name.endsWith('special values'));

/** What is wrong with a use, as text; undefined when its bytes are those of the reference. */
const problemOf = ({ name, program, inputs }: OpUse, registers: RegisterLimits): string | undefined => {
  const compiled = compileForFpga(program, { registers });
  if (!compiled.ok) return `${name}: ${compiled.diagnostics[0]?.message}`;
  const core = new SimulatedCore(compiled.value, { rest: JUNK, mostInstructions: MOST_INSTRUCTIONS });
  const initialized = core.initialize();
  core.writeInputs(inputs);
  const run = core.start();
  const error = initialized.error ?? run.error;
  if (error !== undefined) return `${name}: ${error.name}`;
  const expected = runProgram(program, inputs);
  const differs = core
    .readOutputs(inputs)
    .some((output, i) => Buffer.compare(canonicalBytes(output), canonicalBytes(at(expected, i))) !== 0);
  return differs ? `${name}: bytes differ` : undefined;
};

test('every op in integers', () => {
  expect(USES.length).toBeGreaterThan(1500);
  expect(USES.flatMap((use) => problemOf(use, {}) ?? [])).toEqual([]);
}, 300_000);

test('every op with so few registers that most functions spill', () => {
  const some = USES.filter((use) => use.name.endsWith('behind the first'));
  expect(some.flatMap((use) => problemOf(use, { scalars: 14, vectors: 8 }) ?? [])).toEqual([]);
}, 300_000);

test('float32 is refused, with the reason', () => {
  const use = at(opUses().filter(hasFloats), 0);
  expect(compileForFpga(use.program)).toMatchObject({ ok: false, diagnostics: [{ code: 'BKD0002' }] });
});

test('a program has its header, code and parameters in parts that do not overlap, below its limit', () => {
  const use = at(
    USES.filter((u) => u.name === 'rescale sample 0, parameters behind the first'),
    0,
  );
  const compiled = unwrap(compileForFpga(use.program));
  const { parts, header } = compiled;
  parts.reduce((end, { address, bytes }) => {
    expect(address).toBeGreaterThanOrEqual(end);
    return address + bytes.length;
  }, 0);
  expect(at(parts, 0)).toMatchObject({ address: 0, bytes: { length: 64 } });
  expect(header.codeStart + header.codeBytes).toBeLessThanOrEqual(header.limit);
  expect(unwrap(readImage(imageOf(compiled)))).toEqual(header);
});
