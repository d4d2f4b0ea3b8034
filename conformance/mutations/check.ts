/**
 * What the suite says about some ops on the wasm backend: node check.js FOLDER OP,OP…. FOLDER holds the golden files.
 * Prints one line of JSON: for each stage what it caught, or null.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { backendByName } from '../../src/backends/index.ts';
import { casesOf, firstDifference, fuzzStep, runCases } from '../../src/conformance/index.ts';
import { isOpName, type OpName, opOf, ProgramBuilder, runProgram, sampleTensors, type Tensor, verifyProgram } from '../../src/ir/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { readGolden, runGolden } from '../golden.ts';

const [folder = '', list = ''] = process.argv.slice(2);
const ops = list.split(',').filter(isOpName);
const backend = backendByName('wasm');
if (backend === undefined) throw new RangeError('there is no backend wasm');
await backend.prepare?.();

const message = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));

/** The first of these that says something; an exception says so itself. */
const first = async (checks: Iterable<() => string | undefined | Promise<string | undefined>>): Promise<string | null> => {
  for (const check of checks) {
    try {
      const caught = await check();
      if (caught !== undefined) return caught.slice(0, 300);
    } catch (error) {
      return message(error).slice(0, 300);
    }
  }
  return null;
};

const golden = (): Promise<string | null> => {
  const uses = new RegExp(`\\b(${ops.join('|')})\\(`);
  const texts = readdirSync(folder)
    .filter((name) => name.endsWith('.mrl'))
    .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))
    .filter(({ text }) => uses.test(text) && text.includes('// eval:'));
  return first(
    texts.map(({ name, text }) => () => {
      const [problem] = runGolden(readGolden(text), [backend]).problems;
      return problem === undefined ? undefined : `${name}: ${problem}`;
    }),
  );
};

/** A sample with its first operand, or its first two, as inputs and the others as parameters. */
const compareSample = (op: OpName, i: number, inputs: number): string | undefined => {
  const sample = opOf(op).samples[i];
  if (sample === undefined) return undefined;
  const builder = new ProgramBuilder(op);
  const given: Tensor[] = [];
  const values = sampleTensors(sample, i + 1).map((tensor, k) => {
    if (k >= inputs) return builder.param(`p${k}`, tensor);
    given.push(tensor);
    return builder.input(`x${k}`, { dtype: tensor.dtype, shape: tensor.shape });
  });
  unwrap(builder.tryEmit(op, values, sample.attrs ?? {})).forEach((v, k) => builder.output(`y${k}`, v));
  const program = builder.finish();
  if (!verifyProgram(program).ok) return undefined;
  const difference = firstDifference(unwrap(backend.compile(program)).run(given), runProgram(program, given));
  return difference === undefined ? undefined : `${op} sample ${i}: ${difference.got}, not ${difference.wanted}`;
};

const samples = (): Promise<string | null> =>
  first(ops.flatMap((op) => opOf(op).samples.flatMap((_, i) => [1, 2].map((inputs) => () => compareSample(op, i, inputs)))));

const vectors = (): Promise<string | null> =>
  first(
    ops.map((op) => async () => {
      const failed = (await runCases(backend, casesOf(op))).find((r) => r.outcome.status === 'failed');
      if (failed?.outcome.status !== 'failed') return undefined;
      const { difference, reason } = failed.outcome;
      return `${failed.case.id}: ${difference === undefined ? reason : `${difference.got}, not ${difference.wanted}`}`;
    }),
  );

const FUZZ_PROGRAMS = 120;

/** Random programs of these ops. */
const fuzz = (): Promise<string | null> =>
  first(
    Array.from({ length: FUZZ_PROGRAMS }, (_, index) => async () => {
      const { found } = await fuzzStep(
        { seed: 20_000, nodes: 3, ops, backends: [backend], passes: [], roundTrips: false, reduce: false },
        index,
      );
      return found === undefined ? undefined : `program ${index}: ${found.finding.message}`;
    }),
  );

const found = { golden: await golden(), samples: await samples(), vectors: await vectors(), fuzz: await fuzz() };
process.stdout.write(`${JSON.stringify(found)}\n`);
