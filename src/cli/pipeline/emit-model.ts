import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { type EmittedFile, backendByName } from '../../backends/index.ts';
import { type Diagnostic, fail, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import { type EmitTarget, type ExportForm, type FpgaMode, isExportTarget } from '../emit-targets.ts';
import type { Context } from '../context.ts';
import { checkFailed, optionsConflict } from '../diagnostics.ts';
import { writeFolder } from '../folders.ts';
import { formatBytes, formatDuration, formatFacts, formatTable } from '../text.ts';
import { type ExportedFolder, exportModel } from './emit-exported.ts';
import { randomInputs } from './inputs.ts';
import { loadRunnable, type ModelArgs } from './load.ts';

interface Target {
  /** Absent for frameworks, which have exporters instead. */
  readonly backend?: string;
  /** The program that builds and checks the folder from inside, and its words; absent where only a browser can. */
  readonly check?: readonly [program: string, ...words: string[]];
  /** The same for people who stand beside the folder. */
  readonly next: (folder: string) => string;
}

/** A folder for a framework of Python. */
const EXPORTED: Target = { check: ['python3', 'check.py'], next: (folder) => `python3 ${join(folder, 'check.py')}` };

/** What can be emitted, the backend that writes it, and how it is checked. */
const TARGETS: Readonly<Record<EmitTarget, Target>> = {
  c: { backend: 'native', check: ['make', '-s', 'check'], next: (folder) => `make -C ${folder} check` },
  cuda: { backend: 'cuda', check: ['make', '-s', 'check'], next: (folder) => `make -C ${folder} check` },
  fpga: { backend: 'fpga-sim', check: ['make', '-s', 'sim'], next: (folder) => `make -C ${folder} sim` },
  hip: { backend: 'hip', check: ['make', '-s', 'check'], next: (folder) => `make -C ${folder} check` },
  wasm: { backend: 'wasm', check: ['node', 'check.mjs'], next: (folder) => `node ${join(folder, 'check.mjs')}` },
  keras: EXPORTED,
  mxnet: EXPORTED,
  onnx: EXPORTED,
  pytorch: EXPORTED,
  tvm: EXPORTED,
  gpujs: { backend: 'gpujs', next: (folder) => `serve ${folder} and open its index.html in a browser` },
  webgpu: { backend: 'webgpu', next: (folder) => `serve ${folder} and open its index.html in a browser` },
};

export interface EmitArgs extends ModelArgs {
  readonly model: string;
  readonly target: EmitTarget;
  readonly output: string;
  readonly vectors: number;
  readonly force: boolean;
  readonly check: boolean;
  /** For FPGAs only; undefined where they are not given. */
  readonly device?: string | undefined;
  readonly mode?: FpgaMode | undefined;
  readonly bits?: 8 | 6 | undefined;
  /** For ONNX only. */
  readonly form?: ExportForm | undefined;
}

const CHECK_LIMIT_MS = 30 * 60_000;
/** Of what a check says, the end tells most. */
const LINES_SHOWN = 15;

/** What a program said, and how it ended. */
interface Ended {
  readonly output: string;
  /** Undefined when it succeeded. */
  readonly problem: string | undefined;
}

const MOST_OUTPUT = 2 ** 20;

const runIn = (folder: string, [program, ...args]: readonly [string, ...string[]], env: Context['io']['env']): Promise<Ended> =>
  new Promise((done) => {
    let output = '';
    // the Node that runs this one is there, whatever PATH says; a virtual environment has a Python of its own
    const own: Readonly<Record<string, string | undefined>> = { node: process.execPath, python3: env['PYTHON'] };
    const child = spawn(own[program] ?? program, args, {
      cwd: folder,
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: CHECK_LIMIT_MS,
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString('utf8')).slice(-MOST_OUTPUT);
      });
    child.on('error', (error) =>
      done({ output, problem: 'code' in error && error.code === 'ENOENT' ? `there is no ${program}` : error.message }),
    );
    child.on('close', (code, signal) =>
      done({ output, problem: code === 0 ? undefined : signal === null ? `exit code ${code ?? 'none'}` : `ended by ${signal}` }),
    );
  });

const lastLines = (text: string): readonly string[] => text.trimEnd().split('\n').slice(-LINES_SHOWN);

interface Checked {
  readonly ms: number;
  readonly lines: readonly string[];
}

/** Builds the folder and runs its vectors by its own means. Error: CLI3006. */
const checkFolder = async (check: NonNullable<Target['check']>, folder: string, context: Context): Promise<Result<Checked>> => {
  const started = context.io.now();
  const { output, problem } = await runIn(resolve(context.io.cwd, folder), check, context.io.env);
  const lines = output === '' ? [] : lastLines(output);
  return problem === undefined
    ? ok({ ms: context.io.now() - started, lines })
    : fail({ ...checkFailed(check.join(' '), folder, problem), notes: lines });
};

const sizeOf = ({ content }: EmittedFile): number =>
  typeof content === 'string' ? new TextEncoder().encode(content).length : content.length;

const filesTable = (files: readonly EmittedFile[]): string =>
  formatTable(
    ['file', 'size'],
    files.map((f) => [f.name, formatBytes(sizeOf(f))]),
    ['left', 'right'],
  );

const reportOf = (args: EmitArgs, { check = [''], next }: Target, files: readonly EmittedFile[], checked: Checked | undefined): Report => {
  const total = files.reduce((n, f) => n + sizeOf(f), 0);
  const facts: (readonly [string, string])[] = [['wrote', `${files.length} files, ${formatBytes(total)}, into ${args.output}`]];
  if (checked === undefined) facts.push(['next', next(args.output)]);
  else facts.push(['check', `${check.join(' ')} succeeds in ${formatDuration(checked.ms)}`]);
  const said = checked === undefined ? '' : `\n${checked.lines.map((l) => `  ${l}\n`).join('')}`;
  return {
    json: {
      target: args.target,
      folder: args.output,
      vectors: args.vectors,
      bytes: total,
      files: files.map((f) => ({ name: f.name, bytes: sizeOf(f) })),
      ...(checked === undefined ? {} : { check: { passed: true, ms: checked.ms, output: [...checked.lines] } }),
    },
    text: `${filesTable(files)}\n${formatFacts(facts)}${said}`,
  };
};

/** A program as a folder of sources of a backend. */
const emitSources = async (args: EmitArgs, target: Target, context: Context): Promise<Result<ExportedFolder>> => {
  const backend = backendByName(target.backend ?? '');
  await backend?.prepare?.();
  const emit = backend?.emit;
  const { device, mode, bits } = args;
  if (emit === undefined)
    return fail(
      optionsConflict(`--target is ${args.target}, but backend ${target.backend ?? ''} emits no sources`, 'Choose another target.'),
    );
  const model = await loadRunnable(context, args.model, args);
  if (!model.ok) return model;
  const { program } = model.value;
  const vectors = Array.from({ length: args.vectors }, (_, seed) => randomInputs(program, seed));
  context.progress.step('writing the folder and reference results', 0, 1);
  const warnings: Diagnostic[] = [...model.value.warnings];
  const files = emit(program, vectors, {
    ...(device === undefined ? {} : { device }),
    ...(mode === undefined ? {} : { mode }),
    ...(bits === undefined ? {} : { bits }),
    warn: (warning) => warnings.push(warning),
  });
  return files.ok ? ok({ files: files.value, warnings }) : files;
};

/** An option that another target takes; undefined when there is none. */
const strayOption = ({ target, device, mode, bits, form }: EmitArgs): Diagnostic | undefined => {
  const stray = (name: string, value: unknown, takes: EmitTarget): Diagnostic | undefined =>
    value === undefined || target === takes
      ? undefined
      : optionsConflict(`--${name} is for --target ${takes}, but --target is ${target}`, `Leave --${name} out.`);
  return stray('device', device, 'fpga') ?? stray('mode', mode, 'fpga') ?? stray('bits', bits, 'fpga') ?? stray('form', form, 'onnx');
};

/** `cortexc emit`: writes a program as a folder that builds, runs and tests itself without cortexc. */
export const emitModel = async (args: EmitArgs, context: Context): Promise<Result<Report>> => {
  const target = TARGETS[args.target];
  const stray = strayOption(args);
  if (stray !== undefined) return fail(stray);
  if (args.check && target.check === undefined)
    return fail(
      optionsConflict(
        `--check has nothing to run for --target ${args.target}`,
        'Open index.html of the folder in a browser: it runs the vectors.',
      ),
    );
  const made = await (isExportTarget(args.target) ? exportModel(args, context) : emitSources(args, target, context));
  if (!made.ok) return made;
  const { files, warnings } = made.value;
  const written = writeFolder(context, args.output, files, args.force);
  if (!written.ok) return written;
  const check = args.check ? target.check : undefined;
  if (check !== undefined) context.progress.step(`${check.join(' ')} in ${join(args.output, '.')}`, 0, 1);
  const checked = check === undefined ? undefined : await checkFolder(check, args.output, context);
  if (checked?.ok === false) return checked;
  return ok({ ...reportOf(args, target, files, checked?.value), warnings });
};
