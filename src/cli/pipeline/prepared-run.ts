import type { Executable } from '../../backends/index.ts';
import { decodeNpy } from '../../frontend/tensors/index.ts';
import { type Diagnostic, fail, ok } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { sampleMisfit } from '../diagnostics.ts';
import type { ReadArrays, RunInputs } from './inputs.ts';
import { resolveInputs } from './inputs.ts';
import { readLabels } from './labels.ts';
import { collectOutputs } from './outputs.ts';
import { openRemembered, type PackageFacts, recallFacts } from './remembered.ts';
import { type RunArgs, runArgsProblems } from './run-args.ts';
import { runReport, writeOutputs } from './run-report.ts';
import { threadsForCost } from './thread-count.ts';

/** What only a program, its compiler or a picture decoder can do. */
const OTHERS = [
  'verify',
  'isolate',
  'profile',
  'profile-output',
  'random-input',
  'bind',
  'const',
  'params',
  'random-params',
  'mean',
  'std',
  'scale',
  'layout',
  'channels',
  'resize',
  'crop',
] as const satisfies readonly (keyof RunArgs)[];

const isPlain = (args: RunArgs): boolean =>
  args.batch === 1 && OTHERS.every((name) => args[name] === undefined || args[name] === false) && runArgsProblems(args).length === 0;

/** Reads .npy files alone; other files are for those who can read more. */
const readNpy: ReadArrays = (context, path, _type, _options, warnings) => {
  const file = context.read(path, 'tensor');
  if (!file.ok) return file;
  if (file.value[0] !== 0x93) return fail(sampleMisfit(path, 'it is no .npy file'));
  const array = decodeNpy(file.value, { name: path });
  if (!array.ok) return array;
  warnings.push(...array.value.warnings);
  return ok([{ name: '', tensor: array.value }]);
};

const readSamples = (args: RunArgs, context: Context, facts: PackageFacts, warnings: Diagnostic[]): readonly RunInputs[] | undefined => {
  const traits = facts.inputs.map(({ quantization }) => ({ quantization, preparation: {} }));
  const reader = { context, ports: facts.inputs, traits, read: readNpy, warnings };
  const samples = resolveInputs(reader, { files: args.inputs ?? [], named: args.input ?? [] });
  return samples.ok ? samples.value : undefined;
};

/** Runs all samples, writes and reports; undefined when a file cannot be written. */
const runAll = (
  args: RunArgs,
  context: Context,
  facts: PackageFacts,
  run: {
    readonly executable: Executable;
    readonly threads: number;
    readonly samples: readonly RunInputs[];
    readonly warnings: Diagnostic[];
  },
): Report | undefined => {
  const { executable, threads, samples, warnings } = run;
  const labels = args.labels === undefined ? ok(facts.labels) : readLabels(context, args.labels);
  if (!labels.ok) return undefined;
  const started = context.io.now();
  const results = samples.map(({ tensors }) => executable.run(tensors));
  const ms = context.io.now() - started;
  const outputs = collectOutputs(
    facts.outputs.map((o) => o.name),
    results,
    facts.outputs.map((o) => o.quantization),
    { count: args.top, labels: labels.value, samples: samples.map((s) => s.name) },
  );
  const written = writeOutputs(context, args, outputs);
  if (!written.ok) return undefined;
  return runReport({
    backend: args.backend,
    isa: args.isa,
    threads,
    samples: samples.length,
    batch: 1,
    ms,
    verified: false,
    outputs,
    files: written.value,
    warnings: [...warnings, ...(executable.warnings ?? [])],
  });
};

/**
 * `cortexc run` of a package that an earlier process has compiled and tested: it is found by the digest of its file, so that nothing is
 * decoded, verified, proven, compiled or tested again. Costs are in the order of the bytes of package, program and inputs.
 * @returns what `runModel` would report; undefined when it is to do the work, for whatever reason: it tells what is wrong
 */
export const runPrepared = (args: RunArgs, context: Context): Report | undefined => {
  if (!isPlain(args)) return undefined;
  const digest = context.digest(args.model, 'package');
  if (!digest.ok) return undefined;
  const identity = digest.value;
  const facts = recallFacts(identity, context.build);
  if (facts === undefined) return undefined;
  const warnings: Diagnostic[] = [];
  const samples = readSamples(args, context, facts, warnings);
  if (samples === undefined) return undefined;
  const threads = args.threads ?? threadsForCost(facts.cost * samples.length);
  const choice = { backend: args.backend, threads, ...(args.isa === undefined ? {} : { isa: args.isa }) };
  const executable = openRemembered(identity, choice, context.build);
  if (executable === undefined) return undefined;
  try {
    return runAll(args, context, facts, { executable, threads, samples, warnings });
  } finally {
    executable.close?.();
  }
};
