import {
  decodePackage,
  encodePackage,
  isPackage,
  type MetadataInput,
  type Package,
  type SourceProvenance,
} from '../../cvm-bytecode/index.ts';
import { paramDigest, type Program } from '../../ir/index.ts';
import { fail, invariant, ok, type Result } from '../../support/index.ts';
import type { Report } from '../command.ts';
import type { Context } from '../context.ts';
import { provenanceMissing, wrongKind } from '../diagnostics.ts';
import type { Json } from '../json.ts';
import { formatCount, formatFacts, formatTable, visible } from '../text.ts';
import { compilerVersion } from '../version.ts';
import type { CompileArgs } from './compile-build.ts';
import { compileAgain } from './compile-model.ts';
import { type Difference, packageDifferences } from './package-difference.ts';
import { bitsOfRecord } from './mixed.ts';
import { argsOfRecord, type RecordedOption, recordedOptions } from './provenance.ts';

export interface RebuildArgs {
  readonly package: string;
  readonly source: string;
  readonly calibration?: readonly string[] | undefined;
  readonly const?: readonly string[] | undefined;
  readonly params?: string | undefined;
}

/** An input of the compilation that is not what the package records. */
interface Cause {
  readonly what: 'source' | 'calibration' | 'compiler' | 'option';
  readonly recorded: string;
  readonly now: string;
}

interface Original {
  readonly package: Package;
  readonly source: SourceProvenance;
  readonly options: readonly RecordedOption[];
}

/** Errors: CLI2013, those of a package, and CLI2014 where it has no options. */
const readOriginal = (context: Context, path: string): Result<Original> => {
  const file = context.read(path, 'model');
  if (!file.ok) return file;
  if (!isPackage(file.value)) return fail(wrongKind(path, 'this is no package', 'Make one: cortexc compile MODEL.'));
  const decoded = decodePackage(file.value);
  if (!decoded.ok) return decoded;
  const { source } = decoded.value.metadata;
  if (source.options === undefined) return fail(provenanceMissing(path, 'it does not say with which options it was compiled'));
  return ok({ package: decoded.value, source, options: source.options });
};

/** Arguments that compile takes and that decide nothing. */
const NEUTRAL = { bits: '8', pot: false, 'output-bits': 16, 'calibration-limit': 500, float: false, storage: 'plain' };

/** The command line that the package was compiled with, on the files that are given now. */
const compileArgs = (args: RebuildArgs, { options }: Original): Result<CompileArgs> => {
  const recorded = argsOfRecord(args.package, options, args.const ?? []);
  if (!recorded.ok) return recorded;
  const given = { model: args.source, calibration: args.calibration, params: args.params };
  // what the record does not name has the value that decides nothing
  return ok({ ...NEUTRAL, ...recorded.value, ...given } as CompileArgs);
};

/** The metadata that a user writes, and the name of the file, say nothing of the bytes' origin: they are the package's own. */
const withOwnWords = (made: MetadataInput, { package: { metadata }, source }: Original): MetadataInput => ({
  ...made,
  name: metadata.name,
  author: metadata.author,
  description: metadata.description,
  licence: metadata.licence,
  version: metadata.version,
  ...(metadata.labels === undefined ? {} : { labels: metadata.labels }),
  source: { ...made.source, file: source.file },
});

const quantizationText = (q: SourceProvenance['quantization']): string =>
  q === undefined ? 'none' : `${formatCount(q.samples)} samples, sha256 ${q.calibration ?? 'unknown'}`;

const optionText = (options: readonly RecordedOption[]): string => options.map(([name, value]) => `--${name} ${value}`).join(' ');

/** The inputs that differ from the record, in the order in which they act. */
const causesOf = ({ source, options }: Original, made: MetadataInput, now: readonly RecordedOption[]): readonly Cause[] => {
  const pairs: readonly (readonly [Cause['what'], string, string])[] = [
    ['source', `sha256 ${source.sha256}`, `sha256 ${made.source.sha256}`],
    ['calibration', quantizationText(source.quantization), quantizationText(made.source.quantization)],
    ['option', optionText(options), optionText(now)],
    ['compiler', source.compilerVersion, made.source.compilerVersion],
  ];
  return pairs.filter(([, a, b]) => a !== b).map(([what, recorded, own]) => ({ what, recorded, now: own }));
};

const differenceText = ({ elements, greatest = 0, first, second }: Difference): readonly [string, string] => {
  if (elements === undefined) return [first, second];
  return [first, elements === 1 ? `1 element differs, by ${greatest}` : `${formatCount(elements)} elements differ, by ${greatest} at most`];
};

/** Parameters have no names of their own in a package: the names that they have in the model are put behind. */
const withNames = (differences: readonly Difference[], again: Package, made: Program): readonly Difference[] => {
  const names = new Map(made.params.map((p) => [paramDigest(p.tensor), p.name]));
  const known = new Map(again.program.params.map((p) => [p.name, names.get(paramDigest(p.tensor))]));
  return differences.map((d) => {
    const name = d.part === 'parameter' ? known.get(d.where) : undefined;
    return name === undefined ? d : { ...d, where: `${d.where} (${name})` };
  });
};

const reportText = (original: Package, again: Package, causes: readonly Cause[], differences: readonly Difference[]): string => {
  const [cause] = causes;
  const why =
    cause === undefined
      ? 'source, calibration, options and compiler are those of the record: the package holds something else'
      : `the ${cause.what} is not that of the record`;
  return [
    formatFacts([
      ['package', original.cid],
      ['rebuilt', again.cid],
      ['result', `different: ${why}`],
      ...causes.flatMap((c): (readonly [string, string])[] => [
        [`${c.what} then`, visible(c.recorded)],
        [`${c.what} now`, visible(c.now)],
      ]),
    ]),
    '\n',
    formatTable(
      ['part', 'where', 'package', 'rebuilt'],
      differences.map((d) => [d.part, visible(d.where), ...differenceText(d).map(visible)]),
    ),
  ].join('');
};

const differenceJson = (d: Difference): Json => ({
  part: d.part,
  where: d.where,
  package: d.first,
  rebuilt: d.second,
  ...(d.elements === undefined ? {} : { elements: d.elements, greatest: d.greatest ?? 0 }),
});

/** `cortexc rebuild`: the package again from its source, and how it differs. */
export const rebuildPackage = async (args: RebuildArgs, context: Context): Promise<Result<Report>> => {
  const original = readOriginal(context, args.package);
  if (!original.ok) return original;
  const words = compileArgs(args, original.value);
  if (!words.ok) return words;
  const compiled = await compileAgain(words.value, context, bitsOfRecord(original.value.source.quantization));
  if (!compiled.ok) return compiled;
  const { program, floatParameters, warnings } = compiled.value;
  const metadata = withOwnWords(compiled.value.metadata, original.value);
  const bytes = encodePackage({ program, metadata, floatParameters });
  if (!bytes.ok) return bytes;
  const again = decodePackage(bytes.value);
  invariant(again.ok, 'the package that was just written reads');
  const same = again.value.cid === original.value.package.cid;
  const head = { package: original.value.package.cid, rebuilt: again.value.cid, same, compilerVersion: compilerVersion() };
  if (same) {
    const text = formatFacts([
      ['package', head.package],
      ['rebuilt', head.rebuilt],
      ['result', 'the same bytes'],
    ]);
    return ok({ exit: 0, json: { ...head, causes: [], differences: [] }, text, warnings });
  }
  const now = recordedOptions(words.value, context);
  if (!now.ok) return now;
  const causes = causesOf(original.value, metadata, now.value);
  const differences = withNames(packageDifferences(original.value.package, again.value), again.value, program);
  return ok({
    exit: 1,
    json: { ...head, causes: causes.map((c) => ({ ...c })), differences: differences.map(differenceJson) },
    text: reportText(original.value.package, again.value, causes, differences),
    warnings,
  });
};
