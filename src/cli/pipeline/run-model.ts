import { basename, join } from 'node:path';
import type { Tensor } from '../../ir/index.ts';
import { at, type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { optionsConflict } from '../diagnostics.ts';
import { flameHtml, flameSvg } from '../report/flame.ts';
import { formatDuration } from '../text.ts';
import { batchedProgram } from './batches.ts';
import { checkRequest, type CompiledRun, compileForRun, type ExecutionRequest } from './compile-for-run.ts';
import { resolveInputs, type RunInputs } from './inputs.ts';
import { readLabels } from './labels.ts';
import { loadRunnable, type ModelArgs, type Runnable } from './load.ts';
import { collectOutputs, type Output, outputFile, outputsJson, outputsText } from './outputs.ts';
import { type PreparationArgs, readPreparation } from './preparation.ts';
import { type Profile, profileJson, profileRuns, profileText } from './profile.ts';
import { chunkInputs, runSamples, verifyRuns } from './run-samples.ts';

export interface RunArgs extends ModelArgs, PreparationArgs {
  readonly model: string;
  readonly inputs?: readonly string[] | undefined;
  readonly input?: readonly string[] | undefined;
  readonly 'random-input'?: number | undefined;
  readonly backend: string;
  readonly fallback: boolean;
  readonly isa?: string | undefined;
  readonly threads?: number | undefined;
  readonly batch: number;
  readonly profile: boolean;
  readonly 'profile-output'?: string | undefined;
  readonly top: number;
  readonly labels?: string | undefined;
  readonly output?: string | undefined;
  readonly 'out-dir'?: string | undefined;
  readonly raw: boolean;
  readonly verify: boolean;
  readonly 'self-test': boolean;
}

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

/** The profile as a picture, by the extension of the file. */
const writePicture = (context: Context, path: string, profile: Profile, title: string): Result<string> => {
  const written = context.write(path, path.toLowerCase().endsWith('.svg') ? flameSvg(profile, title) : flameHtml(profile, title));
  return written.ok ? ok(path) : written;
};

const takeProfile = (
  args: RunArgs,
  { backend, executable, isa }: CompiledRun,
  inputs: readonly Tensor[],
  now: () => number,
): Result<Profile> =>
  executable.profile === undefined
    ? fail(
        optionsConflict(`--profile is given, but backend ${backend.name} does not tell the time of its steps`, 'Choose another backend.'),
      )
    : ok(profileRuns(executable.profile, inputs, backend.peak?.(isa ?? args.isa), now));

/** What the command line asks for and the model gives: samples, and labels of classes. */
const readSamples = (args: RunArgs, context: Context, model: Runnable, warnings: Diagnostic[]): Result<readonly RunInputs[]> => {
  const traits = [];
  for (const input of model.inputs) {
    const preparation = readPreparation(args, input.preparation);
    if (!preparation.ok) return preparation;
    traits.push({ quantization: input.quantization, preparation: preparation.value });
  }
  const seed = args['random-input'];
  const seeds = seed === undefined ? [undefined] : Array.from({ length: args.batch }, (_, i) => seed + i);
  const samples: RunInputs[] = [];
  for (const randomSeed of seeds) {
    const request = { files: args.inputs ?? [], named: args.input ?? [], randomSeed };
    const taken = resolveInputs(context, model.program, request, traits, warnings);
    if (!taken.ok) return taken;
    samples.push(...taken.value);
  }
  return ok(samples);
};

/** How it ran, in words: `native avx2, 2 threads, 16 samples in 2 runs of 8 in 34 ms`. */
const ranText = ({ backend, isa, threads }: CompiledRun, samples: number, batch: number, ms: number): string => {
  const where = [isa === undefined ? backend.name : `${backend.name} ${isa}`, ...(threads === 1 ? [] : [`${threads} threads`])].join(', ');
  const runs = Math.ceil(samples / batch);
  const count = `${runs} ${runs === 1 ? 'run' : 'runs'}`;
  return `${where}, ${batch === 1 ? count : `${samples} samples in ${count} of ${batch}`} in ${formatDuration(ms)}`;
};

/** Compiles and runs all samples; with --profile also its steps. */
const execute = async (args: RunArgs, context: Context, model: Runnable, samples: readonly RunInputs[]) => {
  const { now } = context.io;
  const { program, samples: batch, warnings } = batchedProgram(model.program, Math.min(args.batch, samples.length));
  const runs = Math.ceil(samples.length / batch);
  const compiled = await compileForRun(program, requestOf(args, context), runs);
  if (!compiled.ok) return compiled;
  const { executable, backend } = compiled.value;
  try {
    const started = now();
    const results = runSamples(executable, samples, batch, context.progress, `running on ${backend.name}`);
    const ms = now() - started;
    const wanted = args.profile || args['profile-output'] !== undefined;
    const profile = wanted ? takeProfile(args, compiled.value, chunkInputs(samples.slice(0, batch), batch), now) : undefined;
    if (profile?.ok === false) return profile;
    const told = [...warnings, ...compiled.value.warnings()];
    return ok({ compiled: compiled.value, results, ms, batch, profile: profile?.value, warnings: told });
  } finally {
    executable.close?.();
  }
};

const requestOf = (args: RunArgs, { io }: Context): ExecutionRequest => ({
  backend: args.backend,
  fallback: args.fallback,
  threads: args.threads,
  isa: args.isa,
  selfTest: args['self-test'] && io.env['CORTEXC_SELF_TEST'] !== 'off',
});

/** `cortexc run`: loads, runs every sample, compares with the reference if asked, writes and reports. */
export const runModel = async (args: RunArgs, context: Context): Promise<Result<Report>> => {
  const warnings: Diagnostic[] = [];
  const request = await checkRequest(requestOf(args, context));
  if (!request.ok) return request;
  const model = await loadRunnable(context, args.model, args);
  if (!model.ok) return model;
  warnings.push(...model.value.warnings);
  const { program } = model.value;
  const labels = args.labels === undefined ? ok(model.value.labels) : readLabels(context, args.labels);
  if (!labels.ok) return labels;
  const samples = readSamples(args, context, model.value, warnings);
  if (!samples.ok) return samples;
  const ran = await execute(args, context, model.value, samples.value);
  if (!ran.ok) return ran;
  const { compiled, results, ms, batch, profile } = ran.value;
  const { name } = compiled.backend;
  warnings.push(...ran.value.warnings);
  if (args.verify) {
    const same = await verifyRuns(program, samples.value, results, name, context.progress);
    if (!same.ok) return same;
  }
  const outputs = collectOutputs(
    program.outputs.map((o) => o.name),
    results,
    model.value.outputs,
    { count: args.top, labels: labels.value, samples: samples.value.map((s) => s.name) },
  );
  const written = writeOutputs(context, args, outputs);
  if (!written.ok) return written;
  const files = [...written.value];
  if (profile !== undefined && args['profile-output'] !== undefined) {
    const picture = writePicture(context, args['profile-output'], profile, `${basename(args.model)} on ${name}`);
    if (!picture.ok) return picture;
    files.push(picture.value);
  }
  const told = `${ranText(compiled, samples.value.length, batch, ms)}${args.verify ? ', every byte equal to the reference' : ''}\n`;
  return ok({
    json: {
      backend: name,
      ...(compiled.isa === undefined ? {} : { isa: compiled.isa }),
      threads: compiled.threads,
      batch,
      samples: samples.value.length,
      runs: Math.ceil(samples.value.length / batch),
      ms,
      ...(args.verify ? { verified: true } : {}),
      outputs: outputsJson(outputs),
      ...(profile === undefined ? {} : { profile: profileJson(profile) }),
      ...(files.length === 0 ? {} : { files }),
    },
    text: `${outputsText(outputs)}\n${profile === undefined ? '' : `${profileText(profile)}\n`}${told}${files.map((path) => `wrote ${path}\n`).join('')}`,
    warnings,
  });
};
