import { basename } from 'node:path';
import { preparedWarnings } from '../../backends/index.ts';
import { programCost, type Tensor } from '../../ir/index.ts';
import { type Diagnostic, fail, MrlError, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { optionsConflict, ranElsewhere } from '../diagnostics.ts';
import { flameHtml, flameSvg } from '../report/flame.ts';
import { batchedProgram } from './batches.ts';
import { checkRequest, type CompiledRun, compileForRun, type ExecutionRequest, isOfMachine, substituteOf } from './compile-for-run.ts';
import { inputPorts, resolveInputs, type RunInputs } from './inputs.ts';
import { readLabels } from './labels.ts';
import { loadRunnable, type Runnable } from './load.ts';
import { collectOutputs } from './outputs.ts';
import { readPreparation } from './preparation.ts';
import { type Profile, profileJson, profileRuns, profileText } from './profile.ts';
import { rememberRun } from './remembered.ts';
import type { RunArgs } from './run-args.ts';
import { runReport, writeOutputs } from './run-report.ts';
import { chunkInputs, runSamples, verifyRuns } from './run-samples.ts';
import { readArrays } from './samples.ts';

/** The profile as a picture, by the extension of the file. */
const writePicture = (context: Context, path: string, profile: Profile, title: string): Result<string> => {
  const written = context.write(path, path.toLowerCase().endsWith('.svg') ? flameSvg(profile, title) : flameHtml(profile, title));
  return written.ok ? ok(path) : written;
};

const takeProfile = (
  args: RunArgs,
  { backend, profile, isa }: CompiledRun,
  inputs: readonly Tensor[],
  now: () => number,
): Result<Profile> =>
  profile === undefined
    ? fail(
        optionsConflict(`--profile is given, but backend ${backend.name} does not tell the time of its steps`, 'Choose another backend.'),
      )
    : ok(profileRuns(profile, inputs, backend.peak?.(isa ?? args.isa), now));

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
  const reader = { context, ports: inputPorts(model.program), traits, read: readArrays, warnings };
  for (const randomSeed of seeds) {
    const taken = resolveInputs(reader, { files: args.inputs ?? [], named: args.input ?? [], randomSeed });
    if (!taken.ok) return taken;
    samples.push(...taken.value);
  }
  return ok(samples);
};

/** Compiles and runs all samples; with --profile also its steps. A device that fails in a run is left for another backend, if one may take over. */
const execute = async (args: RunArgs, context: Context, model: Runnable, samples: readonly RunInputs[]) => {
  const request = requestOf(args, context);
  try {
    return await executeOn(request, args, context, model, samples);
  } catch (error) {
    const substitute = substituteOf(request);
    if (!(error instanceof MrlError) || substitute === undefined || !error.diagnostics.every((d) => isOfMachine(d.code))) throw error;
    const instead = { ...request, backend: substitute, isa: undefined, apart: false };
    const ran = await executeOn(instead, args, context, model, samples);
    const told = error.diagnostics.map((d) => ranElsewhere(d, request.backend, substitute));
    return ran.ok ? ok({ ...ran.value, warnings: [...told, ...ran.value.warnings] }) : fail(...told, ...ran.diagnostics);
  }
};

const executeOn = async (request: ExecutionRequest, args: RunArgs, context: Context, model: Runnable, samples: readonly RunInputs[]) => {
  const { now } = context.io;
  const { program, samples: batch, warnings } = batchedProgram(model.program, Math.min(args.batch, samples.length));
  const runs = Math.ceil(samples.length / batch);
  const compiled = await compileForRun(program, request, runs);
  if (!compiled.ok) return compiled;
  const { executable, backend } = compiled.value;
  try {
    const started = now();
    const results = await runSamples(executable, samples, batch, context.progress, `running on ${backend.name}`);
    const ms = now() - started;
    const wanted = args.profile || args['profile-output'] !== undefined;
    const profile = wanted ? takeProfile(args, compiled.value, chunkInputs(samples.slice(0, batch), batch), now) : undefined;
    if (profile?.ok === false) return profile;
    if (batch === 1 && warnings.length === 0) remember(args, context, model, compiled.value);
    const told = [...warnings, ...compiled.value.warnings(), ...preparedWarnings()];
    return ok({ compiled: compiled.value, results, ms, batch, profile: profile?.value, warnings: told });
  } finally {
    executable.close?.();
  }
};

/**
 * Remembers a package whose program has passed everything, for `runPrepared`. What runs elsewhere or otherwise than it was asked for is not
 * remembered: there is something to tell each time.
 */
const remember = (args: RunArgs, context: Context, model: Runnable, { backend, isa, threads, handle, warnings }: CompiledRun): void => {
  if (handle === undefined || model.identity === undefined || backend.name !== args.backend || isa !== args.isa) return;
  if (warnings().length > 0) return;
  const { program } = model;
  const facts = {
    inputs: inputPorts(program).map((port, i) => ({ ...port, quantization: model.inputs[i]?.quantization })),
    outputs: program.outputs.map(({ name }, i) => ({ name, quantization: model.outputs[i] })),
    labels: model.labels,
    cost: programCost(program),
  };
  const choice = { backend: backend.name, threads, ...(isa === undefined ? {} : { isa }) };
  rememberRun(model.identity(), facts, choice, handle, context.build);
};

const requestOf = (args: RunArgs, { io }: Context): ExecutionRequest => ({
  backend: args.backend,
  fallback: args.fallback === false ? undefined : args.fallback,
  apart: args.isolate,
  timeoutMs: args['time-limit'] === undefined ? undefined : args['time-limit'] * 1000,
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
  return ok(
    runReport({
      backend: name,
      isa: compiled.isa,
      threads: compiled.threads,
      samples: samples.value.length,
      batch,
      ms,
      verified: args.verify,
      outputs,
      profile: profile === undefined ? undefined : { json: profileJson(profile), text: profileText(profile) },
      files,
      warnings,
    }),
  );
};
