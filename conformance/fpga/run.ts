/**
 * Conformance cases on the backend fpga-sim, that is on the Verilog of the core: npm run fpga-conformance -- [--ops A,B] [--sample N]
 * [--stalls N] [--json]. Needs verilator and a C++ compiler. Without options: every case; those in float32 are refused and counted so.
 * Exit status: 0 all are equal to the reference, 1 some are not, 2 wrong use or nothing to run them with.
 */
import { parseArgs } from 'node:util';
import { compileForSimulation, findTool, fpgaSimBackend } from '../../src/backends/fpga/index.ts';
import { readVectors, runCases, selectCases, selectOps } from '../../src/conformance/index.ts';
import { unwrap } from '../../src/support/index.ts';
import { countCases, emptyTally, type Tally } from '../tally.ts';

/** Cases between two reports of progress. */
const CASES_EACH = 500;
/** Problems told; the count has all. */
const MOST_TOLD = 40;
/** Chances are of 256. */
const MOST_STALLS = 250;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Arguments {
  readonly ops: readonly string[] | undefined;
  readonly sample: number | undefined;
  /** Chance of a stall of the memory a cycle, on every channel. */
  readonly stalls: number;
  readonly json: boolean;
}

/** @returns undefined where an argument is not right */
const argumentsOf = (args: readonly string[]): Arguments | undefined => {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({ args: [...args], options: { ops: text, sample: text, stalls: text, json: { type: 'boolean' } } });
    const read = {
      ops: values.ops?.split(','),
      sample: values.sample === undefined ? undefined : Number(values.sample),
      stalls: Number(values.stalls ?? 0),
      json: values.json === true,
    };
    const right = [read.sample ?? 0, read.stalls].every((n) => Number.isSafeInteger(n) && n >= 0) && read.stalls <= MOST_STALLS;
    return right && selectOps(read.ops).unknown.length === 0 ? read : undefined;
  } catch {
    return undefined;
  }
};

const check = async ({ ops, sample, stalls }: Arguments): Promise<Tally> => {
  const set = unwrap(readVectors());
  const { cases } = selectCases(set, selectOps(ops).ops, sample);
  const traffic = { seed: 1, stallAddress: stalls, stallRead: stalls, stallWrite: stalls, stallAnswer: stalls, stallRegisters: stalls };
  const backend = {
    ...fpgaSimBackend,
    compile: (program: Parameters<typeof compileForSimulation>[0]) => compileForSimulation(program, { traffic }),
  };
  const tally = emptyTally();
  for (let i = 0; i < cases.length; i += CASES_EACH) {
    countCases(tally, await runCases(backend, cases.slice(i, i + CASES_EACH), { digests: set.digests }));
    say(`${tally.cases} of ${cases.length} cases: ${tally.passed} passed, ${tally.refused} refused, ${tally.problems.length} problems`);
  }
  return tally;
};

const main = async (): Promise<number> => {
  const args = argumentsOf(process.argv.slice(2));
  if (args === undefined) {
    say('usage: npm run fpga-conformance -- [--ops A,B] [--sample N] [--stalls 0..250] [--json]');
    return 2;
  }
  const tool = findTool('verilator');
  if (!tool.ok) {
    for (const { message, notes } of tool.diagnostics) say([message, ...(notes ?? [])].join('\n'));
    return 2;
  }
  const tally = await check(args);
  for (const problem of tally.problems.slice(0, MOST_TOLD)) say(problem);
  const { cases, passed, refused, problems } = tally;
  const text = `${cases} cases: ${passed} passed, ${refused} refused; ${problems.length} problems`;
  process.stdout.write(`${args.json ? JSON.stringify(tally) : text}\n`);
  return problems.length === 0 ? 0 : 1;
};

process.exitCode = await main();
