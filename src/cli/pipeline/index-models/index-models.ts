import { identityHash } from '../../../ir/index.ts';
import {
  DamagedIndex,
  encodeIndex,
  examineModel,
  IndexFile,
  type KnownModel,
  MAX_LAYERS,
  type Neighbour,
  nearestModels,
} from '../../../passes/index.ts';
import { type Diagnostic, diagnostic, fail, ok, type Result } from '../../../support/index.ts';
import type { Report } from '../../command.ts';
import type { Context } from '../../context.ts';
import { argumentMissing, optionsConflict, optionValue } from '../../diagnostics.ts';
import { formatTable, visible } from '../../text.ts';
import { argsFor } from '../iso/sides.ts';
import { loadModel, type ModelArgs } from '../load.ts';
import { programOf, warningsOf } from '../model.ts';
import { notComparable } from '../similarity/similarity-models.ts';

export interface IndexArgs extends ModelArgs {
  readonly action: string;
  readonly file: string;
  readonly models?: readonly string[] | undefined;
  readonly top: number;
}

const ACTIONS = ['add', 'query', 'list'] as const;
const MOST_TOP = 1000;

const damaged = (path: string, reason: string): Diagnostic =>
  diagnostic('SIM0002', `the index cannot be read: ${reason}`, { where: path, notes: ['Make it anew: cortexc index add FILE MODELS...'] });

/** Reads an index; what is wrong with it becomes a diagnostic. */
const reading = <T>(context: Context, path: string, use: (index: IndexFile) => T): Result<T> => {
  const source = context.open(path, 'package');
  if (!source.ok) return source;
  try {
    return ok(use(new IndexFile(source.value)));
  } catch (error) {
    if (error instanceof DamagedIndex) return fail(damaged(path, error.message));
    throw error;
  }
};

interface Examined {
  readonly model: KnownModel;
  readonly warnings: readonly Diagnostic[];
}

const examined = async (context: Context, path: string, args: IndexArgs): Promise<Result<Examined>> => {
  const own = argsFor({ ...args, params: args.params === undefined ? undefined : [args.params] }, path, 'A');
  const model = await loadModel(context, path, own);
  if (!model.ok) return model;
  const program = programOf(model.value);
  const layers = examineModel(program);
  if (layers === undefined) return fail(notComparable(path));
  if (layers.length === 0)
    return fail(diagnostic('SIM0004', 'the model has no convolution or dense layer with constant weights', { where: path }));
  return ok({ model: { name: path, identity: identityHash(program), layers }, warnings: warningsOf(model.value) });
};

const layerCount = (models: readonly KnownModel[]): number => models.reduce((n, m) => n + m.layers.length, 0);

const add = async (args: IndexArgs, context: Context, paths: readonly string[]): Promise<Result<Report>> => {
  const before = reading(context, args.file, (index) => index.all());
  // a file that is not there yet is begun
  if (!before.ok && before.diagnostics.some((d) => d.code !== 'CLI2001')) return before;
  const known = before.ok ? [...before.value] : [];
  const [problems, warnings]: [Diagnostic[], Diagnostic[]] = [[], []];
  const [added, skipped]: [string[], string[]] = [[], []];
  for (const path of paths) {
    const made = await examined(context, path, args);
    if (!made.ok) {
      problems.push(...made.diagnostics);
      continue;
    }
    warnings.push(...made.value.warnings);
    const { model } = made.value;
    if (known.some((k) => k.identity === model.identity && k.name === model.name)) skipped.push(path);
    else {
      known.push(model);
      added.push(path);
    }
  }
  if (problems.length > 0) return fail(...problems);
  if (layerCount(known) >= MAX_LAYERS) {
    const message = `the index would hold ${layerCount(known)} layers, and ${MAX_LAYERS - 1} is the most`;
    return fail(diagnostic('SIM0003', message, { where: args.file, notes: ['Begin another index.'] }));
  }
  const bytes = encodeIndex(known);
  const written = context.write(args.file, bytes);
  if (!written.ok) return written;
  const lines = [
    `${args.file}: ${known.length} models, ${bytes.length} bytes`,
    ...added.map((p) => `added ${visible(p)}`),
    ...skipped.map((p) => `${visible(p)} is known already`),
  ];
  return ok({
    json: { file: args.file, models: known.length, layers: layerCount(known), sizeBytes: bytes.length, added, known: skipped },
    text: `${lines.join('\n')}\n`,
    warnings,
  });
};

const share = (v: number): string => `${(100 * v).toFixed(1)} %`;

const neighbourRow = (n: Neighbour): readonly string[] => [
  visible(n.name),
  n.nearness.toFixed(3),
  Number.isFinite(n.distance) ? n.distance.toFixed(4) : '-',
  share(n.rows),
  share(n.covered),
  n.identity.slice(0, 16),
];

const query = async (args: IndexArgs, context: Context, path: string): Promise<Result<Report>> => {
  const made = await examined(context, path, args);
  if (!made.ok) return made;
  const { model, warnings } = made.value;
  const found = reading(context, args.file, (index) => ({ models: index.models, near: nearestModels(index, model.layers, args.top) }));
  if (!found.ok) return found;
  const { models, near } = found.value;
  const told =
    near.length === 0
      ? 'none has a layer of the sizes of this model\n'
      : formatTable(['known model', 'nearness', 'distance', 'equal rows', 'covered', 'identity'], near.map(neighbourRow));
  return ok({
    json: {
      file: args.file,
      model: path,
      identity: model.identity,
      models,
      nearest: near.map((n) => ({ ...n, distance: Number.isFinite(n.distance) ? n.distance : null })),
    },
    text: `${visible(path)} among ${models} known models\n\n${told}\nLook closer: cortexc similarity ${visible(near[0]?.name ?? 'KNOWN')} ${visible(path)}\n`,
    warnings,
  });
};

const list = (args: IndexArgs, context: Context): Result<Report> => {
  const read = reading(context, args.file, (index) => Array.from({ length: index.models }, (_, i) => index.model(i)));
  if (!read.ok) return read;
  const rows = read.value.map((m) => [visible(m.name), String(m.layers), m.identity]);
  return ok({
    json: { file: args.file, models: read.value.map(({ name, identity, layers }) => ({ name, identity, layers })) },
    text: formatTable(['model', 'layers', 'identity'], rows),
  });
};

/** `cortexc index`. */
export const indexModels = async (args: IndexArgs, context: Context): Promise<Result<Report>> => {
  const { action, top } = args;
  const paths = args.models ?? [];
  if (!Number.isInteger(top) || top < 1 || top > MOST_TOP)
    return fail(optionValue('top', `is ${top} but takes an integer from 1 to ${MOST_TOP}`));
  switch (action) {
    case 'add':
      return paths.length === 0 ? fail(argumentMissing('models', 'cortexc index add FILE MODELS...')) : add(args, context, paths);
    case 'query': {
      const [path, ...more] = paths;
      if (path === undefined) return fail(argumentMissing('models', 'cortexc index query FILE MODEL'));
      if (more.length > 0) return fail(optionsConflict('query is given several models', 'Ask about one at a time.'));
      return query(args, context, path);
    }
    case 'list':
      return paths.length === 0 ? list(args, context) : fail(optionsConflict('list is given models', 'Leave them out: list shows all.'));
    default:
      return fail(
        diagnostic('CLI1003', `action is ${visible(action)} but is one of ${ACTIONS.join(', ')}`, {
          notes: ['Usage: cortexc index add|query|list FILE [MODELS...]'],
        }),
      );
  }
};
