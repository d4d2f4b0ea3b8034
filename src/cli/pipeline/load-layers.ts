import { readdirSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { FilesBeside, Frontend, ImportReport } from '../../frontend/index.ts';
import { compareCodeUnits, type Diagnostic, fail, ok, type Result, sha256Hex } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { optionsConflict, optionValue } from '../diagnostics.ts';
import { openBeside } from '../file-source.ts';
import { inModel } from './load-onnx.ts';
import type { SourceModel } from './model.ts';

/** How a model of layers is read. */
export interface LayersArgs {
  readonly shape?: readonly string[] | undefined;
  readonly bind?: readonly string[] | undefined;
  readonly params?: string | undefined;
  readonly randomParams: boolean;
  readonly structureOnly?: boolean;
}

/** Reads `--shape data=1,3,224,224`. */
export const parseShapes = (words: readonly string[]): Result<ReadonlyMap<string, readonly number[]>> => {
  const shapes = new Map<string, readonly number[]>();
  const problems: Diagnostic[] = [];
  for (const word of words) {
    const cut = word.lastIndexOf('=');
    const sizes = word
      .slice(cut + 1)
      .replace(/^\[(.*)\]$/, '$1')
      .split(/[,x]/);
    if (cut < 1 || !sizes.every((s) => /^\d{1,10}$/.test(s) && Number(s) > 0))
      problems.push(optionValue('shape', `is ${word} but takes NAME=SIZES, such as data=1,3,224,224`));
    else shapes.set(word.slice(0, cut), sizes.map(Number));
  }
  return problems.length > 0 ? fail(...problems) : ok(shapes);
};

/** The folder of a model, and what was read of it. */
class Beside implements FilesBeside {
  /** SHA-256 of each file that was read, by name. */
  readonly digests = new Map<string, string>();
  private readonly context: Context;
  private readonly model: string;

  constructor(context: Context, model: string) {
    this.context = context;
    this.model = model;
  }

  readonly read = (name: string): Result<Uint8Array> => {
    const source = openBeside(this.context.io.cwd, this.model, name);
    if (!source.ok) return source;
    const bytes = source.value.read(0, source.value.size);
    this.digests.set(name, sha256Hex(bytes));
    return ok(bytes);
  };
  readonly has = (name: string): boolean => openBeside(this.context.io.cwd, this.model, name).ok;
  readonly list = (): readonly string[] => {
    try {
      return readdirSync(dirname(resolve(this.context.io.cwd, this.model))).sort(compareCodeUnits);
    } catch {
      return [];
    }
  };
}

export interface Examined {
  readonly report: ImportReport;
  /** Of the model's bytes; where other files were read, of all digests in the order of their names. */
  readonly sha256: string;
}

/** Examines a model of a format of layers. Fails on bytes that are no model, and on options that do not fit. */
export const examineLayers = async (
  context: Context,
  frontend: Frontend,
  path: string,
  bytes: Uint8Array,
  args: LayersArgs,
): Promise<Result<Examined>> => {
  const shapes = parseShapes(args.shape ?? []);
  if (!shapes.ok) return shapes;
  if ((args.bind ?? []).length > 0)
    return fail(
      optionsConflict(
        `--bind is given, but a ${frontend.title} model has no named dimension`,
        'Give whole shapes: --shape NAME=1,3,224,224.',
      ),
    );
  const params = args.params === undefined ? undefined : context.read(args.params, 'data');
  if (params !== undefined && !params.ok) return params;
  const beside = new Beside(context, path);
  const report = await frontend.examine(bytes, {
    file: basename(path),
    beside,
    params: params?.value,
    shapes: shapes.value,
    randomParams: args.randomParams,
    structureOnly: args.structureOnly ?? false,
  });
  const isNoModel = report.nodes.length === 0 && report.inputs.length === 0 && report.problems.length > 0;
  if (isNoModel) return fail(...inModel(path, report.problems));
  const others = [...beside.digests].sort(([a], [b]) => compareCodeUnits(a, b)).map(([, digest]) => digest);
  const all = [sha256Hex(bytes), ...others, ...(params === undefined ? [] : [sha256Hex(params.value)])];
  return ok({ report, sha256: all.length === 1 ? (all[0] ?? '') : sha256Hex(all.join('\n')) });
};

/** Imports a model of a format of layers. */
export const loadLayers = async (
  context: Context,
  frontend: Frontend,
  path: string,
  bytes: Uint8Array,
  args: LayersArgs,
): Promise<Result<SourceModel>> => {
  const examined = await examineLayers(context, frontend, path, bytes, args);
  if (!examined.ok) return examined;
  const { report, sha256 } = examined.value;
  const { program, problems, warnings, producer } = report;
  if (problems.length > 0 || program === undefined) return fail(...inModel(path, problems));
  return ok({
    kind: 'layers',
    format: { name: frontend.name, title: frontend.title },
    path,
    sizeBytes: bytes.length,
    sha256,
    program,
    warnings: inModel(path, warnings),
    producer: producer === '' ? undefined : producer,
  });
};
