import { join } from 'node:path';
import { type Executable, loadBackend } from '../../backends/index.ts';
import type { Program, Tensor } from '../../ir/index.ts';
import { at, type Diagnostic, fail, ok, type Progress, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { optionsConflict } from '../diagnostics.ts';
import { formatDuration } from '../text.ts';
import { compareResults } from './execute.ts';
import { resolveInputs, type RunInputs } from './inputs.ts';
import { readLabels } from './labels.ts';
import { loadRunnable, type ModelArgs } from './load.ts';
import { collectOutputs, type Output, outputFile, outputsJson, outputsText } from './outputs.ts';
import { type PreparationArgs, readPreparation } from './preparation.ts';

export interface RunArgs extends ModelArgs, PreparationArgs {
  readonly model: string;
  readonly inputs?: readonly string[] | undefined;
  readonly input?: readonly string[] | undefined;
  readonly 'random-input'?: number | undefined;
  readonly backend: string;
  readonly top: number;
  readonly labels?: string | undefined;
  readonly output?: string | undefined;
  readonly 'out-dir'?: string | undefined;
  readonly raw: boolean;
  readonly verify: boolean;
  readonly 'self-test': boolean;
}

const runAll = (executable: Executable, samples: readonly RunInputs[], progress: Progress, phase: string): readonly (readonly Tensor[])[] =>
  samples.map(({ tensors }, i) => {
    progress.step(phase, i, samples.length);
    return executable.run(tensors);
  });

/** Runs the reference on the same samples and compares; all differences. */
const verifyRuns = async (
  program: Program,
  samples: readonly RunInputs[],
  runs: readonly (readonly Tensor[])[],
  backend: string,
  progress: Progress,
): Promise<Result<undefined>> => {
  const reference = await loadBackend('reference');
  if (!reference.ok) return reference;
  const executable = reference.value.compile(program);
  if (!executable.ok) return executable;
  const expected = runAll(executable.value, samples, progress, 'reference');
  const problems: Diagnostic[] = [];
  expected.forEach((results, i) => {
    const same = compareResults(
      program.outputs.map((o) => o.name),
      runs[i] ?? [],
      results,
      backend,
    );
    if (!same.ok) problems.push(...same.diagnostics.map((d) => ({ ...d, where: samples[i]?.name ?? '' })));
  });
  return problems.length > 0 ? fail(...problems) : ok(undefined);
};

/** File names of outputs: letters, digits, dot, dash and underscore of their names; each one once. */
const fileNames = (names: readonly string[]): readonly string[] => {
  const taken = new Set<string>();
  return names.map((name) => {
    const base =
      name
        .replace(/[^A-Za-z0-9._-]+/g, '_')
        .replace(/^[.]+/, '_')
        .slice(0, 100) || 'output';
    let unique = base;
    // Case is ignored: some file systems do.
    for (let i = 2; taken.has(unique.toLowerCase()); i++) unique = `${base}_${i}`;
    taken.add(unique.toLowerCase());
    return `${unique}.npy`;
  });
};

const writeOutputs = (context: Context, args: RunArgs, outputs: readonly Output[]): Result<readonly string[]> => {
  const folder = args['out-dir'];
  if (args.output !== undefined && outputs.length > 1) {
    return fail(optionsConflict(`--output takes one output, but the model has ${outputs.length}`, 'Write them all with --out-dir FOLDER.'));
  }
  const written: string[] = [];
  const names = fileNames(outputs.map((o) => o.name));
  for (const [i, output] of outputs.entries()) {
    const path = args.output ?? (folder === undefined ? undefined : join(folder, at(names, i)));
    if (path === undefined) continue;
    const result = context.write(path, outputFile(output, args.raw));
    if (!result.ok) return result;
    written.push(path);
  }
  return ok(written);
};

/** `cortexc run`: loads, runs every sample, compares with the reference if asked, writes and reports. */
export const runModel = async (args: RunArgs, context: Context): Promise<Result<Report>> => {
  const warnings: Diagnostic[] = [];
  const backend = await loadBackend(args.backend, { selfTest: args['self-test'] && context.io.env['CORTEXC_SELF_TEST'] !== 'off' });
  if (!backend.ok) return backend;
  const model = await loadRunnable(context, args.model, args);
  if (!model.ok) return model;
  warnings.push(...model.value.warnings);
  const { program } = model.value;
  const labels = args.labels === undefined ? ok(model.value.labels) : readLabels(context, args.labels);
  if (!labels.ok) return labels;
  const traits = [];
  for (const input of model.value.inputs) {
    const preparation = readPreparation(args, input.preparation);
    if (!preparation.ok) return preparation;
    traits.push({ quantization: input.quantization, preparation: preparation.value });
  }
  const request = { files: args.inputs ?? [], named: args.input ?? [], randomSeed: args['random-input'] };
  const samples = resolveInputs(context, program, request, traits, warnings);
  if (!samples.ok) return samples;
  const executable = backend.value.compile(program);
  if (!executable.ok) return executable;
  const started = context.io.now();
  const runs = runAll(executable.value, samples.value, context.progress, `running on ${backend.value.name}`);
  const runMs = context.io.now() - started;
  if (args.verify) {
    const same = await verifyRuns(program, samples.value, runs, backend.value.name, context.progress);
    if (!same.ok) return same;
  }
  const names = program.outputs.map((o) => o.name);
  const outputs = collectOutputs(names, runs, model.value.outputs, {
    count: args.top,
    labels: labels.value,
    samples: samples.value.map((s) => s.name),
  });
  const written = writeOutputs(context, args, outputs);
  if (!written.ok) return written;
  const told = [
    `${backend.value.name}, ${samples.value.length} ${samples.value.length === 1 ? 'run' : 'runs'} in ${formatDuration(runMs)}${args.verify ? ', every byte equal to the reference' : ''}\n`,
    ...written.value.map((path) => `wrote ${path}\n`),
  ];
  return ok({
    json: {
      backend: backend.value.name,
      runs: samples.value.length,
      ms: runMs,
      ...(args.verify ? { verified: true } : {}),
      outputs: outputsJson(outputs),
      ...(written.value.length === 0 ? {} : { files: [...written.value] }),
    },
    text: `${outputsText(outputs)}\n${told.join('')}`,
    warnings,
  });
};
