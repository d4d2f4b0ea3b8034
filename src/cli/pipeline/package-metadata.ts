import { basename } from 'node:path';
import { type MetadataInput, portMetadata, type PortMetadata, type Preprocessing } from '../../cvm-bytecode/index.ts';
import { formatType, isStaticType, type Program, typeOf } from '../../ir/index.ts';
import { fail, ok, type Result } from '../../support/index.ts';
import type { Context } from '../context.ts';
import { labelsMisfit } from '../diagnostics.ts';
import { compilerVersion } from '../version.ts';
import { readLabels } from './labels.ts';
import type { Quantization } from './execute.ts';
import { formatOf, type PortScales, type Source } from './model.ts';
import type { PreparationArgs } from './preparation.ts';
import type { PreparationOptions } from './samples.ts';

export interface MetadataArgs extends PreparationArgs {
  readonly name?: string | undefined;
  readonly author?: string | undefined;
  readonly description?: string | undefined;
  readonly licence?: string | undefined;
  readonly 'model-version'?: string | undefined;
  readonly labels?: string | undefined;
}

/** What quantization did, for the record of where a package comes from. */
export interface QuantizationRecord {
  readonly method: string;
  readonly bits: number;
  readonly samples: number;
  readonly calibration?: string;
  /** Layers whose bits are others: name, bits of the weights, bits of the result. */
  readonly layers?: readonly (readonly [string, number, number])[];
}

/** Text that fits a one-line field: control and separator characters become spaces. */
const oneLine = (text: string, most: number): string =>
  text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]+/gu, ' ')
    .trim()
    .slice(0, most);

/** A file name that is no path anywhere. */
const plain = (name: string): string => oneLine(name.replace(/[\\/:]+/g, '_'), 60).replace(/^[.]+$/, '') || 'model';

/** -0 has no encoding in a package. */
const positive = (values: readonly number[]): readonly number[] => values.map((v) => (v === 0 ? 0 : v));

/** How pictures are prepared, for an input of rank 4 with 1 or 3 channels; undefined when no picture option was given. */
const preprocessingOf = (args: PreparationArgs, options: PreparationOptions, shape: readonly number[]): Preprocessing | undefined => {
  const asked = [args.mean, args.std, args.scale, args.layout, args.channels, args.resize, args.crop].some((v) => v !== undefined);
  if (!asked || shape.length < 3) return undefined;
  const layout = options.layout ?? 'nchw';
  const channelCount = layout === 'nchw' ? (shape.at(-3) ?? 0) : (shape.at(-1) ?? 0);
  if (channelCount !== 1 && channelCount !== 3) return undefined;
  const channels = options.channels ?? (channelCount === 1 ? 'gray' : 'rgb');
  const { resize, crop } = options;
  return {
    mean: positive(options.mean ?? [0]),
    std: positive(options.std ?? [1]),
    scale: options.scale ?? 1 / 255,
    layout: layout === 'nchw' ? 'NCHW' : 'NHWC',
    channels: channels === 'gray' ? 'gray' : channels === 'bgr' ? 'BGR' : 'RGB',
    ...(resize === undefined
      ? {}
      : { resize: { width: resize, height: resize, filter: 'bilinear', fit: 'crop', ...(crop === undefined ? {} : { crop }) } }),
  };
};

/** Says how pictures are prepared in the metadata of every input that takes them. */
export const withPreprocessing = (
  ports: readonly PortMetadata[],
  args: PreparationArgs,
  options: PreparationOptions,
): readonly PortMetadata[] =>
  ports.map((port) => {
    const preprocessing = preprocessingOf(args, options, port.shape);
    return preprocessing === undefined ? port : { ...port, preprocessing };
  });

/** Class names for the package; as many as the first output has classes on some axis. Errors: those of the file, CLI2012. */
export const labelsFor = (context: Context, path: string | undefined, program: Program): Result<readonly string[] | undefined> => {
  if (path === undefined) return ok(undefined);
  const labels = readLabels(context, path);
  const [output] = program.outputs;
  const type = output === undefined ? undefined : typeOf(program, output.value);
  if (!labels.ok || type === undefined || !isStaticType(type)) return labels;
  const count = labels.value.length;
  if (type.shape.includes(count)) return labels;
  return fail(labelsMisfit(path, `the file has ${count} lines, but the first output is ${formatType(type)}`));
};

const metaText = (model: Source, name: string): string | undefined => {
  const value = model.meta?.get(name);
  return value === undefined ? undefined : String(value);
};

/** Metadata from the options, else from the model string, else from the file. */
export const metadataOf = (
  args: MetadataArgs,
  model: Source,
  labels: readonly string[] | undefined,
  quantization: QuantizationRecord | undefined,
): Omit<MetadataInput, 'inputs' | 'outputs'> => {
  const file = basename(model.path);
  const producer = model.producer === undefined ? '' : oneLine(model.producer, 120);
  return {
    name: args.name ?? metaText(model, 'name') ?? plain(file.replace(/[.](onnx|tflite|mrl)$/i, '')),
    author: args.author ?? metaText(model, 'author') ?? '',
    description: args.description ?? metaText(model, 'description') ?? '',
    licence: args.licence ?? metaText(model, 'licence') ?? metaText(model, 'license') ?? '',
    version: args['model-version'] ?? metaText(model, 'version') ?? '',
    source: {
      format: formatOf(model),
      file: plain(file),
      sha256: model.sha256,
      compilerVersion: compilerVersion(),
      ...(model.opset === undefined ? {} : { opset: model.opset }),
      ...(producer === '' ? {} : { producer }),
      ...(quantization === undefined ? {} : { quantization }),
    },
    ...(labels === undefined ? {} : { labels }),
  };
};

const scaled = (ports: readonly PortMetadata[], scales: readonly (Quantization | undefined)[]): readonly PortMetadata[] =>
  ports.map((port, i) => ({ ...scales[i], ...port }));

/** Integer ports that stay as a quantized source has them keep the scales that it gives them. */
export const withSourceScales = (metadata: MetadataInput, program: Program, scales: PortScales | undefined): MetadataInput =>
  scales === undefined
    ? metadata
    : {
        ...metadata,
        inputs: scaled(metadata.inputs ?? portMetadata(program, program.inputs), scales.inputs),
        outputs: scaled(metadata.outputs ?? portMetadata(program, program.outputs), scales.outputs),
      };
